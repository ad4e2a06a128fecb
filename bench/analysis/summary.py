"""From the records of a run to its figures: the one way in which a run is read."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from bench.analysis import costs, intervals, latency
from bench.analysis.comparison import compare
from bench.analysis.ledger import ledgers
from bench.analysis.model import CellSummary, Estimate, Status, Summary, Verdict
from bench.analysis.outcomes import refusals, succeeded
from loadtests.record import Footer, Record

GRAVITY: tuple[Status, ...] = ("VALID", "UNPROVEN", "INVALID")
LEAST_BLOCKS = 2
"""Fewer give no interval."""
DIED = "the record ends without a footer: the cell died while it was measured; look at the run's logs and run it again"


def summarise(records: Iterable[Record], needs_affinity: Collection[str]) -> Summary:
    """The figures of every cell over its blocks, and the comparisons between cells; cells in the order they appear.

    `needs_affinity`: the schemes whose credential works only on the replica that issued it. Twins make ledgers and
    nothing else: what their services keep account of makes them dearer than what they are twins of.
    """
    ordered = sorted(records, key=lambda record: record.header.block)
    cells: dict[str, list[Record]] = defaultdict(list)
    for record in ordered:
        if not record.header.cell.is_twin:
            cells[record.header.cell.id].append(record)
    summaries = tuple(summarise_cell(blocks, needs_affinity) for blocks in cells.values())
    totals = {name: _totals_us(_believed(blocks)) for name, blocks in cells.items()}
    found = compare(summaries, totals)
    return Summary(summaries, found.to_control, found.to_each_other, found.control, ledgers(ordered))


def summarise_cell(records: Sequence[Record], needs_affinity: Collection[str]) -> CellSummary:
    """The figures of one cell from its records, one a block; at least one.

    Times are pooled over blocks; CPU is a mean over blocks, because fresh processes are the sampling unit. What a
    footer would have told of a cell that died is left out, never taken as zero. Blocks that the machine disturbed are
    set aside as long as enough others stand in for them.
    """
    verdict = _verdict(records)
    records = _believed(records)
    cell = records[0].header.cell
    samples = [sample for record in records for sample in record.samples]
    footers = [record.footer for record in records if record.footer is not None]
    timed = latency.timed(samples, cell.journey)
    response_ms = latency.response_ms(timed)
    bytes_up, bytes_down = costs.mean_bytes(samples)
    return CellSummary(
        id=cell.id,
        cell=cell,
        verdict=verdict,
        blocks=len(records),
        requests=len(samples),
        succeeded=sum(map(succeeded, samples)),
        cpu_us=_cpu_us(records),
        response_ms=latency.percentiles(response_ms),
        service_ms=latency.percentiles(latency.service_ms(timed)),
        store_operations=costs.store_operations(records),
        bytes_up=bytes_up,
        bytes_down=bytes_down,
        refusals=refusals(cell, records, needs_affinity=cell.scheme in needs_affinity),
        sent_ratio=_sent_ratio(footers),
        lateness_p99_ms=latency.lateness_p99_ms([record.samples for record in records], cell.visitors),
        generator_cpu_ratio=_worst_generator_cpu(footers),
        spectrum_ms=latency.spectrum(response_ms),
    )


def _cpu_us(records: Iterable[Record]) -> dict[str, Estimate]:
    """Mean over the blocks that know their CPU; a component absent from one of them consumed nothing there."""
    blocks = [block for record in records if (block := costs.cpu_us(record))]
    components = dict.fromkeys(component for block in blocks for component in block if component != costs.TOTAL)
    names = [*components, costs.TOTAL] if blocks else []
    return {name: intervals.mean([block.get(name, 0.0) for block in blocks]) for name in names}


def _totals_us(records: Iterable[Record]) -> Mapping[int, float]:
    known = ((record.header.block, costs.cpu_us(record)) for record in records)
    return {block: cost[costs.TOTAL] for block, cost in known if cost}


def _sent_ratio(footers: Iterable[Footer]) -> float:
    """Sent / scheduled over the finished blocks; 0 when nothing was scheduled or no block was finished."""
    counts = [footer.counts for footer in footers]
    scheduled = sum(count.scheduled for count in counts)
    return sum(count.sent for count in counts) / scheduled if scheduled else 0.0


def _worst_generator_cpu(footers: Iterable[Footer]) -> float | None:
    known = (footer.generator_cpu_ratio for footer in footers if footer.generator_cpu_ratio is not None)
    return max(known, default=None)


def _believed(records: Sequence[Record]) -> Sequence[Record]:
    """The blocks that were not disturbed; all of them where fewer than two, or than half, are left."""
    quiet = [record for record in records if not (record.footer and record.footer.disturbed)]
    enough = len(quiet) >= LEAST_BLOCKS and 2 * len(quiet) >= len(records)
    return quiet if enough else records


def _verdict(records: Sequence[Record]) -> Verdict:
    """The gravest of the believed blocks' verdicts; each reason once, with the blocks it was found in."""
    believed = _believed(records)
    status = max((_block_verdict(record.footer).status for record in believed), key=GRAVITY.index)
    blocks: dict[str, list[int]] = defaultdict(list)
    for record in records:
        aside = "" if record in believed else " set aside"
        for reason in dict.fromkeys(_block_verdict(record.footer).reasons):
            blocks[f"{aside}: {reason}"].append(record.header.block)
    return Verdict(status, tuple(f"{_named(numbers)}{reason}" for reason, numbers in blocks.items()))


def _block_verdict(footer: Footer | None) -> Verdict:
    return Verdict("INVALID", (DIED,)) if footer is None else Verdict(footer.verdict, footer.reasons)


def _named(blocks: Sequence[int]) -> str:
    return f"block{'s' if len(blocks) > 1 else ''} {', '.join(map(str, blocks))}"
