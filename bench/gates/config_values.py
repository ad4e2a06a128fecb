"""What a key of the configuration may hold, and what is said of anything else."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Protocol

SHOWN = 60
"""Characters of a wrong value that are shown: it may be a whole table."""


class Values(Protocol):
    """What a key may hold. Its `str` completes "expected ..."."""

    def mistake(self, key: str, found: object) -> str:
        """Why `key` may not hold `found`, in one line; empty where it may."""
        ...


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number >= `least`, or > `least` where that is none itself (`is_open`), and < `below`."""

    least: float
    below: float = sys.float_info.max
    is_open: bool = False
    is_whole: bool = False

    def mistake(self, key: str, found: object) -> str:
        """Not of the type (a boolean is no number), or out of range."""
        return "" if self._has(found) else f"{key} = {shown(found)}, expected {self}"

    def __str__(self) -> str:
        noun = "a whole number" if self.is_whole else "a number"
        above = f"{noun} {'>' if self.is_open else '>='} {self.least:g}"
        return above if self.below == sys.float_info.max else f"{above} and < {self.below:g}"

    def _has(self, found: object) -> bool:
        if isinstance(found, bool) or not isinstance(found, int if self.is_whole else int | float):
            return False
        return self.least <= found < self.below and not (self.is_open and found == self.least)


@dataclass(frozen=True, slots=True)
class Name:
    """One of the `known` names of a `noun`, asked for when they are needed: plugins add to some."""

    noun: str
    known: Callable[[], Iterable[str]]

    def mistake(self, key: str, found: object) -> str:
        """No text, or no such name."""
        if not isinstance(found, str):
            return f"{key} = {shown(found)}, expected {self}"
        known = tuple(self.known())
        return "" if found in known else unknown(self.noun, found, known)

    def __str__(self) -> str:
        return f"one of: {', '.join(self.known())}"


@dataclass(frozen=True, slots=True)
class Word:
    """Any text that shows on one line."""

    def mistake(self, key: str, found: object) -> str:
        """No text, an empty one, or one of several lines."""
        is_word = isinstance(found, str) and found.strip() and found.isprintable()
        return "" if is_word else f"{key} = {shown(found)}, expected {self}"

    def __str__(self) -> str:
        return "a text of one line"


def unknown(noun: str, found: str, known: Iterable[str]) -> str:
    """`found` is no `noun` that is known: the nearest one, or all where none is near."""
    names = tuple(known)
    nearest = get_close_matches(found, names, n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"one of: {', '.join(names)}"
    return f"unknown {noun} {shown(found)}; {hint}"


def shown(found: object) -> str:
    """A wrong value, on one line and not too long."""
    text = repr(found)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
