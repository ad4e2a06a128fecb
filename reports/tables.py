"""The tables of a page as plain text in rows, so that HTML and Markdown say the same."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.analysis.model import CellSummary, Estimate, Summary
from reports import format as figures
from reports.charts import component_names
from reports.facts import ArmProof, RunFacts
from reports.rows import Group, Row, groups, is_remote, labels
from reports.words import difference

INVALID, NOT_MEASURED = "invalid", "not measured"
PERCENTILES = ("p50", "p90", "p95", "p99", "p99.9")
SERVICE_PERCENTILES = ("p50", "p99")
UNSEEN = ("haproxy", "redis", "postgres")
"""What of a remote target nobody tells the CPU time of."""
Tone = Literal["", "control", "muted", "invalid", "unproven"]


@dataclass(frozen=True, slots=True)
class Line:
    """One row: what it is about, its cells as text, and how loud it is."""

    name: str
    cells: tuple[str, ...]
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Lines under one heading; the heading is empty where there is only one section."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class TableView:
    """A whole table; `head` names the columns after the first, which is `stub`."""

    caption: str
    stub: str
    head: tuple[str, ...]
    sections: tuple[Section, ...]


def comparison(summary: Summary) -> TableView:
    """The table everything else explains."""
    head = (
        "CPU per request", "against the control", "p50", "p99", "store operations per request", "refused (theory)",
        "verdict",
    )  # fmt: skip
    whose = "the services alone" if is_remote(summary) else "all server processes together"
    caption = (
        f"CPU per successful request, {whose}; p50 and p99 of the response time; "
        f"95{figures.SPACE}% intervals in parentheses. The control is the same endpoint without protection."
    )
    return _by_group(summary, caption, head, _compared)


def by_component(summary: Summary) -> TableView:
    """CPU per request, component by component."""
    names = [*component_names(groups(summary)), *(UNSEEN if is_remote(summary) else ())]

    def cells(row: Row) -> tuple[str, ...]:
        return tuple(_cpu(row, name) for name in (*names, "total"))

    caption = (
        f"CPU per successful request by component, idle consumption subtracted, with 95{figures.SPACE}% intervals."
    )
    return _by_group(summary, caption, (*names, "total"), cells)


def latency(summary: Summary) -> TableView:
    """Percentiles of response and service time."""
    head = (*(f"response {name}" for name in PERCENTILES), *(f"service {name}" for name in SERVICE_PERCENTILES))
    caption = (
        "Response time runs from the intended start of a request, service time from its sending; "
        f"95{figures.SPACE}% intervals in parentheses, which cover chance in the samples but not differences between "
        "blocks. Refused requests are left out."
    )
    return _by_group(summary, caption, head, _percentiles, tone=lambda row: _tone(row, row.latency or row.cell))


def refusals(summary: Summary) -> TableView:
    """Refused requests and logged-out visitors beside theory."""
    caption = "Requests refused although the visitor held a valid credential, beside what theory predicts."
    return _by_group(summary, caption, ("requests refused", "theory", "visitors logged out", "theory"), _refused)


def traffic(summary: Summary) -> TableView:
    """Bytes and store operations."""
    stores = sorted({store for cell in summary.cells for store in cell.store_operations or {}})

    def cells(row: Row) -> tuple[str, ...]:
        if row.is_invalid:
            return (INVALID,) * (2 + len(stores))
        counted = row.cell.store_operations
        operations = (NOT_MEASURED if counted is None else _operations(counted.get(store)) for store in stores)
        return (f"{row.cell.bytes_up:,.0f} B", f"{row.cell.bytes_down:,.0f} B", *operations)

    head = ("bytes up", "bytes down", *(f"{store} operations" for store in stores))
    caption = "HTTP bytes, headers and body, and server commands, each per request as the servers counted them."
    return _by_group(summary, caption, head, cells)


def validity(summary: Summary) -> TableView:
    """Every cell with its verdict and what it rests on."""
    head = ("verdict", "blocks", "requests", "succeeded", "sent/target", "lateness p99", "generator CPU")
    caption = (
        "Every cell. Lateness is sent minus intended while a visitor was idle; "
        f"100{figures.SPACE}% generator CPU is one core."
    )
    return TableView(caption, "cell", head, (Section("", tuple(_checked(cell) for cell in summary.cells)),))


def proofs(facts: RunFacts) -> Iterator[tuple[str, str, ArmProof]]:
    """(scheme, arms that showed exactly this, what they showed)."""
    told: dict[tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]], list[ArmProof]] = {}
    for proof in facts.proofs:
        told.setdefault((proof.scheme, proof.passed, proof.failed, proof.untried), []).append(proof)
    for (scheme, *_), same in told.items():
        yield scheme, ", ".join(proof.arm for proof in same), same[0]


def environment(values: Mapping[str, Any]) -> TableView:
    """Where the run took place, nested names joined by dots."""
    lines = tuple(Line(name, (text,)) for name, text in _flat(values, "") if text)
    return TableView("The machine and the software of this run.", "what", ("value",), (Section("", lines),))


def store_operations(cell: CellSummary) -> str:
    """`redis 1`, or `0` where no store was asked."""
    if cell.store_operations is None:
        return NOT_MEASURED
    asked = (
        f"{store}{figures.SPACE}{_operations(each)}" for store, each in sorted(cell.store_operations.items()) if each
    )
    return ", ".join(asked) or "0"


def _by_group(
    summary: Summary,
    caption: str,
    head: tuple[str, ...],
    cells: Callable[[Row], tuple[str, ...]],
    *,
    tone: Callable[[Row], Tone] | None = None,
) -> TableView:
    found = groups(summary)
    has_rates = len({group.rate_rps for group in found}) > 1
    sections = tuple(
        Section(
            _title(group, has_rates=has_rates),
            tuple(Line(row.label, cells(row), (tone or _main_tone)(row)) for row in group.rows),
        )
        for group in found
    )
    return TableView(caption, "scheme", head, sections)


def _title(group: Group, *, has_rates: bool) -> str:
    return f"{group.title}, {group.rate_rps:g} requests/s" if has_rates else group.title


def _main_tone(row: Row) -> Tone:
    return _tone(row, row.cell)


def _tone(row: Row, cell: CellSummary) -> Tone:
    if cell.verdict.status == "INVALID":
        return "invalid"
    if cell.verdict.status == "UNPROVEN":
        return "unproven"
    return "muted" if row.is_refused else "control" if row.is_control else ""


def _compared(row: Row) -> tuple[str, ...]:
    timed = row.latency or row.cell
    return (
        _cpu(row, "total"),
        difference(row),
        _millis(timed, timed.response_ms, "p50"),
        _millis(timed, timed.response_ms, "p99"),
        INVALID if row.is_invalid else store_operations(row.cell),
        _share(row),
        row.cell.verdict.status,
    )


def _cpu(row: Row, component: str) -> str:
    if row.is_invalid:
        return INVALID
    estimate = row.cell.cpu_us.get(component)
    return figures.interval(estimate, "µs") if estimate else NOT_MEASURED


def _millis(cell: CellSummary, found: Mapping[str, Estimate | None], percentile: str) -> str:
    if cell.verdict.status == "INVALID":
        return INVALID
    return figures.milliseconds(found.get(percentile), percentile)


def _share(row: Row) -> str:
    if row.is_invalid:
        return INVALID
    predicted = row.cell.refusals.predicted_ratio
    theory = "unknown" if predicted is None else figures.percent(predicted)
    return f"{figures.percent(row.cell.refusals.ratio.value)} ({theory})"


def _percentiles(row: Row) -> tuple[str, ...]:
    cell = row.latency or row.cell
    response = (_millis(cell, cell.response_ms, name) for name in PERCENTILES)
    return (*response, *(_millis(cell, cell.service_ms, name) for name in SERVICE_PERCENTILES))


def _refused(row: Row) -> tuple[str, ...]:
    if row.is_invalid:
        return (INVALID,) * 4
    told = row.cell.refusals
    return (
        figures.percent_interval(told.ratio),
        "unknown" if told.predicted_ratio is None else figures.percent(told.predicted_ratio),
        f"{figures.count(told.logged_out)} of {figures.count(told.visitors)}",
        "unknown" if told.predicted_logged_out is None else figures.number(told.predicted_logged_out),
    )


def _operations(each: float | None) -> str:
    return f"{each or 0:.3g}"


def _checked(cell: CellSummary) -> Line:
    generator = cell.generator_cpu_ratio
    tones: Mapping[str, Tone] = {"INVALID": "invalid", "UNPROVEN": "unproven"}
    cells = (
        cell.verdict.status,
        figures.count(cell.blocks),
        figures.count(cell.requests),
        figures.count(cell.succeeded),
        figures.percent(cell.sent_ratio, decimals=2),
        f"{figures.number(cell.lateness_p99_ms)}{figures.SPACE}ms"
        if math.isfinite(cell.lateness_p99_ms)
        else "nothing sent",
        NOT_MEASURED if generator is None else figures.percent(generator, decimals=0),
    )
    return Line(cell.id, cells, tones.get(cell.verdict.status, ""))


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        for key, inner in sorted(value.items()):
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield name, ", ".join(str(inner) for inner in value)
    else:
        yield name, "unknown" if value is None else str(value)


def names_left_out(summary: Summary) -> tuple[str, ...]:
    """The cells that no plot of differences or response times shows, each with the reason."""
    names = labels(summary.cells)
    return tuple(
        f"{names[cell.cell.arm]} at {figures.plural(cell.cell.replicas, 'replica')} ({cell.cell.purpose} cell): {why}"
        for cell in summary.cells
        if (why := _why_left_out(cell))
    )


def _why_left_out(cell: CellSummary) -> str:
    if cell.verdict.status == "INVALID":
        return INVALID
    return "requests refused" if cell.refusals.ratio.value > 0 else ""
