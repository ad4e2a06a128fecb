"""Cuts an endless stream into pieces, so that a store takes many sessions in few round trips and little memory."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

PIECE = 1000
"""Sessions a round trip: far more than a round trip costs, and well within the bound of one."""

One = TypeVar("One")


def pieces(many: Iterable[One], size: int = PIECE) -> Iterator[Sequence[One]]:
    """`many` in their order, `size` at a time, each piece taken only when it is asked for; none is empty."""
    source = iter(many)
    while piece := list(islice(source, size)):
        yield piece
