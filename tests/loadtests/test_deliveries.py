"""Deliveries: whatever is missing of a worker's part is named, and the sum of the parts tells the worst of them."""

from collections.abc import Sequence
from dataclasses import astuple, replace

import pytest

from loadtests.clocks import Anchor
from loadtests.deliveries import ADVICE, Delivery, combined, worker_lost
from loadtests.orders import Loaded, LoggedIn
from loadtests.record import Sample

SAMPLE = Sample(3, "read", 1_000, 1_010, 1_500, 200, "", "r1", had_valid_credential=True, bytes_up=1, bytes_down=2)
LOADED = Loaded(1, 2, (2, 1), (2, 1), 0.3, 400, "timerfd")


def _rows(count: int) -> Sequence[Sequence[object]]:
    return [list(astuple(SAMPLE)) for _ in range(count)]


def _whole() -> Delivery:
    batches = {0: (0, _rows(1)), 1: (0, _rows(1)), 2: (1, _rows(1))}
    return Delivery("worker 1 of 2 (a)", (2, 1), Anchor(100, 7), LOADED, 3, batches, 9, 50)


def test_a_whole_delivery_lacks_nothing() -> None:
    """All scheduled were started, all sent were received, all batches came."""
    assert _whole().shortfall() == ""
    assert _whole().received() == (2, 1)


def test_samples_are_told_by_the_masters_clock() -> None:
    """Each instant is moved by the offset, nothing else is touched; each arm has its own."""
    moved = replace(SAMPLE, intended_ns=900, sent_ns=910, done_ns=1_400)
    assert list(_whole().rows(0)) == [astuple(moved)] * 2
    assert list(_whole().rows(1)) == [astuple(moved)]


def test_what_is_missing_is_counted() -> None:
    """A lost batch, a count of batches that never came, arrivals not started: each shows beside what was expected."""
    lost, unfinished, unstarted = _whole(), _whole(), _whole()
    del lost.batches[1]
    unfinished.shipped = None
    unstarted.loaded = replace(LOADED, scheduled=(1, 1))
    said = "worker 1 of 2 (a): 3 requests scheduled, {} started, 3 sent, {} received in {} batches; expected every one"
    assert lost.shortfall().startswith(said.format(3, 2, "2 of 3"))
    assert unfinished.shortfall().startswith(said.format(3, 3, "3 of an unknown number of"))
    assert unstarted.shortfall().startswith(said.format(2, 3, "3 of 3"))
    assert lost.shortfall().endswith(ADVICE)


def test_a_worker_that_never_told_owes_everything() -> None:
    """The master knows what it was to send."""
    silent = Delivery("worker 2 of 2 (b)", (2, 1), Anchor(0, 0))
    assert silent.shortfall() == f"worker 2 of 2 (b) was to send 3 requests and never told what it sent; {ADVICE}"


def test_the_sum_tells_the_worst() -> None:
    """Counts are added up; CPU, lag and clock are the worst worker's; what both took of this machine is added."""
    other = _whole()
    other.loaded = replace(LOADED, generator_cpu_ratio=0.9, loop_lag_ns=300)
    other.clock_uncertainty_ns = 20
    assert combined([_whole(), other], 10, 20, ()) == Loaded(
        10, 20, (4, 2), (4, 2), 0.9, 400, "timerfd", workers=2, clock_uncertainty_ns=20, workers_cpu_ns=100
    )


def test_a_lost_worker_is_named_first() -> None:
    """Then what it owes; what the others sent counts."""
    silent = Delivery("worker 2 of 2 (b)", (2, 1), Anchor(0, 0))
    loaded = combined([_whole(), silent], 10, 20, ("worker 2 of 2 (b) ended",))
    assert (loaded.scheduled, loaded.sent, loaded.lost) == ((4, 2), (2, 1), ("worker 2 of 2 (b) ended",))
    assert loaded.shortfalls == (worker_lost("worker 2 of 2 (b) ended"), silent.shortfall())


def test_nothing_is_owed_of_a_slice_that_never_began() -> None:
    """Who was lost is said, and that is all there is to say; nothing was sent."""
    parts = [Delivery(f"worker {number}", (2, 1), Anchor(0, 0)) for number in (1, 2)]
    loaded = combined(parts, 10, 20, ("worker 1 ended",))
    assert (loaded.scheduled, loaded.sent) == ((4, 2), (0, 0))
    assert loaded.shortfalls == (worker_lost("worker 1 ended"),)


@pytest.mark.parametrize("value", [LOADED, LoggedIn(3, ("401 bad",), ("worker 1 ended",))])
def test_an_answer_survives_its_way(value: Loaded | LoggedIn) -> None:
    """JSON and msgpack know lists only; the values have tuples again."""
    fields = {name: getattr(value, name) for name in value.__slots__}
    told = {name: list(field) if isinstance(field, tuple) else field for name, field in fields.items()}
    assert type(value).parsed(told) == value
