"""Rounds are folded as pairs: what disturbs a whole round moves no ratio, and who did not run has none."""

from bench.generator.comparison import Ratio, ratio, row
from bench.generator.contender import Spread
from tests.bench.generator.made_up import ROUNDS, outcome


def test_a_disturbed_round_moves_no_ratio() -> None:
    """The median of the ratios within rounds, with the smallest and the largest."""
    assert ratio("ours", "k6", ROUNDS) == Ratio(0.5, 0.45, 0.55)


def test_without_the_other_there_is_no_ratio() -> None:
    """A round in which one of the two did not run is no pair."""
    assert ratio("ours", "fasthttp", ROUNDS) is None
    assert ratio("ours", "k6", [[outcome("ours", 1.0)]]) is None


def test_a_row_holds_medians_and_every_fault() -> None:
    """Costs, times and shares by their medians; refusals are added up, for one alone is a reason to doubt."""
    rounds = [[outcome("ours", cost, p50_ms=cost, refused=1)] for cost in (1.0, 9.0, 2.0)]
    found = row("ours", rounds)
    assert (found.cpu_us, found.sent_ratio, found.refused) == (2.0, 1.0, 3)
    assert found.response == Spread(2.0, 6.0)
    assert found.recorded == Spread(0.2, 0.4)


def test_who_has_no_schedule_tells_no_lateness() -> None:
    """Neither lateness nor a share of what was to be sent."""
    found = row("wrk", ROUNDS)
    assert (found.lateness, found.response, found.recorded, found.sent_ratio) == (None, None, None, None)
