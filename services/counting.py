"""Calls to stores and to the API, counted where somebody wants to know and left as they are where nobody does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from services.settings import Settings

if TYPE_CHECKING:
    from services.metrics import Metrics

Count = Callable[[], None]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """Who is told of each round trip, before it is made; None: nobody is."""

    redis: Count | None = None
    postgres: Count | None = None
    upstream: Count | None = None


UNCOUNTED = RoundTrips()


def counted(call: Callable[P, R], count: Count | None) -> Callable[P, R]:
    """`call`, each use of it told to `count`; `call` itself where that is None, so not counting costs nothing."""
    if count is None:
        return call

    def told(*words: P.args, **named: P.kwargs) -> R:
        count()
        return call(*words, **named)

    return told


def open_metrics(settings: Settings, front: str) -> "Metrics | None":
    """The counters of one application; None, and nothing imported for them, unless `settings.metrics_bind` is set."""
    if not settings.metrics_bind:
        return None
    from services.metrics import Metrics  # noqa: PLC0415 - who is measured does not pay for it, and gevent patches first

    return Metrics(settings.replica, front)
