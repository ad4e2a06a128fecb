"""A herd of tokens: the wave is seen in the database, jitter flattens it, and nobody is logged out."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from bench.analysis.model import Verdict
from bench.consequences.experiment import conduct
from bench.consequences.expiry_herd import (
    EXPERIMENT,
    OVER_EVEN,
    PEAK,
    RENEWALS,
    SIZES,
    Issued,
    Kind,
    Visit,
    Wave,
    concerns,
    visits,
)
from bench.consequences.lab import Lab
from bench.consequences.model import Outcome
from bench.consequences.reading import LOGGED_OUT, Observation
from loadtests.plan import ArmPlan
from loadtests.record import Sample, StepName
from services.catalogue import SCHEMES

MS = 1_000_000


@pytest.fixture(scope="module")
def outcomes(lab: Lab) -> Mapping[tuple[str, str], Outcome]:
    """Where clients renew by themselves, run once for the module."""
    found = conduct(EXPERIMENT, lab, ["refresh-token"])
    return {(outcome.scheme, outcome.setting): outcome for outcome in found}


@pytest.mark.stack
def test_tokens_that_end_are_renewed_and_nobody_notices(outcomes: Mapping[tuple[str, str], Outcome]) -> None:
    """At least once for each user who came back; no user is logged out, no request fails, and the wave has a peak."""
    size = SIZES["tiny"]
    for outcome in (one for one in outcomes.values() if not one.is_control):
        assert outcome.figure(LOGGED_OUT).value == 0
        assert outcome.figure(RENEWALS).value >= size.visitors / 2
        assert 1 <= outcome.figure(PEAK).value <= size.rate_rps * 2
        assert outcome.figure(OVER_EVEN).value > 0
        assert outcome.timeline is not None
        assert outcome.headline.startswith("peak ")


@pytest.mark.stack
def test_without_an_end_there_is_no_wave(outcomes: Mapping[tuple[str, str], Outcome]) -> None:
    """The control: the same users, whose tokens live for half an hour."""
    (control,) = (outcome for outcome in outcomes.values() if outcome.is_control)
    assert control.figure(RENEWALS).value == 0
    assert control.headline == "nothing"
    assert control.timeline is None


@pytest.mark.stack
def test_visitors_are_told_apart_by_their_arms(outcomes: Mapping[tuple[str, str], Outcome]) -> None:
    """Three settings, which differ in what their tokens do."""
    assert [setting.partition(", ")[2] for _, setting in outcomes] == [
        *("no token ends", "tokens live 3 s, no jitter", "tokens live 3 s, jitter 50 %")
    ]


ARM = ArmPlan("arm", "refresh-token", "bearer", 1, "roundrobin", "steady", visitors=2)


def _sample(
    visitor: int, step: StepName, at_ms: tuple[float, float], status: int = 200, *, valid: bool = True
) -> Sample:
    """Sent when it was intended."""
    sent_ns, done_ns = (round(one * MS) for one in at_ms)
    return Sample(visitor, step, sent_ns, sent_ns, done_ns, status, "", "replica-1", valid, 1, 1)


def _seen(*samples: Sample) -> Observation:
    return Observation(ARM, samples, 0, 10, (), Verdict("VALID"), "record")


def test_a_visit_ends_with_the_retry() -> None:
    """A read, the refresh it takes and the read again are what a user waits for; other visits are apart."""
    seen = _seen(
        _sample(0, "read", (1000, 1002), 401, valid=False),
        _sample(1, "read", (1001, 1003)),
        _sample(0, "refresh", (1002, 1010)),
        _sample(0, "read", (1010, 1012)),
        _sample(0, "read", (2000, 2004)),
    )
    told = sorted(visits(seen), key=lambda visit: visit.began_s)
    assert told == [Visit(0, 1.0, 12.0, 200), Visit(1, 1.001, 2.0, 200), Visit(0, 2.0, 4.0, 200)]


def _logged_out(*samples: Sample) -> float:
    """How many users the experiment takes for logged out."""
    kind = Kind(ARM, "2 users", 2)
    how = kind.renewing(is_fronted=False, rate_rps=2.0)
    issued = Issued(np.array([-1.0, -0.5]), np.array([]), 0.0)
    return Wave(kind, how, _seen(*samples), issued, seed=1).outcome().figure(LOGGED_OUT).value


def test_who_cannot_renew_is_logged_out() -> None:
    """A token that ended, on the way even, is renewed; whose visit ends with a refusal has nothing left to try."""
    expired = _sample(0, "read", (0, 1), 401, valid=True)
    assert _logged_out(expired, _sample(0, "refresh", (1, 2)), _sample(0, "read", (2, 3))) == 0
    assert _logged_out(expired, _sample(0, "refresh", (1, 2), 401, valid=False)) == 1
    assert _logged_out(expired, _sample(1, "read", (1, 2), 401)) == 2


def test_a_wave_that_logs_somebody_out_is_harm() -> None:
    """The oracle sees its fault; what users waited is told where there are enough of them."""
    samples = [_sample(one % 2, "read", (10.0 * one, 10.0 * one + 1)) for one in range(300)]
    refused = _sample(1, "refresh", (3001, 3002), 401, valid=False)
    kind = Kind(ARM, "2 users", 2, 0.5)
    issued = Issued(np.array([-1.0, -0.5]), np.array([1.5, 1.6, 2.9]), 0.0)
    how = kind.renewing(is_fronted=False, rate_rps=2.0)
    outcome = Wave(kind, how, _seen(*samples, refused), issued, seed=1).outcome()
    assert outcome.figure(LOGGED_OUT).value == 1
    assert outcome.figure(LOGGED_OUT).is_harm
    assert outcome.figure(PEAK).value == 2
    assert outcome.figure("users waited, p95, before").value == pytest.approx(1)
    assert outcome.figure("users waited, p95, in the wave").value == pytest.approx(1)
    calm = replace(kind, calm=True)
    assert Wave(calm, how, _seen(*samples), issued, seed=1).outcome().figure(RENEWALS).is_harm


def test_a_bff_goes_by_what_it_was_promised() -> None:
    """It renews a second early, or half of the shortest life where that is less."""
    fronted = Kind(ARM, "", 6, 0.5).renewing(is_fronted=True, rate_rps=4.0)
    assert (fronted.shortest_s, fronted.longest_s, fronted.early_s, fronted.in_whole_seconds) == (3, 6, 1, False)
    assert fronted.rate_per_s == 2
    assert Kind(ARM, "", 2, 0.5).renewing(is_fronted=True, rate_rps=4.0).early_s == 0.5


def test_it_concerns_what_is_renewed() -> None:
    """Where a token ends for good, there is no wave but one of logins."""
    assert [name for name, spec in SCHEMES.items() if concerns(spec)] == ["refresh-token", "bff"]
