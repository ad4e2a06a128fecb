"""Ctrl-C and SIGTERM end a command at once; where that went unheard, at its next stage.

Python drops an exception that a signal raises while an object is finalised, such as a file that was just written.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)

_asked = Event()


@contextmanager
def listening() -> Iterator[None]:
    """Meanwhile both signals raise KeyboardInterrupt in the main thread, which alone may call this."""
    before = {number: signal.signal(number, _interrupt) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _asked.clear()


def check() -> None:
    """Raise KeyboardInterrupt if a signal came that nobody has heard yet."""
    if _asked.is_set():
        raise KeyboardInterrupt


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    _asked.set()
    raise KeyboardInterrupt
