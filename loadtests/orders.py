"""What a generator process answers to its orders."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """How many visitors are logged in, and the distinct reasons of those that are not."""

    visitors: int
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """One slice as the generator saw it. Instants are CLOCK_MONOTONIC ns; per-arm counts in the plan's order.

    `scheduled` arrivals were handed to visitors, `sent` requests were put on the wire (a flow may take several).
    `generator_cpu_ratio`: its CPU over wall time, 1.0 is one core. `loop_lag_ns`: its latest wake-up.
    """

    start_ns: int
    end_ns: int
    scheduled: tuple[int, ...]
    sent: tuple[int, ...]
    generator_cpu_ratio: float
    loop_lag_ns: int
