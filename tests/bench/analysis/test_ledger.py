"""Ledgers of records made by hand: what closes, what does not and why, and what is left out."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.analysis.ledger import ledgers
from bench.analysis.ledger_model import BETWEEN, PROCESS, Ledger, StoreCalls
from bench.analysis.summary import summarise
from loadtests.record import Record, Span

NAMES = ("dispatch", "server", "framework", "carrier", "verify", "signature", "redis", "upstream")
Parts = Mapping[str, float]
"""CPU us per request by `component/span` of services, by component of other processes."""
CONTROL = {"haproxy": 80.0, "replicas/server": 150.0, "replicas/framework": 100.0}
REDIS = {**CONTROL, "replicas/carrier": 10.0, "replicas/verify": 20.0, "replicas/redis": 110.0, "redis": 40.0}


def spans_of(parts: Parts, requests: int = 100) -> dict[str, Span]:
    """Spans that ran once a request and come to `parts` once the clock, e = 200 ns and o = 300 ns, is taken out."""
    services = {name.split("/")[0] for name in parts if "/" in name}
    own = {
        name: Span(requests, round((us * 1000 + 200) * requests), 0) for name, us in parts.items() if "/" in name and us
    }
    for service in services:
        own |= {f"{service}/empty": Span(100, 20_000, 0), f"{service}/around-empty": Span(100, 50_000, 100)}
    return own


def four(
    synthetic: SimpleNamespace,
    parts: Parts,
    *,
    block: int = 0,
    unseen_us: float = 0.0,
    scheme: str = "redis-session",
    **changes: object,
) -> list[Record]:
    """One block: an arm, the control, and the twins of both, 10 us dearer between spans and 0.5 us for each of them.

    Services take 60 us between spans everywhere; the arm takes `unseen_us` more that its twin does not have.
    """
    records = []
    for called, its, more_us in (("none", CONTROL, 0.0), (scheme, parts, unseen_us)):
        cell = synthetic.cell(called, **changes)
        commands = {"redis": {"getex": 100}} if "redis" in its else {}
        records.append(synthetic.record(cell, block, cpu_us=processes_of(its, more_us), store_commands=commands))
        twin = replace(cell, arm=cell.arm + "-twin", is_twin=True)
        spans, dearer = spans_of(its), processes_of(its, 10.0)
        for name in spans:
            dearer[f"{name.partition('/')[0]}/1"] += 0.5
        records.append(synthetic.record(twin, block, cpu_us=dearer, store_commands=commands, spans=spans))
    return records


def processes_of(parts: Parts, added_us: float) -> dict[str, float]:
    """What the processes consumed: parts by component, 60 us between them in a service, `added_us` in the replicas."""
    found: dict[str, float] = {}
    for name, us in parts.items():
        component, _, span = name.partition("/")
        found[f"{component}/1"] = found.get(f"{component}/1", 60.0 if span else 0.0) + us
    return found | {"replicas/1": found["replicas/1"] + added_us}


def only(records: Iterable[Record]) -> Ledger:
    """The one ledger of these records."""
    (found,) = ledgers(records)
    return found


def test_a_ledger_that_closes(synthetic: SimpleNamespace) -> None:
    """Carrier 10 + verify 20 + client 110 + server 40 = 180 us, which is what the arm costs more; residual 0."""
    found = only([record for block in (0, 1) for record in four(synthetic, REDIS, block=block)])
    assert (found.cell, found.control, found.blocks) == ("redis-session-1.cpu-40", "none-1.cpu-40", 2)
    assert found.extra_us.value == pytest.approx(180)
    assert found.residual_us.value == pytest.approx(0, abs=1e-9)
    assert found.explained_us == pytest.approx(180)
    assert (found.is_judged, found.closes, found.unexplained) == (True, True, "")
    added = {(one.component, one.name): one.extra_us.value for one in found.entries}
    assert list(added) == [
        ("haproxy", PROCESS), ("replicas", "server"), ("replicas", "framework"), ("replicas", "carrier"),
        ("replicas", "verify"), ("replicas", "redis"), ("redis", PROCESS),
    ]  # fmt: skip
    assert list(added.values()) == pytest.approx([0, 0, 0, 10, 20, 110, 40], abs=1e-9)


def test_each_entry_is_calls_times_the_call(synthetic: SimpleNamespace) -> None:
    """One verify a request of 20 us; the control never verifies and so has no cost of a call."""
    found = only([record for block in (0, 1) for record in four(synthetic, REDIS, block=block)])
    entries = {one.name: one for one in found.entries if one.component == "replicas"}
    verify, server = entries["verify"], entries["server"]
    assert (verify.calls, verify.control_calls, verify.control_call_us) == (1.0, 0.0, None)
    assert verify.call_us == pytest.approx(20)
    assert server.call_us == server.control_call_us == pytest.approx(150)
    assert found.store_calls == (StoreCalls("redis", 1.0, 1.0),)
    assert found.store_calls[0].agree


def test_what_no_span_sees_is_the_residual_and_is_named(synthetic: SimpleNamespace) -> None:
    """60 and 62 us more in the arm than 180: residual 61, t(1) = 12.7062: half = 12.7062 x 1.414 / sqrt(2) = 12.7."""
    records = [four(synthetic, REDIS, block=block, unseen_us=us) for block, us in ((0, 60), (1, 62))]
    found = only(record for block in records for record in block)
    assert found.extra_us.value == pytest.approx(241)
    assert found.residual_us.value == pytest.approx(61)
    assert found.residual_us.high - 61 == pytest.approx(12.706, rel=1e-3)
    assert not found.closes  # 61 > 0.15 x 241 = 36.2, and 48.3 to 73.7 leaves 0 out
    assert found.unexplained == (
        "replicas: +61 µs outside every span (the twins have +0 µs there): "
        "gunicorn's master, its thread pool and the interpreter's switching between threads"
    )
    assert found.residuals_us["replicas"] == found.residual_us
    assert found.residuals_us["redis"].value == pytest.approx(0, abs=1e-9)


def test_a_small_residual_closes_however_sure_it_is(synthetic: SimpleNamespace) -> None:
    """30 us in both blocks leave no doubt, but are 30 / 210 = 14.3 % of the extra; 40 are 40 / 220 = 18.2 %."""
    small, large = (
        only(record for block in (0, 1) for record in four(synthetic, REDIS, block=block, unseen_us=us))
        for us in (30, 40)
    )
    assert (small.closes, large.closes) == (True, False)


def test_one_block_closes_by_its_size_alone(synthetic: SimpleNamespace) -> None:
    """An interval that runs from minus to plus infinity includes zero, and that proves nothing."""
    (small, large) = (only(four(synthetic, REDIS, unseen_us=us)) for us in (30, 40))
    assert math.isinf(small.residual_us.high)
    assert (small.blocks, small.closes, large.closes) == (1, True, False)


def test_a_wide_residual_that_includes_zero_closes(synthetic: SimpleNamespace) -> None:
    """-100 and 300 us: mean 100 of 280, but anywhere."""
    records = [four(synthetic, REDIS, block=block, unseen_us=us) for block, us in ((0, -100), (1, 300))]
    found = only(record for block in records for record in block)
    assert found.residual_us.value == pytest.approx(100)
    assert found.closes


def test_a_residual_of_a_process_is_named_so(synthetic: SimpleNamespace) -> None:
    """100 us of Redis that its clock shows in the arm and not in the twin."""
    records = [record for block in (0, 1) for record in four(synthetic, REDIS, block=block)]
    arms = [record for record in records if record.header.cell.arm == "redis-session-1"]
    dearer = [
        synthetic.record(one.header.cell, one.header.block, cpu_us=processes_of(REDIS, 0) | {"redis/1": 140.0})
        for one in arms
    ]
    found = only([record for record in records if record not in arms] + dearer)
    assert found.unexplained == (
        "redis: +100 µs more between the arms than between their twins; its clock tells no parts"
    )


def test_a_small_extra_is_not_judged(synthetic: SimpleNamespace) -> None:
    """19 us are told and not judged."""
    found = only(four(synthetic, {**CONTROL, "replicas/verify": 19.0}, scheme="memory-session"))
    assert not found.is_judged


def test_a_bff_is_all_extra(synthetic: SimpleNamespace) -> None:
    """Its own spans stand beside those of the replicas behind it; the 60 us between them are what stays unexplained."""
    parts = {**CONTROL, "bff/server": 150.0, "bff/framework": 90.0, "bff/upstream": 200.0, "replicas/verify": 60.0}
    found = only([record for block in (0, 1) for record in four(synthetic, parts, block=block, scheme="bff")])
    assert found.extra_us.value == pytest.approx(560)
    assert [(one.component, one.name) for one in found.entries][1:4] == [
        ("bff", "server"), ("bff", "framework"), ("bff", "upstream"),
    ]  # fmt: skip
    assert found.residuals_us["bff"].value == pytest.approx(60)
    assert found.closes  # 60 / 560 = 10.7 %
    parts = {**CONTROL, "bff/server": 150.0}
    opened = only([record for block in (0, 1) for record in four(synthetic, parts, block=block, scheme="bff")])
    assert opened.unexplained.startswith("bff: +60 µs outside every span (the twins have +60 µs there): gunicorn's")


def test_a_whole_request_is_its_parts(synthetic: SimpleNamespace) -> None:
    """Parts, what lies between and the instrumentation sum to the twin's total, the control's as well.

    Five services' spans and two around nothing, 0.5 us each, are 3.5 us; 60 + 10 us lie between.
    """
    found = only(four(synthetic, REDIS))
    for request in (found.request, found.control_request):
        parts_us = sum(part.us.value for part in request.parts)
        assert parts_us + request.instrumentation_us.value == pytest.approx(request.total_us.value)
    assert found.request.total_us.value == pytest.approx(510 + 60 + 10 + 3.5)
    assert found.request.instrumentation_us.value == pytest.approx(3.5)
    last = found.request.parts[-1]
    assert (last.component, last.name, last.calls) == ("replicas", BETWEEN, None)
    assert last.us.value == pytest.approx(70)


def test_calls_that_a_store_does_not_confirm_are_flagged(synthetic: SimpleNamespace) -> None:
    """Two commands counted where the client made one round trip; a stray one in a hundred is none; unknown is no no."""
    assert not StoreCalls("redis", 1.0, 2.0).agree
    assert StoreCalls("redis", 1.0, 1.01).agree
    assert StoreCalls("redis", 1.0, None).agree
    assert only(four(synthetic, {**REDIS, "redis": 0.0})).store_calls == (StoreCalls("redis", 1.0, None),)


def test_the_control_is_the_most_like(synthetic: SimpleNamespace) -> None:
    """Of two controls with twins the one with the same carrier; of another rate, replica count or journey none."""
    records = four(synthetic, REDIS)
    bearer = [
        replace(one, header=replace(one.header, cell=replace(one.header.cell, arm=arm, carrier="bearer")))
        for one, arm in zip(four(synthetic, REDIS)[:2], ("none-bearer", "none-bearer-twin"), strict=True)
    ]
    assert only([*bearer, *records]).control == "none-1.cpu-40"
    for change in ({"rate_rps": 20.0}, {"replicas": 2}, {"journey": "refresh"}, {"purpose": "latency"}):
        other = four(synthetic, REDIS, **change)[:2]
        assert ledgers([*other, *records[2:]]) == ()


def test_a_pair_of_controls_has_no_second_ledger(synthetic: SimpleNamespace) -> None:
    """Neither the control itself nor its repeat is a scheme that adds anything."""
    records = four(synthetic, REDIS)
    again = [
        replace(one, header=replace(one.header, cell=replace(one.header.cell, arm=arm)))
        for one, arm in zip(records[:2], ("none-1-again", "none-1-again-twin"), strict=True)
    ]
    assert only([*again, *records]).control == "none-1.cpu-40"


@pytest.mark.parametrize("place", range(4))
def test_all_four_must_be_believed(synthetic: SimpleNamespace, place: int) -> None:
    """A block in which one of them is INVALID, died, or was refused anything does not count; the others do."""
    records = [record for block in (0, 1, 2) for record in four(synthetic, REDIS, block=block)]
    bad = records[place]
    assert bad.footer is not None
    invalid = replace(bad, footer=replace(bad.footer, verdict="INVALID", reasons=("late",)))
    refused = replace(bad, samples=(*bad.samples[1:], synthetic.sample(status=401)))
    for broken in (invalid, replace(bad, footer=None), refused, replace(bad, resources=())):
        assert only([broken, *(one for one in records if one is not bad)]).blocks == 2
    assert only(one for one in records if one is not bad).blocks == 2


def test_without_twins_there_is_no_ledger(synthetic: SimpleNamespace) -> None:
    """Nor where the twin's account cannot be corrected in any block."""
    records = four(synthetic, REDIS)
    assert ledgers(record for record in records if not record.header.cell.is_twin) == ()
    footer = records[3].footer
    assert footer is not None
    assert ledgers([*records[:3], replace(records[3], footer=replace(footer, spans={}))]) == ()


def test_twins_are_in_ledgers_and_nowhere_else(synthetic: SimpleNamespace) -> None:
    """A summary with twins has the cells, comparisons and A/A pair of one without."""
    records = [record for block in (0, 1) for record in four(synthetic, REDIS, block=block, unseen_us=block)]
    with_twins = summarise(records, ())
    without = summarise((record for record in records if not record.header.cell.is_twin), ())
    assert replace(with_twins, ledgers=()) == without
    assert [one.cell for one in with_twins.ledgers] == ["redis-session-1.cpu-40"]


costs = st.floats(0.1, 500)
parts = st.dictionaries(st.sampled_from([f"replicas/{name}" for name in NAMES]), costs).map(lambda own: CONTROL | own)
few = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@few
@given(st.lists(st.tuples(parts, st.floats(-50, 50)), min_size=1, max_size=3))
def test_entries_and_residual_are_the_extra(synthetic: SimpleNamespace, blocks: Sequence[tuple[Parts, float]]) -> None:
    """Whatever was measured, nothing is lost or counted twice, in all and by component."""
    records = [four(synthetic, its, block=block, unseen_us=us) for block, (its, us) in enumerate(blocks)]
    found = only(record for block in records for record in block)
    entries_us = math.fsum(one.extra_us.value for one in found.entries)
    assert entries_us + found.residual_us.value == pytest.approx(found.extra_us.value, abs=1e-6)
    by_component = math.fsum(one.value for one in found.residuals_us.values())
    assert by_component == pytest.approx(found.residual_us.value, abs=1e-6)


@few
@given(st.lists(st.floats(-50, 50), min_size=1, max_size=3))
def test_a_scheme_equal_to_the_control_adds_nothing(synthetic: SimpleNamespace, unseen_us: Sequence[float]) -> None:
    """Every entry is zero, so whatever the arms differ by is residual."""
    records = [
        record
        for block, us in enumerate(unseen_us)
        for record in four(synthetic, CONTROL, block=block, unseen_us=us, scheme="memory-session")
    ]
    found = only(records)
    assert {one.extra_us.value for one in found.entries} == {0.0}
    assert found.residual_us.value == pytest.approx(found.extra_us.value)
