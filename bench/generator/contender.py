"""What is compared: load generators of one shape, each told the same load and telling what it saw of it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from bench.generator.bare_app import SCHEME
from bench.stack.listening import LOOPBACK
from bench.stack.process import Process
from bench.stack.supervisor import Supervisor
from services.contract import Carrier

Name = Literal["ours", "fasthttp", "k6", "wrk"]
Values = npt.NDArray[np.float64]
VISITORS = 200


@dataclass(frozen=True, slots=True)
class Load:
    """What every generator is to do: `browse` by `visitors` of its own, at an even pace, for `seconds`."""

    port: int
    carrier: Carrier
    rate_rps: int
    seconds: int
    visitors: int = VISITORS
    seed: int = 1

    @property
    def url(self) -> str:
        """What the endpoints' names are put behind."""
        return f"http://{LOOPBACK}:{self.port}{self.path}"

    @property
    def path(self) -> str:
        """The same without the host."""
        return f"/{SCHEME}/{self.carrier}"

    @property
    def target(self) -> int:
        """How many iterations of the journey are to be begun."""
        return self.rate_rps * self.seconds


@dataclass(frozen=True, slots=True)
class Spread:
    """Two percentiles, in milliseconds."""

    p50_ms: float
    p99_ms: float


def spread(values_ms: Values) -> Spread:
    """By linear interpolation between order statistics; IndexError without values."""
    p50_ms, p99_ms = np.percentile(values_ms, (50, 99))
    return Spread(float(p50_ms), float(p99_ms))


@dataclass(frozen=True, slots=True)
class Told:
    """What a generator says of its load: response times, requests without a good answer, and how late they left.

    None: it does not tell.
    """

    response: Spread | None
    failed: int
    lateness: Spread | None = None


class Running(Protocol):
    """A generator that was started; `process` is it and whatever it starts."""

    @property
    def process(self) -> Process:
        """Whose CPU time is accounted for."""
        ...

    def finish(self) -> Told:
        """Load, or let it go on loading; blocks until it is over. ProcessDiedError."""
        ...


@dataclass(frozen=True, slots=True)
class Contender:
    """One generator. `is_paced`: it follows a schedule; else it asks again as soon as it is answered.

    `start` gives it ready to load or loading already. `install` is one line for those who miss it.
    """

    name: Name
    summary: str
    install: str
    is_paced: bool
    is_installed: Callable[[], bool]
    start: Callable[[Supervisor, Load], AbstractContextManager[Running]]
