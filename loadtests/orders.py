"""What a generator process answers to its orders."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """How many visitors are logged in, the distinct reasons of those that are not, and which workers were lost."""

    visitors: int
    failures: tuple[str, ...]
    lost: tuple[str, ...] = ()

    @classmethod
    def parsed(cls, fields: Mapping[str, Any]) -> Self:
        """The value whose fields came as JSON or msgpack. TypeError when they are others."""
        return cls(**_with_tuples(fields))


@dataclass(frozen=True, slots=True)
class Loaded:
    """One slice as the generator saw it. Instants are CLOCK_MONOTONIC ns; per-arm counts in the plan's order.

    `scheduled` arrivals were handed to visitors, `sent` requests were put on the wire (a flow may take several).
    `generator_cpu_ratio`: its CPU over wall time, 1.0 is one core. `loop_lag_ns`: its latest wake-up; `timer`: what
    woke it, timerfd or sleep. Of several workers these are the worst; `lost` says in words which of them were, and
    `shortfalls` what is missing of whose load. `clock_uncertainty_ns`: how far an instant of one worker may be off
    another's, None where there is one clock. `workers_cpu_ns`: what workers on the generator's own machine consumed
    beside it.
    """

    start_ns: int
    end_ns: int
    scheduled: tuple[int, ...]
    sent: tuple[int, ...]
    generator_cpu_ratio: float
    loop_lag_ns: int
    timer: str
    workers: int = 1
    lost: tuple[str, ...] = ()
    shortfalls: tuple[str, ...] = ()
    clock_uncertainty_ns: int | None = None
    workers_cpu_ns: int = 0

    @classmethod
    def parsed(cls, fields: Mapping[str, Any]) -> Self:
        """The value whose fields came as JSON or msgpack. TypeError when they are others."""
        return cls(**_with_tuples(fields))


def _with_tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
