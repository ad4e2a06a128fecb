"""Samples as they come, packed into a file: what a generator remembers does not grow with what it has sent.

A tape is rows of fixed length, then the texts that rows point to as a JSON list, then that list's length in bytes.
"""

import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO, cast

from loadtests.record import Row, Sample, StepName

_ROW = struct.Struct("<IqqqH?QQIII")
"""Visitor; intended, sent and done ns; status, had_valid_credential; bytes up and down; step, reason and replica."""
_LENGTH = struct.Struct("<Q")
_ROWS_AT_ONCE = 4_096


class Tape:
    """Writes samples to `file`, which can be read when `finish` has been called; `rows` counts them."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.rows = 0
        self._texts: dict[str, int] = {}

    def add(self, row: Row) -> None:
        """Write one sample: a tuple, as making a Sample costs as much as packing it. OSError when the disk will not."""
        visitor, step, intended_ns, sent_ns, done_ns, status, reason, replica, had_valid, up, down = row
        place = self._place
        texts = place(step), place(reason), place(replica)
        self.file.write(_ROW.pack(visitor, intended_ns, sent_ns, done_ns, status, had_valid, up, down, *texts))
        self.rows += 1

    def finish(self) -> None:
        """Write what the rows point to. OSError when the disk will not."""
        texts = json.dumps(list(self._texts)).encode()
        self.file.write(texts + _LENGTH.pack(len(texts)))
        self.file.flush()

    def _place(self, text: str) -> int:
        texts = self._texts
        place = texts.get(text)
        if place is None:
            place = texts[text] = len(texts)
        return place


def keep(file: BinaryIO, rows: Iterable[Row]) -> None:
    """Write a whole tape. OSError when the disk will not."""
    tape = Tape(file)
    for row in rows:
        tape.add(row)
    tape.finish()


def played(file: BinaryIO) -> Iterator[Sample]:
    """The samples of a finished tape, in the order they were added."""
    length_at = file.seek(-_LENGTH.size, SEEK_END)
    (length,) = _LENGTH.unpack(file.read())
    file.seek(length_at - length)
    texts = json.loads(file.read(length))
    left = (length_at - length) // _ROW.size
    file.seek(0)
    while left:
        count = min(left, _ROWS_AT_ONCE)
        for row in _ROW.iter_unpack(file.read(count * _ROW.size)):
            yield _sample(row, texts)
        left -= count


def played_at(path: Path) -> Iterator[Sample]:
    """The samples of the finished tape at `path`."""
    with path.open("rb") as file:
        yield from played(file)


def _sample(row: tuple[int, ...], texts: Sequence[str]) -> Sample:
    visitor, intended_ns, sent_ns, done_ns, status, had_valid, up, down, *places = row
    step, reason, replica = (texts[place] for place in places)
    stepped = cast("StepName", step)
    return Sample(visitor, stepped, intended_ns, sent_ns, done_ns, status, reason, replica, bool(had_valid), up, down)
