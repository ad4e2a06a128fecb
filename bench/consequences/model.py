"""What an experiment found, as values: the outcome table, the page and a gate are made of these."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bench.analysis.model import Verdict
from loadtests.plan import Balancing

Unit = Literal["", "users", "requests", "%", "ms", "s", "min", "h", "B", "per s", "per 1,000", "lines", "µs"]
CONSEQUENCE_FREE = "nothing"
"""The headline of an outcome in which nobody noticed anything."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure in `unit`; `name` is unique in its outcome.

    `low`, `high`: its 95 % interval, None where it is exact. `of`: the whole that a count is a part of. `predicted`:
    what theory says, and `theory` how. `is_harm`: it counts a consequence, so without the fault it must be 0.
    """

    name: str
    value: float
    unit: Unit
    low: float | None = None
    high: float | None = None
    of: int | None = None
    predicted: float | None = None
    theory: str = ""
    is_harm: bool = False

    @property
    def misses_theory(self) -> bool:
        """Whether theory says a figure outside the interval; of an exact figure, another one."""
        if self.predicted is None:
            return False
        low = self.value if self.low is None else self.low
        high = self.value if self.high is None else self.high
        return not low <= self.predicted <= high


@dataclass(frozen=True, slots=True)
class Mark:
    """What was done, in words, `at_s` after the load began."""

    at_s: float
    what: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Answers in bins of `bin_s` by their intended start: per kind ("200", "401", "503", "no answer") a count a bin.

    `worst_ms`: the longest wait for an answer, bin by bin; None in a bin without requests.
    """

    bin_s: float
    counts: Mapping[str, tuple[int, ...]]
    marks: tuple[Mark, ...] = ()
    worst_ms: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one scheme came to in one setting of an experiment.

    `setting` tells outcomes of one scheme apart, in words; `at` is the same as a number where the experiment has an
    axis. `headline`: the result in at most 40 characters, as a cell of the story. `is_control`: the fault was not
    injected. `records`: the files in the run directory that show it.
    """

    experiment: str
    scheme: str
    setting: str
    headline: str
    figures: tuple[Figure, ...]
    verdict: Verdict
    balancing: Balancing = "roundrobin"
    at: float | None = None
    is_control: bool = False
    timeline: Timeline | None = None
    records: tuple[str, ...] = field(default=())

    @property
    def approach(self) -> str:
        """The scheme, and the balancing where it is part of the approach."""
        return f"{self.scheme}, {self.balancing}" if self.balancing != "roundrobin" else self.scheme

    def figure(self, name: str) -> Figure:
        """The figure called `name`. KeyError when there is none."""
        for one in self.figures:
            if one.name == name:
                return one
        raise KeyError(name)
