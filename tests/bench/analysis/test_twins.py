"""A twin's account, worked out by hand: the reading of clocks taken out, nothing lost, nothing guessed."""

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.ledger_model import PROCESS
from bench.analysis.twins import Clock, Spent, account, calibrated, corrected
from loadtests.record import Record, Span

SPANS = {
    "replicas/empty": Span(100, 20_000, 0),
    "replicas/around-empty": Span(100, 50_000, 100),
    "replicas/server": Span(100, 10_050_000, 100),
    "replicas/verify": Span(100, 2_050_000, 100),
    "replicas/redis": Span(100, 3_020_000, 0),
}
"""Over 100 requests. e = 20,000 / 100 = 200 ns, o = 50,000 / 100 - 200 = 300 ns."""


def twin(synthetic: SimpleNamespace, spans: Mapping[str, Span] = SPANS, **footer: object) -> Record:
    """100 requests that took the replica 200 us each, Redis 30 and HAProxy 50."""
    record: Record = synthetic.record(
        synthetic.cell("redis-session", is_twin=True),
        cpu_us={"replicas/r1": 200, "redis/valkey": 30, "haproxy/haproxy": 50},
        **{"store_commands": {"redis": {"getex": 100}}, **footer},
        spans=spans,
    )
    return record


def test_reading_the_clock_is_taken_out(synthetic: SimpleNamespace) -> None:
    """Per request: server (10,050,000 - 100 x 200 - 100 x 300) / 100 = 100 us, verify 20 us, redis 30 us."""
    found = account(twin(synthetic))
    assert found is not None
    assert {place: (round(spent.us, 9), spent.calls) for place, spent in found.parts.items()} == {
        ("replicas", "server"): (100, 1.0),
        ("replicas", "verify"): (20, 1.0),
        ("replicas", "redis"): (30, 1.0),
        ("redis", PROCESS): (30, 1.0),
        ("haproxy", PROCESS): (50, None),
    }


def test_every_microsecond_has_its_place(synthetic: SimpleNamespace) -> None:
    """Five spans a request of 0.5 us each are 2.5 us; 200 - 150 - 2.5 = 47.5 us lie between; all sum to 280 us."""
    found = account(twin(synthetic))
    assert found is not None
    assert found.instrumentation_us == pytest.approx(2.5)
    assert found.between_us == {"replicas": pytest.approx(47.5)}
    parts_us = sum(spent.us for spent in found.parts.values())
    assert parts_us + 47.5 + 2.5 == pytest.approx(found.total_us) == pytest.approx(280)


def test_only_successful_requests_share_it(synthetic: SimpleNamespace) -> None:
    """The same spans over 50 successes and 50 failures are twice as much, and run twice as often, for each."""
    samples = [synthetic.sample(number, status=200 if number % 2 else 503) for number in range(100)]
    record = twin(synthetic)
    found = account(replace(record, samples=tuple(samples)))
    assert found is not None
    verify = found.parts["replicas", "verify"]
    assert (round(verify.us, 9), verify.calls) == (40, 2.0)
    assert found.parts["redis", PROCESS].calls == 2.0


@pytest.mark.parametrize(
    "missing", [{"replicas/empty"}, {"replicas/around-empty"}, {"replicas/empty", "replicas/around-empty"}, set(SPANS)]
)
def test_without_a_calibration_there_is_no_account(synthetic: SimpleNamespace, missing: set[str]) -> None:
    """What reading the clock takes is never guessed, nor taken from another component."""
    spans = {name: span for name, span in SPANS.items() if name not in missing}
    assert account(twin(synthetic, spans)) is None
    assert account(twin(synthetic, spans | {"bff/empty": Span(9, 9, 0), "bff/around-empty": Span(9, 9, 9)})) is None
    assert calibrated({"empty": Span(0, 0, 0), "around-empty": Span(0, 0, 0)}) is None


def test_a_dead_twin_has_no_account(synthetic: SimpleNamespace) -> None:
    """Without a footer, or without CPU, nothing is known."""
    record = twin(synthetic)
    assert account(replace(record, footer=None)) is None
    assert account(replace(record, resources=())) is None


def test_commands_nobody_counted_are_not_none_at_all(synthetic: SimpleNamespace) -> None:
    """A store whose commands could not be read has no calls; that is not zero calls."""
    found = account(twin(synthetic, store_commands=None))
    assert found is not None
    assert found.parts["redis", PROCESS].calls is None


@given(st.integers(0, 10_000), st.integers(1, 500), st.integers(0, 10**7), st.integers(0, 500))
def test_a_slower_clock_changes_nothing(slower_ns: int, calls: int, cpu_ns: int, inner: int) -> None:
    """A constant added to what each span sees, spans around nothing included, is taken out again."""

    def spent(added_ns: int) -> Spent:
        empty, around = Span(7, 7 * (200 + added_ns), 0), Span(7, 7 * (500 + added_ns), 7)
        clock = calibrated({"empty": empty, "around-empty": around})
        assert clock is not None
        return corrected(Span(calls, cpu_ns + calls * added_ns, inner), clock, 100)

    assert spent(slower_ns).us == pytest.approx(spent(0).us, abs=1e-6)


def test_a_span_of_nothing_but_clock_is_nothing() -> None:
    """The spans around nothing come to zero by their own correction."""
    clock = Clock(200, 300)
    assert corrected(Span(100, 20_000, 0), clock, 100).us == 0
    assert corrected(Span(100, 50_000, 100), clock, 100).us == 0
