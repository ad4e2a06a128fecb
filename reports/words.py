"""The result in sentences: every one follows from the figures, carries its interval and leaves invalid cells out."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.analysis.model import CellSummary, Comparison, Status, Summary
from reports import format as figures
from reports.rows import (
    Group,
    Row,
    comparisons,
    groups,
    labels,
    latency_cells,
    refused_in_words,
    turned,
    unshown,
)

NOT_SHOWN = "no difference shown"
NAMED_MAX = 3
"""More cells than this are counted, not named."""


@dataclass(frozen=True, slots=True)
class Question:
    """A comparison people ask for by name: what `candidate` adds over `baseline`."""

    what: str
    candidate: str
    baseline: str


QUESTIONS = (
    Question("A Redis hop", "redis-session", "memory-session"),
    Question("Verifying RS256 instead of HS256", "jwt-rs256", "jwt-hs256"),
    Question("A signed token (HS256) instead of a Redis session", "jwt-hs256", "redis-session"),
)


def verdict(summary: Summary) -> str:
    """The one sentence a reader takes away."""
    group = _first_with_comparison(summary)
    if group is None:
        return "Nothing can be compared in this run: no protected cell has a valid control beside it."
    ranked = [row for row in group.rows if row.versus is not None]
    if any(row.cell.verdict.status == "UNPROVEN" for row in ranked):
        return f"Unproven, as nothing shows that the schemes did their work: {_ranking(group, ranked, summary)}"
    return _ranking(group, ranked, summary)


def _ranking(group: Group, ranked: Sequence[Row], summary: Summary) -> str:
    if not any(row.versus is not None and row.versus.shown for row in ranked):
        return f"At {group.title}, no scheme is shown to cost more CPU than the unprotected endpoint."
    cheapest = _leaders(ranked, summary)
    return f"At {group.title}, {_named(cheapest)}{_dearest(ranked, cheapest)}."


def sentences(summary: Summary) -> tuple[str, ...]:
    """The summary in words, the most asked first."""
    return (*_answers(summary), *_refusals(summary), *_latencies(summary), aa_line(summary), counts_line(summary))


def difference(row: Row) -> str:
    """What a row says against its control, in words."""
    if row.is_invalid:
        return "invalid: not compared"
    if row.is_refused:
        return f"{refused_in_words(row.cell.refusals.ratio.value)}: not ranked"
    if row.is_control:
        return "the control"
    if row.versus is None:
        return "not compared"
    return (_costs(row.versus) if row.versus.shown else NOT_SHOWN) + _doubt(row.cell)


def _doubt(*cells: CellSummary) -> str:
    """What a comparison with any of `cells` is to be read with."""
    return " (unproven)" if any(cell.verdict.status == "UNPROVEN" for cell in cells) else ""


def aa_line(summary: Summary) -> str:
    """What the A/A pair says about the noise of this very run."""
    control = summary.control
    if control is None:
        return "No A/A pair was measured: the noise of this run is unknown."
    off = figures.percent(abs(control.ratio.value - 1))
    if not math.isfinite(control.half_width_ratio):
        return f"The same scheme entered twice differs by {off}; one block has no interval, so {NOT_SHOWN} at all."
    seen = f"The same scheme entered twice differs by {off} ± {figures.percent(control.half_width_ratio)}"
    if control.differs:
        return f"{seen}, which is a false alarm: trust no difference of this size, and rerun with more blocks."
    return f"{seen}: differences below {figures.percent(unshown(summary)[1] - 1)} are not shown."


def counts_line(summary: Summary) -> str:
    """How many cells deserve trust."""
    found: Mapping[Status, int] = {
        status: sum(cell.verdict.status == status for cell in summary.cells)
        for status in ("VALID", "INVALID", "UNPROVEN")
    }
    told = f"{figures.count(found['VALID'])} of {figures.plural(len(summary.cells), 'cell')} valid"
    invalid = f"; {found['INVALID']} invalid (shown, never compared)" if found["INVALID"] else ""
    unproven = f"; {found['UNPROVEN']} unproven (no counters reachable)" if found["UNPROVEN"] else ""
    return f"{told}{invalid}{unproven}."


def reasons(summary: Summary) -> tuple[str, ...]:
    """One line for every reason that a cell, or a block of it, is not VALID, and which cells.

    A disturbance hits many cells alike, so reasons that differ in their numbers alone are told once, by the first.
    """
    cells_by_kind: dict[tuple[Status, str], dict[str, str]] = {}
    for cell in summary.cells:
        for reason in _told(cell):
            kind = cell.verdict.status, re.sub(r"\d[\d.]*", "#", reason)
            cells_by_kind.setdefault(kind, {}).setdefault(cell.id, reason)
    cells = len(summary.cells)
    return tuple(
        f"{status} {_hit(list(hit), cells)}: {next(iter(hit.values()))}" for (status, _), hit in cells_by_kind.items()
    )


def _told(cell: CellSummary) -> tuple[str, ...]:
    return cell.verdict.reasons or (() if cell.verdict.status == "VALID" else ("no reason recorded",))


def _hit(names: Sequence[str], cells: int) -> str:
    return ", ".join(names) if len(names) <= NAMED_MAX else f"{len(names)} of {cells} cells"


def _first_with_comparison(summary: Summary) -> Group | None:
    return next((group for group in groups(summary) if any(row.versus for row in group.rows)), None)


def _leaders(ranked: Sequence[Row], summary: Summary) -> list[Row]:
    """The cheapest, and all that are not shown to differ from it."""
    rows = [row for row in ranked if not row.label.endswith(" again")] or list(ranked)
    first = rows[0]
    shown = {frozenset((one.candidate, one.baseline)) for one in comparisons(summary) if one.shown}
    return [row for row in rows if row is first or frozenset((row.cell.id, first.cell.id)) not in shown]


def _named(rows: Sequence[Row]) -> str:
    """The cheapest by name, with what each costs."""
    told = _joined([f"{row.label} ({_short(row)})" for row in rows])
    if len(rows) == 1:
        return f"{told} protects a read for the least CPU"
    return f"{told} protect a read for the least CPU, with {NOT_SHOWN} between the cheapest and the others"


def _dearest(ranked: Sequence[Row], cheapest: Sequence[Row]) -> str:
    others = [row for row in ranked if row not in cheapest and not row.label.endswith(" again")]
    return f"; {others[-1].label} costs the most measured ({_short(others[-1])})" if others else ""


def _short(row: Row) -> str:
    if row.versus is None or not row.versus.shown:
        return f"{NOT_SHOWN} against the control"
    return f"{figures.signed_interval(row.versus.difference_us, 'µs')} per request against the control"


def _costs(found: Comparison) -> str:
    return f"{figures.signed_interval(found.difference_us, 'µs')}, {figures.change(found.ratio)}"


def _answers(summary: Summary) -> Iterator[str]:
    """The questions that this run's cells can answer, at the fewest replicas that can."""
    cells = {cell.id: cell for cell in summary.cells}
    usable = sorted(
        comparisons(summary),
        key=lambda one: (cells[one.candidate].cell.replicas, cells[one.candidate].cell.rate_rps),
    )
    both_ways = [way for one in usable for way in (one, turned(one))]
    for question in QUESTIONS:
        wanted = (question.candidate, question.baseline)
        for found in both_ways:
            if (cells[found.candidate].cell.scheme, cells[found.baseline].cell.scheme) == wanted:
                yield _answer(question, found, cells)
                break


def _answer(question: Question, found: Comparison, cells: Mapping[str, CellSummary]) -> str:
    names = labels(cells.values())
    sides = (cells[found.candidate], cells[found.baseline])
    candidate, baseline = (side.cell for side in sides)
    where = f"at {figures.plural(candidate.replicas, 'replica')}"
    pair = f"{names[candidate.arm]} against {names[baseline.arm]} {where}"
    what = question.what + _doubt(*sides)
    if not found.shown:
        return f"{what}: {NOT_SHOWN} ({pair}, {figures.change(found.ratio)} CPU per request)."
    return f"{what}: {_costs(found)} of CPU per request ({pair})."


def _refusals(summary: Summary) -> Iterator[str]:
    for row in (row for group in groups(summary) for row in group.rows):
        refusals, plan = row.cell.refusals, row.cell.cell
        if row.is_invalid or not (row.is_refused or refusals.predicted_ratio):
            continue
        where = f"{row.label} at {figures.plural(plan.replicas, 'replica')} under {plan.balancing}"
        share = figures.percent_interval(refusals.ratio)
        theory = _theory(refusals.predicted_ratio)
        out = f"{figures.count(refusals.logged_out)} of {figures.plural(refusals.visitors, 'visitor')} logged out"
        expected = refusals.predicted_logged_out
        also = "" if expected is None else f" (theory: {figures.number(expected)})"
        yield f"{where}: {share} of requests refused although logged in ({theory}); {out}{also}."


def _theory(predicted_ratio: float | None) -> str:
    return "no theory known" if predicted_ratio is None else f"theory: {figures.percent(predicted_ratio)}"


def _latencies(summary: Summary) -> Iterator[str]:
    """The quickest and the slowest p99 of a read among valid, unrefused cells at the fewest replicas; ties are told."""
    usable = [
        cell
        for cell in latency_cells(summary)
        if cell.verdict.status == "VALID" and cell.refusals.ratio.value == 0 and cell.cell.journey == "steady"
    ]
    fewest = min(((cell.cell.replicas, cell.cell.rate_rps) for cell in usable), default=None)
    found = [
        (estimate, cell)
        for cell in usable
        if (cell.cell.replicas, cell.cell.rate_rps) == fewest and (estimate := cell.response_ms.get("p99"))
    ]
    if len(found) > 1:
        names = labels(summary.cells)
        ordered = sorted(found, key=lambda one: (one[0].value, one[1].id))
        (low, first), (high, last) = ordered[0], ordered[-1]
        told = f"from {figures.interval(low, 'ms')} for {names[first.cell.arm]} to {figures.interval(high, 'ms')}"
        tie = f"; their intervals overlap, so {NOT_SHOWN}" if low.high >= high.low else ""
        where = f"{figures.plural(first.cell.replicas, 'replica')} and {first.cell.rate_rps:g} requests/s"
        yield f"Response time p99 at {where}: {told} for {names[last.cell.arm]}{tie}."


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
