"""The service's clock: system time plus an offset a test may set, per replica, while it runs."""

import mmap
import struct
import time
from collections.abc import Callable
from pathlib import Path

Clock = Callable[[], float]
"""Seconds since 1970 as this service sees them; expiry is decided by it and by nothing else."""

_OFFSET = struct.Struct("<d")

system_clock: Clock = time.time


def offset_clock(path: Path) -> Clock:
    """System time plus the offset in seconds that `set_offset` last wrote to `path`; shared memory, so a read is cheap.

    OSError when the file is missing.
    """
    with path.open("r+b") as file:
        shared = mmap.mmap(file.fileno(), _OFFSET.size, access=mmap.ACCESS_READ)

    def now() -> float:
        return time.time() + float(_OFFSET.unpack_from(shared)[0])

    return now


def open_clock(path: Path | None) -> Clock:
    """The clock of the offset file `path`, system time without one. OSError when the file is missing."""
    return offset_clock(path) if path else system_clock


def set_offset(path: Path, offset_s: float) -> None:
    """Create the offset file, or move every clock that is open on it by `offset_s` seconds against system time."""
    data = _OFFSET.pack(offset_s)
    if not path.exists():
        path.write_bytes(data)
    with path.open("r+b") as file:
        file.write(data)
