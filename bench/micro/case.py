"""A call to be measured, as a value: whom to ask what, with something new to ask each time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.micro.figures import FloorKind

Given = Any
"""What a call is made with: a credential, a grant, a user; each kind of call has its own."""
Call = Callable[[Given], object]
Supply = Callable[[int], Sequence[Given]]
"""As many of them as asked for, no two alike."""


def as_given(given: Given) -> Given:
    """For a floor that takes what the call takes."""
    return given


@dataclass(frozen=True, slots=True)
class Bare:
    """A floor: `given` makes what it takes of what the call takes, before its time is taken."""

    kind: FloorKind
    name: str
    call: Call
    given: Callable[[Given], Given] = as_given


@dataclass(frozen=True, slots=True)
class Case:
    """One call under the names its Figure will have.

    `is_spent`: what it was called with is good for one call alone. `servers`: pids of the store processes it asks.
    """

    group: str
    subject: str
    case: str
    call: Call
    supply: Supply
    is_spent: bool = False
    servers: tuple[int, ...] = ()
    bares: tuple[Bare, ...] = ()
