"""The search on services whose highest rate is known: it is bracketed, within a bounded number of probes."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.ladder import (
    LADDER,
    LOWEST_RPS,
    SEARCH_MAX,
    START,
    STEP_RATIO,
    TOP,
    TRIES_MAX,
    WALK_MAX,
    Probe,
    highest_met,
    lowest_missed,
    next_to_search,
    next_to_verify,
    p99_of_all_ms,
    probed,
    rung_of,
    settled,
)
from bench.analysis.model import Verdict
from bench.measure.block import refused_record
from loadtests.plan import ArmPlan, BlockPlan, SlicePlan
from loadtests.record import Counts, Footer, Header, Record, Sample

SLO_MS = 20.0
ARM = ArmPlan("redis", "redis-session", "cookie", 2, "roundrobin", "steady", 100)
BLOCK = BlockPlan(3, 1, (ARM,), (SlicePlan("latency", LADDER[40], 6, pinned=True),))
(CELL,) = BLOCK.cells(BLOCK.slices[0])
DISTURBED = Verdict("INVALID", ("other programs",), disturbed=True)

Service = Callable[[int], float]
"""The p99 in ms of a rung."""


def a_probe(rung: int, p99_ms: float, verdict: Verdict | None = None, process_set: int = 0) -> Probe:
    """A probe of 1,000 requests."""
    return Probe(
        process_set, rung, 6, 1000, 1000, 0, p99_ms, p99_ms <= SLO_MS, 0.2, verdict or Verdict("VALID")
    )  # fmt: skip


def single_server(capacity_rps: float) -> Service:
    """An M/M/1 queue: times in system are exponential with mean 1 / (capacity - rate), so p99 = ln 100 / (c - r)."""

    def p99_ms(rung: int) -> float:
        spare_rps = capacity_rps - LADDER[rung]
        return 1000 * math.log(100) / spare_rps if spare_rps > 0 else math.inf

    return p99_ms


def searched(service: Service) -> list[Probe]:
    """Every probe of a search on it."""
    probes: list[Probe] = []
    while (rung := next_to_search(probes)) is not None:
        probes.append(a_probe(rung, service(rung)))
    return probes


def walked(service: Service, start: int) -> list[Probe]:
    """Every probe of a verification on it."""
    probes: list[Probe] = []
    while (rung := next_to_verify(probes, start)) is not None:
        probes.append(a_probe(rung, service(rung)))
    return probes


def test_rungs_are_one_step_apart() -> None:
    """Each rate is 5 % above the one below, to four digits, and a rate finds its rung again."""
    for low, high in pairwise(LADDER):
        assert high / low == pytest.approx(STEP_RATIO, rel=1e-3)
    assert [rung_of(rate) for rate in LADDER] == list(range(TOP + 1))


@given(st.floats(min_value=math.log(300), max_value=math.log(49_000)))
def test_the_search_brackets_the_true_maximum(log_capacity: float) -> None:
    """Of an M/M/1 service the rate found meets the SLO, its neighbour misses it, and the truth lies between."""
    capacity_rps = math.exp(log_capacity)
    truth_rps = capacity_rps - 1000 * math.log(100) / SLO_MS
    probes = searched(single_server(capacity_rps))
    found = settled(probes)
    assert found is not None
    assert LADDER[found] <= truth_rps < LADDER[found + 1]
    assert len(probes) <= SEARCH_MAX


@given(st.integers(-1, TOP))
def test_the_search_finds_every_rung(limit: int) -> None:
    """Whichever rung is the last to meet it, with bounded probes; none at all, and all of them, are found out too."""
    probes = searched(lambda rung: 1.0 if rung <= limit else 99.0)
    assert len(probes) <= SEARCH_MAX
    assert highest_met(probes) == (None if limit < 0 else limit)
    assert lowest_missed(probes) == (None if limit == TOP else limit + 1)


@given(st.integers(0, 2**32), st.integers(0, TOP))
def test_whatever_a_service_does_the_search_ends(seed: int, start: int) -> None:
    """One that answers by chance cannot make it offer more than its bound, nor leave the ladder."""
    random = Random(seed)  # noqa: S311 - a reproducible service, not a secret
    for probes in (
        searched(lambda _: random.choice((1.0, 99.0))),
        walked(lambda _: random.choice((1.0, 99.0)), start),
    ):
        assert len(probes) <= max(SEARCH_MAX, WALK_MAX)
        assert all(0 <= probe.rung <= TOP for probe in probes)


@given(st.integers(0, TOP - 1), st.integers(0, TOP))
def test_a_walk_settles_where_it_begins_near(limit: int, start: int) -> None:
    """With the last rung that meets and the first that misses, as far as its bound lets it go; else it gives up."""
    probes = walked(lambda rung: 1.0 if rung <= limit else 99.0, start)
    if -(WALK_MAX - 1) < start - limit < WALK_MAX:
        assert settled(probes) == limit
    else:
        assert settled(probes) is None
        assert len(probes) == WALK_MAX


@pytest.mark.parametrize("next_rung", [next_to_search, lambda probes: next_to_verify(probes, START)])
def test_what_the_machine_disturbed_is_offered_again_and_not_for_ever(
    next_rung: Callable[[list[Probe]], int | None],
) -> None:
    """The same rung, three times at most; a probe that is no use for other reasons ends it at once."""
    probes = [a_probe(START, 99.0, DISTURBED)]
    while (rung := next_rung(probes)) is not None:
        assert rung == START
        probes.append(a_probe(rung, 99.0, DISTURBED))
    assert len(probes) == TRIES_MAX
    assert next_rung([a_probe(START, 99.0, Verdict("INVALID", ("the generator",)))]) is None
    after = next_rung([*probes[:2], a_probe(START, 1.0)])
    assert after is not None
    assert after > START


def _record(statuses: list[int], scheduled: int, *, service_ms: float = 5.0, verdict: Verdict | None = None) -> Record:
    samples = tuple(
        Sample(n, "read", n * 10**6, n * 10**6, int((n + service_ms) * 10**6), status, "", "r", True, 1, 1)  # noqa: FBT003
        for n, status in enumerate(statuses)
    )
    given = verdict or Verdict("VALID")
    footer = Footer(
        Counts(scheduled, len(samples), len(samples), len(samples)), given.status, given.reasons,
        disturbed=given.disturbed, idle_cpu_ns_per_s={}, store_commands=None, generator_cpu_ratio=0.3, loop_lag_ns=1,
    )  # fmt: skip
    return Record(Header(CELL, 3, ("redis",), {}), samples, footer=footer)


def test_a_probe_is_what_its_record_shows() -> None:
    """Set, rung, counts, goodput and p99 from the samples; the verdict from the footer."""
    found = probed(_record([200] * 600, 600, verdict=DISTURBED), SLO_MS)
    assert (found.process_set, found.rung, found.scheduled, found.succeeded, found.refused) == (3, 40, 600, 600, 0)
    assert (found.p99_ms, found.goodput_rps, found.rate_rps) == (pytest.approx(5.0), 100.0, LADDER[40])
    assert (found.meets, found.is_believed, found.verdict, found.generator_cpu_ratio) == (True, False, DISTURBED, 0.3)


@pytest.mark.parametrize(
    ("statuses", "scheduled", "meets"),
    [
        ([200] * 990 + [401] * 10, 1000, True),
        ([200] * 989 + [401] * 11, 1000, False),
        ([200] * 989 + [503] * 11, 1000, False),
        ([200] * 989 + [0] * 11, 1000, False),
        ([200] * 989, 1000, False),
        ([], 1000, False),
    ],
)
def test_only_success_counts(statuses: list[int], scheduled: int, meets: bool) -> None:  # noqa: FBT001 - a case
    """More than 1 % refused, failed, unanswered or never sent misses any SLO, however quick the others were."""
    found = probed(_record(statuses, scheduled), SLO_MS)
    assert found.meets == meets
    assert math.isfinite(found.p99_ms) == meets


@pytest.mark.parametrize(("failed", "meets"), [(12, True), (13, False)])
def test_what_follows_a_request_counts_too(failed: int, meets: bool) -> None:  # noqa: FBT001 - a case
    """600 arrivals of a relogin are 1,200 requests, of which 12 may fail: 1 %, whichever of the two they are."""
    cell = replace(CELL, journey="relogin")
    sent = _record([200] * 1200, 600)
    samples = tuple(
        replace(sample, step="login" if number % 2 else "logout", status=503 if number < failed else 200)
        for number, sample in enumerate(sent.samples)
    )
    found = probed(replace(sent, header=replace(sent.header, cell=cell), samples=samples), SLO_MS)
    assert (found.scheduled, found.succeeded, found.meets) == (1200, 1200 - failed, meets)


def test_a_slow_service_misses() -> None:
    """p99 above the SLO is a miss though all succeeded."""
    assert not probed(_record([200] * 600, 600, service_ms=20.1), SLO_MS).meets


def test_a_record_that_died_is_not_believed() -> None:
    """Without a footer a probe is INVALID, and says so; so is an arm that was not timed."""
    died = probed(Record(Header(CELL, 0, (), {}), ()), SLO_MS)
    assert (died.verdict.status, died.meets, died.p99_ms) == ("INVALID", False, math.inf)
    assert not probed(refused_record(CELL, BLOCK, {}, ("no proof",)), SLO_MS).is_believed


def test_p99_of_all_takes_what_is_missing_as_slowest() -> None:
    """The rank is among all that were scheduled."""
    good_ms = np.arange(1.0, 101.0)
    assert p99_of_all_ms(good_ms, 100) == 99.0
    assert p99_of_all_ms(good_ms, 101) == 100.0
    assert p99_of_all_ms(good_ms, 102) == math.inf
    assert LADDER[0] == LOWEST_RPS
