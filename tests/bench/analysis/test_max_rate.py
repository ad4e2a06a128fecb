"""What probes come to: a rate with its interval, none with the reason, or INVALID; never more than was shown."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.intervals import mean
from bench.analysis.ladder import GENERATOR_LIMITED, LADDER, START, STEP_RATIO, TOP, Probe
from bench.analysis.max_rate import SETS, conclude, estimate, start_of
from bench.analysis.model import Verdict
from loadtests.plan import ArmPlan

ARM = ArmPlan("redis", "redis-session", "cookie", 2, "roundrobin", "steady", 100)
GOOD = Verdict("VALID")
DISTURBED = Verdict("INVALID", ("other programs",), disturbed=True)
STARVED = Verdict("INVALID", (f"{GENERATOR_LIMITED} at 99 requests/s: it used 93 % of a core; do this",))


def met(process_set: int, rung: int) -> Probe:
    """A probe within the SLO."""
    return Probe(process_set, rung, 10, 1000, 1000, 0, 12.0 + process_set, True, 0.2, GOOD)  # noqa: FBT003


def missed(process_set: int, rung: int, verdict: Verdict = GOOD, *, refused: int = 0, failed: int = 0) -> Probe:
    """A probe beyond it."""
    p99_ms = math.inf if refused or failed else 50.0
    succeeded = 1000 - refused - failed
    return Probe(process_set, rung, 10, 1000, succeeded, refused, p99_ms, False, 0.2, verdict)  # noqa: FBT003


def pair(process_set: int, rung: int) -> list[Probe]:
    """A set that settled on `rung`."""
    return [met(process_set, rung), missed(process_set, rung + 1)]


SEARCHED = pair(0, 40)
VERIFIED = [*SEARCHED, *(probe for number in range(1, 6) for probe in pair(number, 38 + number % 3))]


def test_five_sets_give_a_rate_with_its_interval() -> None:
    """The geometric mean of what they met, p99 and goodput at it; the searching set is not among them."""
    found = conclude(ARM, VERIFIED)
    rates = [LADDER[38 + number % 3] for number in range(1, 6)]
    assert found.verdict == GOOD
    assert found.settled_rps == tuple(rates)
    assert found.rate_rps == estimate(rates)
    assert found.p99_ms == mean([13.0, 14.0, 15.0, 16.0, 17.0])
    assert found.goodput_rps == mean([100.0] * 5)
    assert (found.limit, found.refused_ratio, found.met_rps, found.is_never_met) == ("p99", 0.0, LADDER[40], False)
    assert found.probes == tuple(VERIFIED)


@given(st.lists(st.integers(0, TOP - 1), min_size=2, max_size=SETS))
def test_the_interval_holds_the_sets_and_the_step_above(rungs: list[int]) -> None:
    """It reaches from the mean of the rates met at least to that of the rates missed, and grows with their spread."""
    found = estimate([LADDER[rung] for rung in rungs])
    assert found.low <= found.value <= found.high
    assert found.high >= found.value * STEP_RATIO * (1 - 1e-9)
    assert min(LADDER[rung] for rung in rungs) <= found.value * (1 + 1e-9)
    assert estimate([100.0] * 5) == estimate([100.0] * 2)


def test_one_set_has_no_interval() -> None:
    """Nothing is known of how process sets differ."""
    found = conclude(ARM, [*SEARCHED, *pair(1, 39)], sets=1)
    assert found.rate_rps is not None
    assert (found.verdict, found.rate_rps.value, found.rate_rps.high) == (GOOD, pytest.approx(LADDER[39]), math.inf)


def test_a_disturbed_set_is_set_aside_while_others_stand_in() -> None:
    """Two of five may be missing and are named; with three missing nothing is told but what was met."""
    two = [probe for probe in VERIFIED if probe.process_set < 4]
    found = conclude(ARM, [*two, missed(4, 40, DISTURBED), met(5, 40), met(5, 41)])
    assert found.verdict.status == "VALID"
    assert found.verdict.reasons == (
        "process set 4 set aside: other programs",
        f"process set 5 set aside: found no limit from {LADDER[40]:g} to {LADDER[41]:g} requests/s",
    )
    assert found.settled_rps[3:] == (None, None)
    few = conclude(ARM, [probe for probe in VERIFIED if probe.process_set < 3])
    assert (few.verdict.status, few.verdict.disturbed, few.rate_rps, few.limit) == ("INVALID", True, None, None)
    assert few.met_rps == LADDER[40]
    assert few.verdict.reasons[0] == "process set 3 set aside: not measured"


@pytest.mark.parametrize("process_set", [0, 3])
def test_a_starved_generator_makes_it_invalid(process_set: int) -> None:
    """In whichever set it was: the rate lies higher than what was met, and nobody knows where."""
    kept = [probe for probe in VERIFIED if probe.process_set < process_set]
    found = conclude(ARM, [*kept, met(process_set, 44), missed(process_set, 45, STARVED)])
    assert found.verdict == STARVED
    assert (found.limit, found.rate_rps, found.met_rps) == ("generator", None, LADDER[44])


def test_where_no_rate_meets_it_that_is_the_result() -> None:
    """Half refused at every rate: believed, without a rate, with the share at the lowest one."""
    found = conclude(ARM, [missed(0, START, refused=510), missed(0, 0, refused=480)])
    assert (found.verdict, found.rate_rps, found.is_never_met) == (GOOD, None, True)
    assert (found.limit, found.refused_ratio, found.met_rps) == ("refusals", 0.48, None)


def test_errors_are_a_limit_of_their_own() -> None:
    """Told apart from refusals and from slowness, by what most misses were."""
    found = conclude(ARM, [*SEARCHED, *(one for n in range(1, 6) for one in (met(n, 39), missed(n, 40, failed=30)))])
    assert found.limit == "errors"


@pytest.mark.parametrize(
    ("probes", "reason"),
    [
        ([], "not measured; run it again"),
        ([met(0, START)], "the search was not finished; run it again"),
        ([met(0, TOP)], "met at 49,130 requests/s, the highest that is offered"),
        ([missed(0, START, DISTURBED)], "other programs"),
    ],
)
def test_a_search_without_an_end_is_invalid(probes: list[Probe], reason: str) -> None:
    """Interrupted, out of rungs or disturbed: nothing is told that was not shown, and nothing is verified."""
    found = conclude(ARM, probes)
    assert (found.verdict.status, found.verdict.reasons, found.rate_rps) == ("INVALID", (reason,), None)
    assert start_of(probes) is None


def test_what_nothing_counts_along_is_unproven() -> None:
    """One UNPROVEN probe among the verifying ones is enough."""
    doubted = [replace(VERIFIED[-1], verdict=Verdict("UNPROVEN", ("layer 4",)))]
    found = conclude(ARM, [*VERIFIED[:-1], *doubted])
    assert found.verdict.status == "UNPROVEN"
    assert found.rate_rps is not None
