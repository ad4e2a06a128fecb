"""The bars of the load generator: what is within one holds, what is beyond is missed, what was not compared is said."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.generator.comparison import Cell, Choices, Ratio
from bench.generator.contender import Spread
from bench.generator.peak import Peak
from bench.generator.server import BareServer
from bench.selfcheck import generator
from bench.stack.supervisor import Supervisor
from tests.bench.generator.made_up import CELL

PAIR = replace(CELL, rows=CELL.rows[:2])


def _held(cell: Cell) -> list[bool]:
    """Cost, response, lateness, faults of either."""
    return [finding.holds for finding in generator.judge(cell)]


def test_what_is_within_every_bar_holds() -> None:
    """Half the cost, the same response, a tenth of a millisecond late, no fault."""
    assert _held(PAIR) == [True] * 5


@pytest.mark.parametrize(
    ("number", "field", "value", "missed"),
    [
        (0, "to_k6", Ratio(0.751, 0.7, 0.8), 0),
        (0, "response", Spread(0.651, 2.0), 1),
        (1, "response", Spread(0.349, 2.0), 1),
        (0, "recorded", Spread(0.1, 0.301), 2),
        (0, "recorded", None, 2),
        (0, "failed", 1, 3),
        (1, "refused", 1, 4),
    ],
)
def test_what_is_beyond_a_bar_is_missed(number: int, field: str, value: object, missed: int) -> None:
    """That bar alone."""
    rows = list(PAIR.rows)
    rows[number] = replace(rows[number], **{field: value})  # type: ignore[arg-type]
    assert _held(replace(PAIR, rows=tuple(rows))) == [number != missed for number in range(5)]


def test_at_the_highest_rate_more_is_allowed() -> None:
    """0.85 of k6's cost and 0.6 ms at 2,000 a second."""
    rows = (replace(PAIR.rows[0], to_k6=Ratio(0.84, 0.8, 0.9), recorded=Spread(0.1, 0.59)), PAIR.rows[1])
    assert all(_held(replace(PAIR, rate_rps=2000, rows=rows)))


def test_a_worker_is_as_strong_as_its_highest_rate() -> None:
    """The highest rate that was reached counts, whatever became of those above or below it."""
    reached, late = Peak(5000, 0.995, 0), Peak(6000, 0.98, 0)
    assert generator.judge_peaks("cookie", (Peak(4000, 0.9, 0), reached, late)).holds
    assert not generator.judge_peaks("cookie", (late, replace(reached, failed=1))).holds


def test_without_k6_the_rest_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that nothing was compared and how to get k6; lateness, faults and peaks are judged all the same."""
    alone = replace(CELL, rows=CELL.rows[:1])

    def compare(_: Supervisor, __: BareServer, choices: Choices) -> Iterator[Cell]:
        assert [contender.name for contender in choices.contenders] == ["ours"]
        yield alone

    gone = replace(generator.k6.CONTENDER, is_installed=lambda: False)
    monkeypatch.setattr(generator.k6, "CONTENDER", gone)
    monkeypatch.setattr(generator, "compare", compare)
    monkeypatch.setattr(generator, "BareServer", lambda _: None)
    monkeypatch.setattr(generator, "offer", lambda *_: iter([Peak(5000, 1.0, 0)]))
    first, *rest = generator.run()
    assert "k6 is not installed" in first.figure
    assert [finding.holds for finding in rest] == [True] * 4
    monkeypatch.setattr(generator, "offer", lambda *_: iter([Peak(5000, 0.5, 0)]))
    assert [finding.holds for finding in generator.run()] == [True, True, True, False, False]
