"""Stores that move away: whoever asks them waits for every round trip, and whoever does not does not notice."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf

import pytest

from bench.analysis.model import Verdict
from bench.consequences.experiment import conduct, harms
from bench.consequences.lab import Lab
from bench.consequences.model import Outcome
from bench.consequences.reading import NS_PER_MS, Observation
from bench.consequences.store_distance import (
    ADDED,
    ADDED_TO_RENEWAL,
    EXPERIMENT,
    MATTERS,
    MEDIAN,
    PINGED,
    RENEWAL,
    TOKEN,
    At,
    Curve,
)
from loadtests.plan import ArmPlan
from loadtests.record import Sample
from services.catalogue import SCHEMES

VALID = Verdict("VALID")


@pytest.fixture(scope="module")
def outcomes(lab: Lab) -> Sequence[Outcome]:
    """Of sessions in Redis and of rotation in PostgreSQL, beside the control and the token that are always there."""
    return conduct(EXPERIMENT, lab, ["redis-session", "refresh-token"])


@pytest.mark.stack
def test_every_scheme_is_measured_at_every_distance(outcomes: Sequence[Outcome]) -> None:
    """None and 50 ms, the first the control and free of harm; nobody is logged out for a distance."""
    curves = [(one.scheme, one.at, one.is_control) for one in outcomes if one.at is not None]
    assert curves == [
        (scheme, at, at == 0) for scheme in ("none", TOKEN, "redis-session", "refresh-token") for at in (0.0, 50.0)
    ]
    assert [list(harms(one)) for one in outcomes] == [[]] * len(outcomes)


@pytest.mark.stack
def test_a_session_waits_for_its_store(outcomes: Sequence[Outcome]) -> None:
    """Its answers take the round trip at least, and theory adds what a ping took; a token's wait for nothing."""
    far = {one.scheme: one for one in outcomes if one.at == 50}
    session = far["redis-session"]
    assert session.figure(MEDIAN).value >= 50
    assert session.figure(ADDED).predicted == session.figure(PINGED).value
    assert far[TOKEN].figure(ADDED).predicted == 0
    for scheme, name in (("none", ADDED), (TOKEN, PINGED)):
        with pytest.raises(KeyError):
            far[scheme].figure(name)


@pytest.mark.stack
def test_a_renewal_waits_for_each_of_its_round_trips(outcomes: Sequence[Outcome]) -> None:
    """A transaction of five is five times as far away; a read with the token it gave is not."""
    (far,) = (one for one in outcomes if (one.scheme, one.at) == ("refresh-token", 50))
    assert far.figure(RENEWAL).value >= 5 * 50
    assert far.figure(ADDED_TO_RENEWAL).predicted == 5 * far.figure(PINGED).value
    assert far.figure(ADDED).predicted == 0


@pytest.mark.stack
def test_a_token_matters_from_some_distance_on(outcomes: Sequence[Outcome]) -> None:
    """At 50 ms it does, if not before; who asks no store is not held against it."""
    (against,) = (one for one in outcomes if one.at is None)
    assert (against.scheme, against.figure(MATTERS).value <= 50) == ("redis-session", True)
    assert against.headline.startswith("a token is faster from ")


def _seen(scheme: str, times_ms: Sequence[float], verdict: Verdict = VALID) -> Observation:
    """Answers that took `times_ms`."""
    arm = ArmPlan(scheme, scheme, "bearer", 1, "roundrobin", "steady", 4)
    took = (round(each * NS_PER_MS) for each in times_ms)
    first = Sample(0, "read", 0, 0, 0, 200, "", "replica-1", had_valid_credential=True, bytes_up=100, bytes_down=100)
    samples = tuple(replace(first, done_ns=each) for each in took)
    return Observation(arm, samples, 0, 1, (), verdict, f"{scheme}.jsonl.gz")


def _points(scheme: str, *medians_ms: float, pinged_more_ms: float = 1.0) -> list[At]:
    """A hundred answers each, at 0, 1, 2, ... ms, within 2 % of the medians; pings take 0.5 ms and so much a step."""
    spread = [0.98 + 0.04 * place / 99 for place in range(100)]
    return [
        At(
            distance_ms,
            (_seen(scheme, [median_ms * each for each in spread]),),
            pinged_ms=(0.5 + distance_ms * pinged_more_ms,) * 9,
        )
        for distance_ms, median_ms in enumerate(medians_ms)
    ]


def test_what_slows_down_everybody_is_not_the_distance() -> None:
    """A slice in which the control took 3 ms longer added to the session what is left over that."""
    curve = Curve(SCHEMES["redis-session"], _points("redis-session", 2, 6), _points("none", 1, 4))
    _, far = curve.outcomes()
    added = far.figure(ADDED)
    assert added.low is not None
    assert added.low < added.value == pytest.approx(1, abs=0.1)
    assert not added.misses_theory


def test_the_distance_that_counts_is_the_one_that_is_there() -> None:
    """Where a ping takes 1.6 ms longer, an answer that takes 1.6 ms longer fits and one of the asked 1 ms does not."""
    control = _points("none", 1, 1)
    slow, exact = (
        Curve(SCHEMES["redis-session"], _points("redis-session", 2, far_ms, pinged_more_ms=1.6), control)
        for far_ms in (3.6, 3)
    )
    (_, fits), (_, not_so) = slow.outcomes(), exact.outcomes()
    assert fits.figure(PINGED).value == pytest.approx(1.6)
    assert (fits.figure(ADDED).misses_theory, not_so.figure(ADDED).misses_theory) == (False, True)


def test_without_a_ping_nothing_is_predicted_of_who_asks_a_store() -> None:
    """The distance is not known then, so neither is what it should add."""
    points = [replace(point, pinged_ms=()) for point in _points("redis-session", 2, 3)]
    _, far = Curve(SCHEMES["redis-session"], points, _points("none", 1, 1)).outcomes()
    for name in (ADDED, PINGED):
        with pytest.raises(KeyError):
            far.figure(name)


def test_what_is_said_of_a_token_rests_on_no_farther_distance() -> None:
    """A disturbed slice at 2 ms does not touch that a token is faster from 1 ms; one at 1 ms does."""
    control, token = _points("none", 1, 1, 1), _points(TOKEN, 2, 2, 2)
    curve = Curve(SCHEMES["redis-session"], _points("redis-session", 2, 3, 4), control)
    disturbed = Verdict("INVALID", ("late",), disturbed=True)
    for place, status in ((2, "VALID"), (1, "INVALID")):
        points = list(token)
        points[place] = At(place, (_seen(TOKEN, [2.0] * 100, disturbed),))
        against = curve.against(points)
        assert (against.figure(MATTERS).value, against.verdict.status) == (1, status)


def test_the_distance_where_a_token_matters_is_the_first_beyond_the_intervals() -> None:
    """Medians that are apart by chance do not count; where the token is never faster the distance is infinite."""
    control, token = _points("none", 1, 1, 1), _points(TOKEN, 2, 2, 2)
    faster = Curve(SCHEMES["redis-session"], _points("redis-session", 2.001, 3, 4), control).against(token)
    assert (faster.figure(MATTERS).value, faster.headline) == (1, "a token is faster from 1 ms")
    never = Curve(SCHEMES["redis-session"], _points("redis-session", 1, 1, 2), control).against(token)
    assert (never.figure(MATTERS).value, never.headline) == (inf, "a token is never faster")


def test_where_nobody_was_answered_nothing_is_made_up() -> None:
    """No median, no tail, no pace: infinite or absent."""
    silent = At(0, (_seen("none", []),))
    assert silent.median.value == inf
    assert [*silent.tail(), *silent.pace()] == []
