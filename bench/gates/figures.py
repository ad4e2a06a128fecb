"""What a count gate found, out of what was counted, and whether that is more than its bar: exact, no rounding."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from bench.gates.counting import Counted, Read
from bench.gates.model import CountFigure, CountGate, Judged
from bench.measure.proof import spelled

UNITS: Mapping[CountFigure, str] = {
    "store-operations": "", "bytes-up": " B", "bytes-down": " B", "unexpected-401-ratio": " %",
    "logged-out-users": " users", "session-bytes": " B",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """The figure of a gate in its own unit, None where there was nothing to take it from.

    `words`: the figure with its unit; `why`: how it came about; `raw`: what it is recomputed from. `doubt`: what may
    have hidden more of it, "" where nothing did.
    """

    amount: Fraction | None
    words: str
    why: str
    raw: Mapping[str, Any]
    doubt: str = ""


def judge(gate: CountGate, found: Found) -> Judged:
    """Fail if it is more than `gate.most`, by however little; inconclusive where a count within it is in doubt."""
    exceeds = found.amount is None or found.amount > Fraction(str(gate.most))
    bar = f"<= {_number(_shown(gate.figure, Fraction(str(gate.most))))}{UNITS[gate.figure]}"
    if exceeds:
        advice = f"undo what added to it, or allow it in the gate {gate.name!r}"
        return Judged(gate, "fail", found.words, bar, found.why, next_step=advice, raw=found.raw)
    if found.doubt:
        why = f"it may be more: {found.doubt}"
        return Judged(gate, "inconclusive", found.words, bar, why, next_step="run it again", raw=found.raw)
    return Judged(gate, "pass", found.words, bar, found.why, raw=found.raw)


def figure(gate: CountGate, counted: Counted) -> Found:
    """What `gate` asks for, of what was counted for its cell."""
    return FIGURES[gate.figure](gate, counted)


def _operations(gate: CountGate, counted: Counted) -> Found:
    """Commands as the servers count them, those that a script runs included: what the stores do for it."""
    every = counted.commands[gate.step]
    commands = {store: every[store] for store in every if gate.store in {None, store}}
    amount = Fraction(sum(sum(calls.values()) for calls in commands.values()), counted.takings)
    stores = " and ".join(sorted(commands)) or gate.store or "no store"
    return Found(
        amount,
        f"{_number(amount)} operation{'s' * (amount != 1)} per {gate.step} ({stores})",
        f"{counted.takings} x {gate.step} cost {spelled(commands)}",
        {"takings": counted.takings, "commands": commands},
        _doubt(counted),
    )


def _bytes_up(_gate: CountGate, counted: Counted) -> Found:
    return _weighed("B up per read", [read.up_bytes for read in counted.succeeded], counted)


def _bytes_down(_gate: CountGate, counted: Counted) -> Found:
    return _weighed("B down per read", [read.down_bytes for read in counted.succeeded], counted)


def _weighed(unit: str, sizes: Sequence[int], counted: Counted) -> Found:
    """The heaviest of all reads, which mostly are alike."""
    raw = {"reads": list(map(_row, counted.reads))}
    if not sizes:
        return Found(None, "no read succeeded", f"{len(counted.reads)} reads were sent and none was answered 200", raw)
    most, alike = max(sizes), len(set(sizes)) == 1
    why = (
        f"all {len(sizes)} reads weigh the same" if alike else f"reads weigh {min(sizes)} to {most} B; the most counts"
    )
    return Found(Fraction(most), f"{most} {unit}", why, raw, _doubt(counted))


def _refused(_gate: CountGate, counted: Counted) -> Found:
    amount, of = Fraction(counted.refused, len(counted.reads)), len(counted.reads)
    return Found(
        amount,
        f"{_number(100 * amount)} % of valid reads refused",
        f"{counted.refused} of {of} reads with a valid credential were answered 401",
        {"reads": list(map(_row, counted.reads))},
        _doubt(counted),
    )


def _session(_gate: CountGate, counted: Counted) -> Found:
    most, least = max(counted.stored_bytes), min(counted.stored_bytes)
    why = f"{len(counted.stored_bytes)} logins left {least} to {most} B of keys, values and rows each; the most counts"
    return Found(Fraction(most), f"{most} B stored per login", why, {"stored_bytes": list(counted.stored_bytes)})


FIGURES: Mapping[CountFigure, Callable[[CountGate, Counted], Found]] = {
    "store-operations": _operations,
    "bytes-up": _bytes_up,
    "bytes-down": _bytes_down,
    "unexpected-401-ratio": _refused,
    "session-bytes": _session,
}
"""Those that one running arm tells."""


def _doubt(counted: Counted) -> str:
    """Reads that were neither answered nor refused would cost and weigh something else."""
    failed = sorted({read.status for read in counted.reads if not read.is_answered})
    return f"reads were answered {', '.join(map(str, failed))}, expected 200 or 401" if failed else ""


def _row(read: Read) -> tuple[int, bool, int, int]:
    return read.status, read.was_valid, read.up_bytes, read.down_bytes


def _shown(figure: CountFigure, most: Fraction) -> Fraction:
    return 100 * most if figure == "unexpected-401-ratio" else most


def _number(amount: Fraction) -> str:
    return str(amount.numerator) if amount.denominator == 1 else f"{float(amount):.4g}"
