"""From records to figures: one whole run worked out by hand."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from bench.analysis.summary import DIED, summarise
from loadtests.record import Counts


def test_one_cell_over_two_blocks(synthetic: SimpleNamespace) -> None:
    """Blocks of 400 and 420 us: mean 410, s = 14.142, t(1) = 12.7062: half = 12.7062 x 14.142 / sqrt(2) = 127.06."""
    cell = synthetic.cell("redis-session")
    records = [
        synthetic.record(
            cell,
            block,
            cpu_us={"replicas/r1": us},
            store_commands={"redis": {"getex": 100}},
            generator_cpu_ratio=ratio,
            counts=Counts(102, 100, 100, 100),
        )
        for block, us, ratio in ((1, 420, 0.5), (0, 400, 0.6))
    ]
    (found,) = summarise(records, ()).cells
    assert (found.id, found.blocks, found.requests, found.succeeded) == ("redis-session-1.cpu-40", 2, 200, 200)
    assert found.cpu_us["total"] == found.cpu_us["replicas"]
    assert found.cpu_us["total"].value == pytest.approx(410)
    assert found.cpu_us["total"].high - 410 == pytest.approx(127.06, rel=1e-4)
    assert found.store_operations == {"redis": 1.0}
    assert (found.bytes_up, found.bytes_down) == (300.0, 500.0)
    assert found.sent_ratio == pytest.approx(200 / 204)
    assert found.lateness_p99_ms == 0.5
    assert found.generator_cpu_ratio == 0.6
    assert found.refusals.ratio.value == 0
    assert found.verdict.status == "VALID"


def test_times_are_pooled_over_blocks(synthetic: SimpleNamespace) -> None:
    """Two blocks of 100 samples tell a p95, which 90 allow, and no p99, which needs 459."""
    records = [synthetic.record(synthetic.cell(), block) for block in (0, 1)]
    (found,) = summarise(records, ()).cells
    assert found.response_ms["p95"] is not None
    assert found.response_ms["p95"].value == 2.5
    assert found.service_ms["p50"] is not None
    assert found.service_ms["p50"].value == 2.0
    assert found.response_ms["p99"] is None
    assert {ms for _, ms in found.spectrum_ms} == {2.5}


def test_the_gravest_block_decides_and_reasons_name_their_blocks(synthetic: SimpleNamespace) -> None:
    """INVALID outweighs UNPROVEN outweighs VALID; a reason met twice is told once."""
    verdicts = [("VALID", ()), ("INVALID", ("late", "late")), ("UNPROVEN", ("uncounted",)), ("INVALID", ("late",))]
    records = [
        synthetic.record(synthetic.cell(), block, verdict=status, reasons=reasons)
        for block, (status, reasons) in enumerate(verdicts)
    ]
    (found,) = summarise(records, ()).cells
    assert found.verdict.status == "INVALID"
    assert found.verdict.reasons == ("blocks 1, 3: late", "block 2: uncounted")
    assert summarise(records[::2], ()).cells[0].verdict.status == "UNPROVEN"


def test_a_record_without_a_footer_is_a_cell_that_died(synthetic: SimpleNamespace) -> None:
    """It is INVALID, says so, and its unknown figures do not look like good ones."""
    record = replace(synthetic.record(synthetic.cell()), footer=None)
    (found,) = summarise([record], ()).cells
    assert found.verdict.status == "INVALID"
    assert found.verdict.reasons == (f"block 0: {DIED}",)
    assert (found.cpu_us, found.sent_ratio, found.generator_cpu_ratio) == ({}, 0.0, None)


def test_a_cell_that_sent_nothing_has_no_figures(synthetic: SimpleNamespace) -> None:
    """Without samples there are no times, and lateness is infinite rather than zero."""
    (found,) = summarise([synthetic.record(synthetic.cell(), samples=[])], ()).cells
    assert set(found.response_ms.values()) == {None}
    assert found.lateness_p99_ms == math.inf
    assert (found.requests, found.spectrum_ms, found.bytes_up) == (0, (), 0.0)


def test_one_block_has_an_infinite_interval(synthetic: SimpleNamespace) -> None:
    """A single block's cost is told without pretending to know its spread."""
    (found,) = summarise([synthetic.record(synthetic.cell())], ()).cells
    assert (found.cpu_us["total"].low, found.cpu_us["total"].high) == (-math.inf, math.inf)


def test_a_component_missing_in_one_block_consumed_nothing_there(synthetic: SimpleNamespace) -> None:
    """300 us of PostgreSQL in one block of two is a mean of 150; the total is still the sum of its parts."""
    first = synthetic.record(synthetic.cell(), 0, cpu_us={"replicas/r1": 400, "postgres/1": 300})
    (found,) = summarise([first, synthetic.record(synthetic.cell(), 1)], ()).cells
    assert found.cpu_us["postgres"].value == pytest.approx(150)
    assert found.cpu_us["total"].value == pytest.approx(550)


def test_affinity_is_handed_in_by_scheme(synthetic: SimpleNamespace) -> None:
    """Refusals are predicted for the schemes named, and for no other."""
    cells = [synthetic.cell(scheme, replicas=2) for scheme in ("memory-session", "redis-session")]
    memory, redis = summarise([synthetic.record(cell) for cell in cells], {"memory-session"}).cells
    assert memory.refusals.predicted_ratio == 0.5
    assert memory.refusals.predicted_logged_out == pytest.approx(10 * (1 - 0.5**10))
    assert redis.refusals.predicted_ratio == 0.0


def test_a_run_without_records_is_an_empty_summary() -> None:
    """Nothing measured is nothing told, not an error."""
    summary = summarise([], ())
    assert (summary.cells, summary.to_control, summary.control) == ((), (), None)
