"""The clock: system time, plus an offset that moves every open clock at once."""

import time
from pathlib import Path

import pytest

from services.clock import offset_clock, set_offset, system_clock


def test_the_system_clock_tells_system_time() -> None:
    """Without an offset file, expiry is decided by system time."""
    before_s = time.time()
    assert before_s <= system_clock() <= time.time()


def test_an_offset_moves_a_clock_that_is_already_open(tmp_path: Path) -> None:
    """A test may skew one replica while it runs."""
    file = tmp_path / "offset"
    set_offset(file, 0)
    clock = offset_clock(file)
    set_offset(file, 3600)
    before_s = time.time()
    assert before_s + 3600 <= clock() <= time.time() + 3600


def test_a_missing_offset_file_is_an_error(tmp_path: Path) -> None:
    """A replica that was told of an offset file never runs silently without it."""
    with pytest.raises(FileNotFoundError):
        offset_clock(tmp_path / "missing")
