"""Where the CPU time of a service goes: thread-CPU time by part, in a file that whoever measures reads.

Off unless `settings.spans_file` is set, and then nothing is wrapped: what is measured does not pay for it. Reading the
clock takes time itself; two spans around nothing, one in the other, are timed at every request and tell how much.
"""

import mmap
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, ParamSpec, TypeVar, get_args

SpanName = Literal[
    "dispatch", "server", "framework", "carrier", "verify", "signature", "redis", "postgres", "upstream",
    "around-empty", "empty",
]  # fmt: skip
NAMES: tuple[SpanName, ...] = get_args(SpanName)
WORD_BYTES = 8
WORDS = 3

P = ParamSpec("P")
R = TypeVar("R")


class Spent(NamedTuple):
    """What one kind of span came to: how often, its own thread-CPU time in ns, and how many spans ran right inside it.

    Its own: without the time between the first and the last reading of the clock of each span inside it.
    """

    calls: int
    cpu_ns: int
    inner: int


class _Frame:
    """A span that is open: what the spans right inside it have taken so far."""

    __slots__ = ("inner", "inner_ns")

    def __init__(self) -> None:
        self.inner = 0
        self.inner_ns = 0


class _Thread(threading.local):
    """What one thread has open, the ground at the bottom, and what it has spent since it last settled."""

    def __init__(self) -> None:
        self.open = [_Frame()]
        self.spent = [0] * (len(NAMES) * WORDS)


class Account:
    """The spans of one process, kept in `path` for as long as it lives; thread-safe, but not for greenlets."""

    def __init__(self, path: Path) -> None:
        size = len(NAMES) * WORDS * WORD_BYTES
        path.write_bytes(bytes(size))
        with path.open("r+b") as file:
            self._shared = memoryview(mmap.mmap(file.fileno(), size)).cast("Q")
        self._thread = _Thread()
        self._lock = threading.Lock()

    def around(self, name: SpanName, call: Callable[P, R]) -> Callable[P, R]:
        """`call`, each use of it a span."""
        thread, at, now_ns = self._thread, NAMES.index(name) * WORDS, time.thread_time_ns

        def spanned(*words: P.args, **named: P.kwargs) -> R:
            frame = _Frame()
            frames = thread.open
            frames.append(frame)
            start_ns = now_ns()
            try:
                return call(*words, **named)
            finally:
                took_ns = now_ns() - start_ns
                frames.pop()
                outer, spent = frames[-1], thread.spent
                outer.inner += 1
                outer.inner_ns += took_ns
                spent[at] += 1
                spent[at + 1] += took_ns - frame.inner_ns
                spent[at + 2] += frame.inner

        return spanned

    def outermost(self, name: SpanName, call: Callable[P, R]) -> Callable[P, R]:
        """As `around`, for a call that no other span is around: what its thread has spent by then is written down."""
        spanned = self.around(name, call)

        def settled(*words: P.args, **named: P.kwargs) -> R:
            try:
                return spanned(*words, **named)
            finally:
                self._settle()

        return settled

    def serving(self, call: Callable[P, R]) -> Callable[P, R]:
        """The outermost call of a request; after each, spans around nothing tell what reading the clock takes."""
        nothing = self.around("around-empty", self.around("empty", _nothing))
        server = self.outermost("server", call)

        def served(*words: P.args, **named: P.kwargs) -> R:
            nothing()
            return server(*words, **named)

        return served

    def _settle(self) -> None:
        spent = self._thread.spent
        self._thread.spent = [0] * len(spent)
        with self._lock:
            for place, value in enumerate(spent):
                if value:
                    self._shared[place] += value


def read_spans(path: Path) -> Mapping[SpanName, Spent]:
    """What has been spent so far by the process that keeps its account in `path`. OSError, ValueError."""
    words = memoryview(path.read_bytes()).cast("Q")
    return {name: Spent(*words[place * WORDS : (place + 1) * WORDS]) for place, name in enumerate(NAMES)}


_kept: list[Account] = []
"""None or one: a process has one clock, and one account of it."""


def keep_account(path: Path | None) -> None:
    """Keep account in `path` from now on, or no longer; what was watched before stays as it was. OSError."""
    _kept[:] = [Account(path)] if path else []


def kept() -> Account | None:
    """The account of this process, if it keeps one."""
    return _kept[0] if _kept else None


def around(name: SpanName, call: Callable[P, R]) -> Callable[P, R]:
    """`Account.around` where account is kept; else `call` itself, so keeping none costs nothing."""
    return _kept[0].around(name, call) if _kept else call


def watch(name: SpanName, part: object, *methods: str) -> None:
    """Make each use of `methods` of `part` a span, where account is kept."""
    for method in methods if _kept else ():
        setattr(part, method, around(name, getattr(part, method)))


def _nothing() -> None:
    """What an empty span is around."""
