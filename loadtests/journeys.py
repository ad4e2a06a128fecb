"""Pure: what a visitor does, as an endless sequence of flows drawn from its own seed."""

from collections.abc import Callable, Iterator, Mapping
from itertools import repeat
from random import Random

from loadtests.plan import Journey
from loadtests.record import StepName
from loadtests.visitor import Flow, Visitor, change_login, log_in, read, refresh, write

Step = Callable[[Visitor], Flow]

MIXES: Mapping[Journey, Mapping[Step, int]] = {
    "steady": {read: 1},
    "browse": {read: 90, write: 8, change_login: 2},
    "login": {log_in: 1},
    "refresh": {refresh: 1},
    "write": {write: 1},
    "relogin": {change_login: 1},
    "login-heavy": {read: 45, write: 5, log_in: 50},
    "refresh-heavy": {read: 45, write: 5, refresh: 50},
    "logout-heavy": {read: 45, write: 5, change_login: 50},
}
"""Weights of each journey's steps."""

FIRST_REQUEST: Mapping[Step, StepName] = {
    read: "read",
    write: "write",
    log_in: "login",
    refresh: "refresh",
    change_login: "logout",
}
"""What each step begins with; what follows in the same step has no intended start of its own."""

RENEWING = tuple(journey for journey, mix in MIXES.items() if refresh in mix)
"""Journeys only of a scheme that has something to refresh."""


def steps(journey: Journey, random: Random) -> Iterator[Step]:
    """The steps of one visitor, without end; the same seed gives the same steps."""
    mix = MIXES[journey]
    if len(mix) == 1:
        return repeat(next(iter(mix)))
    return _drawn(mix, random)


def first_requests(journey: Journey) -> frozenset[StepName]:
    """What an arrival of `journey` may begin with."""
    return frozenset(FIRST_REQUEST[step] for step in MIXES[journey])


def _drawn(mix: Mapping[Step, int], random: Random) -> Iterator[Step]:
    choices, weights = list(mix), list(mix.values())
    while True:
        yield random.choices(choices, weights)[0]
