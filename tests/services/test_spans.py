"""Spans: every nanosecond of a thread's CPU in one part alone, off unless wanted, and told while the process runs."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services import spans
from services.spans import NAMES, Account, SpanName, Spent, read_spans


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where an account is kept."""
    return tmp_path / "spans"


class Ticking:
    """A thread's clock that stands still but for what `spend` adds to it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._now_ns = 0
        monkeypatch.setattr(time, "thread_time_ns", lambda: self._now_ns)

    def spend(self, ns: int) -> None:
        """Work for so long."""
        self._now_ns += ns


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Ticking:
    """Time by table."""
    return Ticking(monkeypatch)


@pytest.fixture
def kept(path: Path) -> Iterator[Path]:
    """An account of this process, for one test."""
    spans.keep_account(path)
    yield path
    spans.keep_account(None)


def opened(path: Path) -> dict[SpanName, Spent]:
    """What was opened at all."""
    return {name: spent for name, spent in read_spans(path).items() if spent.calls}


def test_time_belongs_to_the_innermost_span(path: Path, clock: Ticking) -> None:
    """What is spent inside an inner span is not the outer's as well, however deep they lie."""
    account = Account(path)
    store = account.around("redis", lambda: clock.spend(100))

    def check() -> None:
        clock.spend(20)
        store()
        store()
        clock.spend(3)

    account.outermost("verify", check)()
    # verify 20 + 3 with two spans inside it, redis twice 100
    assert opened(path) == {"verify": Spent(1, 23, 2), "redis": Spent(2, 200, 0)}


def test_one_that_raises_is_accounted_for(path: Path, clock: Ticking) -> None:
    """A refusal costs what it costs, and the spans around it stay right."""
    account = Account(path)

    def refuse() -> None:
        clock.spend(7)
        message = "refused"
        raise ValueError(message)

    verify = account.around("verify", refuse)

    def answer() -> None:
        with pytest.raises(ValueError, match="refused"):
            verify()
        clock.spend(5)

    account.outermost("framework", answer)()
    assert opened(path) == {"framework": Spent(1, 5, 1), "verify": Spent(1, 7, 0)}


def test_every_request_tells_what_the_clock_takes(path: Path, clock: Ticking) -> None:
    """Beside each request there is one span around nothing, inside another."""
    serve = Account(path).serving(lambda: clock.spend(50))
    for _ in range(3):
        serve()
    assert opened(path) == {"server": Spent(3, 150, 0), "around-empty": Spent(3, 0, 3), "empty": Spent(3, 0, 0)}


def test_threads_add_up(path: Path) -> None:
    """Many threads at once lose no call, and what one has open is not the other's."""
    account = Account(path)
    inner = account.around("verify", sum)
    serve = account.outermost("framework", lambda: inner(range(10)))
    with ThreadPoolExecutor(8) as threads:
        for _ in range(500):
            threads.submit(serve)
    found = read_spans(path)
    assert (found["framework"].calls, found["framework"].inner, found["verify"].calls) == (500, 500, 500)
    assert found["verify"].cpu_ns > 0


def test_a_call_keeps_its_arguments_and_its_answer(path: Path) -> None:
    """Whatever is passed gets through."""
    account = Account(path)
    for watching in (account.outermost, account.around):
        assert watching("verify", lambda *words, **named: (words, named))(1, key=2) == ((1,), {"key": 2})


def test_nothing_is_wrapped_without_an_account() -> None:
    """Off, the very same function is called: what is measured does not pay for it."""

    def call() -> None:
        """Anything."""

    part = _Part(call)
    spans.watch("verify", part, "call")
    assert (part.call, spans.around("verify", call), spans.kept()) == (call, call, None)


def test_a_part_is_watched_with_an_account(kept: Path) -> None:
    """The named methods of that part alone, as soon as an outermost span has ended."""
    part, other = _Part(lambda: None), _Part(lambda: None)
    spans.watch("carrier", part, "call")
    account = spans.kept()
    assert account is not None
    account.outermost("framework", part.call)()
    account.outermost("framework", other.call)()
    assert {name: spent.calls for name, spent in opened(kept).items()} == {"framework": 2, "carrier": 1}


def test_an_account_begins_with_nothing(path: Path) -> None:
    """Also where a process before it kept one: a restarted service has spent nothing yet."""
    Account(path).outermost("verify", lambda: None)()
    Account(path)
    assert read_spans(path) == dict.fromkeys(NAMES, Spent(0, 0, 0))


class _Part:
    """Something with a method."""

    def __init__(self, call: Callable[[], None]) -> None:
        self.call = call
