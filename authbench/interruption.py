"""Ctrl-C and SIGTERM end a command at once; where that went unheard, at its next stage.

Python drops an exception that a signal raises while an object is finalised, such as a file that was just written.
"""

import signal
from threading import Event
from types import FrameType
from typing import NoReturn

_asked = Event()


def listen() -> None:
    """From now on both signals raise KeyboardInterrupt in the main thread, which alone may call this."""
    _asked.clear()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


def check() -> None:
    """Raise KeyboardInterrupt if a signal came since `listen`."""
    if _asked.is_set():
        raise KeyboardInterrupt


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    _asked.set()
    raise KeyboardInterrupt
