"""Pure: what a visitor does, as an endless sequence of flows drawn from its own seed."""

from collections.abc import Callable, Iterator, Mapping
from itertools import repeat
from random import Random

from loadtests.plan import Journey
from loadtests.visitor import Flow, Visitor, change_login, log_in, read, refresh, write

Step = Callable[[Visitor], Flow]

MIXES: Mapping[Journey, Mapping[Step, int]] = {
    "steady": {read: 1},
    "browse": {read: 90, write: 8, change_login: 2},
    "login": {log_in: 1},
    "refresh": {refresh: 1},
    "login-heavy": {read: 45, write: 5, log_in: 50},
    "refresh-heavy": {read: 45, write: 5, refresh: 50},
    "logout-heavy": {read: 45, write: 5, change_login: 50},
}
"""Weights of each journey's steps."""

RENEWING = tuple(journey for journey, mix in MIXES.items() if refresh in mix)
"""Journeys only of a scheme that has something to refresh."""


def steps(journey: Journey, random: Random) -> Iterator[Step]:
    """The steps of one visitor, without end; the same seed gives the same steps."""
    mix = MIXES[journey]
    if len(mix) == 1:
        return repeat(next(iter(mix)))
    return _drawn(mix, random)


def _drawn(mix: Mapping[Step, int], random: Random) -> Iterator[Step]:
    choices, weights = list(mix), list(mix.values())
    while True:
        yield random.choices(choices, weights)[0]
