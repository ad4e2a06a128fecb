"""What a selfcheck is: a claim, and findings that hold each of its figures against a bar."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure as it was measured here, the bar it is held to, and whether it holds."""

    figure: str
    bar: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Selfcheck:
    """`run` measures and yields its findings as they come; `takes` says for how long, in words."""

    name: str
    claim: str
    takes: str
    run: Callable[[], Iterator[Finding]]
