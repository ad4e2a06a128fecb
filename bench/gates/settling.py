"""What the records of one run say of a ratio or an SLO: within its bar, beyond it, or not known well enough to tell."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from bench.analysis.costs import TOTAL, cpu_us
from bench.analysis.intervals import percentile, plain_percentile, pooled_ratios
from bench.analysis.latency import response_ms, timed
from bench.analysis.model import Estimate
from bench.analysis.outcomes import refused
from bench.gates.ground import arm_of
from bench.gates.model import CellName, GateStatus, Judged, RatioGate, SloGate
from loadtests.record import Record

LEAST_BLOCKS = 2
"""One set of processes alone says nothing about how far the next would be from it."""
NARROW_RATIO = 1.1
QUANTILE = 0.99

BlockCosts = Mapping[int, float]
"""CPU us per successful request by block."""


def settle(found: Estimate, most: float) -> GateStatus:
    """Fail only where the whole interval lies beyond `most`.

    Pass where the whole interval lies within, or where the value does and the upper end is less than a tenth above it:
    then the bar runs through a narrow interval, and more blocks would not move it far. Else inconclusive.
    """
    if found.low > most:
        return "fail"
    is_narrow = found.value <= most and found.high <= NARROW_RATIO * found.value
    return "pass" if found.high <= most or is_narrow else "inconclusive"


def judge_ratio(gate: RatioGate, records: Sequence[Record]) -> Judged:
    """Total CPU per request of the gate's cell over that of the other, from the blocks that both came through.

    The interval is Student's t over blocks with the variance pooled over all arms (`pooled_ratios`).
    """
    bar = f"<= {gate.most:g} x {_named(gate.to)}"
    pair = tuple(arm_of(cell, 0).id for cell in (gate.cell, gate.to))
    own = [record for record in records if record.header.cell.arm in pair]
    costs = costs_by_arm(records)
    blocks = sorted(set.intersection(*(set(costs.get(arm, {})) for arm in pair)))
    if len(blocks) < LEAST_BLOCKS or _faults(own) or _refusals(own):
        return _untold(gate, bar, own)
    table = {arm: [known[block] for block in blocks] for arm, known in costs.items() if set(blocks) <= set(known)}
    found = pooled_ratios(table).ratio(*pair)
    why = f"{_interval(found)} over {len(blocks)} blocks of fresh processes"
    status = settle(found, gate.most)
    words = f"{found.value:.2f} x {_named(gate.to)}"
    return Judged(gate, status, words, bar, why, ratio=found, next_step=_next_step(status), raw={"cpu_us": costs})


def costs_by_arm(records: Iterable[Record]) -> Mapping[str, BlockCosts]:
    """CPU us per successful request by arm and block, where a record can be believed and knows it."""
    costs: dict[str, dict[int, float]] = {}
    for record in records:
        total = cpu_us(record).get(TOTAL, 0.0)
        if _is_believed(record) and total > 0:
            costs.setdefault(record.header.cell.arm, {})[record.header.block] = total
    return costs


def judge_slo(gate: SloGate, records: Sequence[Record], machine: str | None) -> Judged:
    """The p99 of the response times of all blocks, by ranks; it blocks on a machine of the gate's class alone.

    It fails only if every block for itself is beyond the bar, too: what one of them alone shows is the machine's.
    """
    bar = f"p99 <= {gate.p99_ms:g} ms at {gate.rate_rps:g}/s"
    judged = _judge_slo(gate, bar, records)
    if gate.machine == machine:
        return judged
    here = f"this machine's class is {machine!r}" if machine else "no class was named for this machine"
    status: GateStatus = "void" if judged.status == "void" else "advice"
    why = f"{judged.why}; it blocks on {gate.machine!r} alone, and {here}"
    return replace(judged, status=status, blocking=False, why=why)


def _judge_slo(gate: SloGate, bar: str, records: Sequence[Record]) -> Judged:
    believed = [record for record in records if _is_believed(record)]
    if len(believed) < LEAST_BLOCKS or _faults(records) or _refusals(records):
        return _untold(gate, bar, records)
    times_ms = [response_ms(timed(record.samples, record.header.cell.journey)) for record in believed]
    found = percentile(np.sort(np.concatenate(times_ms)), QUANTILE)
    raw = {"response_ms": [[round(float(value), 3) for value in block] for block in times_ms]}
    if found is None:
        count = sum(map(len, times_ms))
        return Judged(gate, "void", "", bar, f"{count} requests are too few to know a p99", raw=raw)
    each_ms = [plain_percentile(block, QUANTILE) for block in times_ms]
    status = settle(found, gate.p99_ms)
    if status == "fail" and min(each_ms) <= gate.p99_ms:
        status = "inconclusive"
    why = f"{_interval(found)} ms; block by block {', '.join(f'{value:.3g}' for value in each_ms)} ms"
    return Judged(gate, status, f"p99 {found.value:.3g} ms", bar, why, next_step=_next_step(status), raw=raw)


def _untold(gate: RatioGate | SloGate, bar: str, records: Sequence[Record]) -> Judged:
    """Void for what lies in the cell, inconclusive for what lies in the machine."""
    if reasons := _faults(records) or _refusals(records):
        return Judged(gate, "void", "", bar, _in_short(reasons), next_step="see why the cell cannot be believed")
    why = _in_short(_reasons(records)) or f"fewer than {LEAST_BLOCKS} blocks were measured"
    return Judged(gate, "inconclusive", "", bar, why, next_step=_next_step("inconclusive"))


def _in_short(reasons: Sequence[str]) -> str:
    """The first, and how many more."""
    more = f" (and {len(reasons) - 1} more such reasons)" if reasons[1:] else ""
    return "".join(reasons[:1]) + more


def _faults(records: Iterable[Record]) -> tuple[str, ...]:
    """What is wrong with cells themselves: it would come again."""
    return _reasons([record for record in records if not (record.footer and record.footer.disturbed)])


def _reasons(records: Iterable[Record]) -> tuple[str, ...]:
    """Why records cannot be believed, each reason once."""
    footers = [record.footer for record in records if not _is_believed(record)]
    found = (footer.reasons if footer else ("a cell died while it was measured",) for footer in footers)
    return tuple(dict.fromkeys(reason for reasons in found for reason in reasons))


def _refusals(records: Iterable[Record]) -> tuple[str, ...]:
    samples = [sample for record in records if _is_believed(record) for sample in record.samples]
    if count := sum(map(refused, samples)):
        return (f"{count} of {len(samples)} requests were refused, and a refusal is cheap",)
    return ()


def _is_believed(record: Record) -> bool:
    return record.footer is not None and record.footer.verdict != "INVALID"


def _interval(found: Estimate) -> str:
    return f"{found.low:.3g} to {found.high:.3g}"


def _named(cell: CellName) -> str:
    return cell.scheme if cell.replicas == 1 else f"{cell.scheme} on {cell.replicas}"


def _next_step(status: GateStatus) -> str:
    return "run it again on a quieter machine" if status == "inconclusive" else ""
