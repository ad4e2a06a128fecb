"""Outcomes nobody measured, for what only folds or tells them."""

from bench.generator.comparison import Cell, row
from bench.generator.contender import Name, Spread
from bench.generator.round import Outcome

NAMES: tuple[Name, ...] = ("ours", "k6", "wrk")


def outcome(name: Name, cpu_us: float, p50_ms: float = 0.5, refused: int = 0) -> Outcome:
    """All that a paced generator tells; wrk tells less."""
    if name == "wrk":
        return Outcome(name, cpu_us, None, None, None, None, refused, failed=0)
    times = Spread(p50_ms, 3 * p50_ms)
    recorded = Spread(p50_ms / 10, p50_ms / 5) if name == "ours" else None
    return Outcome(name, cpu_us, 1.0, times, recorded, times, refused, failed=0)


ROUNDS = tuple(
    tuple(outcome(name, cost * disturbed) for name, cost in zip(NAMES, costs, strict=True))
    for costs, disturbed in (((200.0, 400.0, 40.0), 1.0), ((220.0, 400.0, 40.0), 5.0), ((180.0, 400.0, 40.0), 1.0))
)
"""Three rounds; the second was disturbed, all that ran in it alike."""

CELL = Cell("cookie", 400, tuple(row(name, ROUNDS) for name in NAMES), ROUNDS)
