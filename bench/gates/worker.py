"""Makes calls of one scheme in a process of its own and says what they cost: a tree's side of a comparison.

A script that imports the standard library and the `services` of the tree it is started for, and nothing else. Its one
argument is the number of an inherited socket; there it is asked one JSON object a line and answers each by one line.
Protocol version 1, N being whole numbers:

    {"ask": "hello", "version": 1}          {"version": 1, "python": "3.11.9", "services": FILE,
                                             "schemes": {NAME: {"stores": [STORE, ...], "steps": [STEP, ...]}, ...}}
    {"ask": "open", "scheme": NAME, "step": STEP}                                  {"scheme": NAME, "step": STEP}
    {"ask": "slow", "extra_ratio": 0.1}     {"steps": 1.5}
    {"ask": "stock", "credentials": N}      {"making_ns": N}
    {"ask": "round", "calls": N}            {"calls": N, "cpu_ns": N, "wall_ns": N}
    {"ask": "close"}                        {"closed": true}, and it ends

`stock` makes as many credentials, all different, and rounds of `verify` go through them again and again; what the other
steps use up is made anew before the clock of each round starts. `slow` adds real work to every call from then on, that
share of the call's own cost: `steps` blocks to hash. What it cannot do it answers with {"error": WHY}, and goes on.
"""

import gc
import hashlib
import json
import platform
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice, repeat
from statistics import median
from typing import Any

import services
from services.catalogue import find, schemes
from services.contract import Grant, Scheme, SchemeSpec
from services.parts import open_parts
from services.settings import Settings, SettingsError, from_environment
from services.users import User

VERSION = 1
PEOPLE = 1000
"""How many users log in, in turn: as many as `services.seed` made."""
BLOCK = bytes(16)
PROBES = 3
CALIBRATION_TURNS = 60
CALIBRATION_NS = 1_000_000
CALIBRATION_CALLS = 5_000
CORRECTION_MAX = 4.0

Given = Any
"""What a call is made with: a user, a credential, a grant; each step has its own."""
Call = Callable[[Given], object]
Supply = Callable[[int], list[Given]]
Asked = Mapping[str, Any]
Reply = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a turn took, by the CPU clock of its thread and by the wall clock."""

    cpu_ns: int
    wall_ns: int


Way = Callable[[Call, Sequence[Given]], Cost]


class CannotError(Exception):
    """What was asked for there is not; the message says what there is."""


class People:
    """Who logs in: one after the other, and the first again after the last."""

    def __init__(self) -> None:
        names = [f"user-{number:06d}" for number in range(PEOPLE)]
        self._people = cycle([User(id=f"id-{name}", name=name, role="user", password_hash="") for name in names])

    def next(self, number: int) -> list[User]:
        """The next ones."""
        return list(islice(self._people, number))


@dataclass(frozen=True, slots=True)
class Work:
    """A call and what it is made with. `is_spent`: what it was called with is good for one call alone."""

    call: Call
    supply: Supply
    is_spent: bool


def issuing(scheme: Scheme, people: People) -> Work:
    """A login."""
    return Work(scheme.issue, people.next, is_spent=True)


def verifying(scheme: Scheme, people: People) -> Work:
    """A request that is let in."""

    def supply(number: int) -> list[Given]:
        return [grant.credential for grant in logins(scheme, people, number)]

    return Work(scheme.verify, supply, is_spent=False)


def renewing(scheme: Scheme, people: People) -> Work:
    """A renewal: each refresh credential is used once."""

    def supply(number: int) -> list[Given]:
        return [grant.refresh_credential for grant in logins(scheme, people, number)]

    return Work(scheme.renew, supply, is_spent=True)


def revoking(scheme: Scheme, people: People) -> Work:
    """A logout: each login ends once."""

    def revoke(grant: Grant) -> None:
        scheme.revoke(grant.credential, grant.refresh_credential)

    return Work(revoke, lambda number: logins(scheme, people, number), is_spent=True)


def logins(scheme: Scheme, people: People, number: int) -> list[Grant]:
    """As many, each of the next one's."""
    return [scheme.issue(user) for user in people.next(number)]


STEPS: Mapping[str, Callable[[Scheme, People], Work]] = {
    "issue": issuing,
    "verify": verifying,
    "renew": renewing,
    "revoke": revoking,
}


def turn(call: Call, batch: Sequence[Given]) -> Cost:
    """One call after the other, and nothing else."""
    wall_ns, cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
    for given in batch:
        call(given)
    return Cost(time.thread_time_ns() - cpu_ns, time.perf_counter_ns() - wall_ns)


@dataclass(frozen=True, slots=True)
class Load:
    """Extra work of `steps` a call on average: blocks that are hashed."""

    steps: float

    def turn(self, call: Call, batch: Sequence[Given]) -> Cost:
        """As `turn`, with the work after every call."""
        work = hashlib.sha256().update
        portions = [int((number + 1) * self.steps) - int(number * self.steps) for number in range(len(batch))]
        wall_ns, cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
        for given, portion in zip(batch, portions, strict=True):
            call(given)
            for block in repeat(BLOCK, portion):
                work(block)
        return Cost(time.thread_time_ns() - cpu_ns, time.perf_counter_ns() - wall_ns)


def loaded(work: Work, extra_ratio: float) -> Load:
    """What makes calls of `work` cost `extra_ratio` more in this process.

    A guess, from what calls and blocks cost by themselves, is set right by what it does to turns beside plain ones.
    """
    idle = Work(_nothing, lambda number: [None] * number, is_spent=False)
    blocks = [laden_ns - empty_ns for empty_ns, laden_ns in _turns_ns(idle, Load(0).turn, Load(1).turn)]
    calls = [call_ns for call_ns, _ in _turns_ns(work, turn, turn)]
    guess = Load(extra_ratio * median(calls) / max(1.0, median(blocks)))
    excess_ratio = median(laden_ns / plain_ns for plain_ns, laden_ns in _turns_ns(work, turn, guess.turn)) - 1
    return Load(guess.steps * extra_ratio / max(excess_ratio, extra_ratio / CORRECTION_MAX))


def _nothing(_given: Given) -> None:
    """Costs what calling costs."""


def _turns_ns(work: Work, one: Way, other: Way) -> list[tuple[float, float]]:
    """CPU time of a call by two ways that take turns."""
    probe_ns = min(max(1, turn(work.call, work.supply(1)).cpu_ns) for _ in range(PROBES))
    calls = min(CALIBRATION_CALLS, max(1, CALIBRATION_NS // probe_ns))
    stock = work.supply(calls)

    def call_ns(way: Way) -> float:
        return max(1, way(work.call, work.supply(calls) if work.is_spent else stock).cpu_ns) / calls

    return [(call_ns(one), call_ns(other)) for _ in range(CALIBRATION_TURNS)]


class Worker:
    """Answers what it is asked, in whatever order it is. CannotError on what is not there."""

    def __init__(self, settings: Settings) -> None:
        self._parts = open_parts(settings)
        self._people = People()
        self._work: Work | None = None
        self._way: Way = turn
        self._stock: Iterator[Given] = iter(())

    def hello(self, asked: Asked) -> Reply:
        """What this tree has. CannotError for another version of the protocol."""
        if asked["version"] != VERSION:
            message = f"protocol version {asked['version']!r} is not spoken here; expected {VERSION}"
            raise CannotError(message)
        known = {name: {"stores": spec.traits.stores, "steps": _steps(spec)} for name, spec in schemes().items()}
        version = platform.python_version()
        return {"version": VERSION, "python": version, "services": services.__file__, "schemes": known}

    def open(self, asked: Asked) -> Reply:
        """Build the scheme."""
        spec, step = find(asked["scheme"]), asked["step"]
        if step not in _steps(spec):
            message = f"scheme {spec.name!r} has no step {step!r}; one of: {', '.join(_steps(spec))}"
            raise CannotError(message)
        self._work = STEPS[step](spec.build(self._parts), self._people)
        self._way = turn
        return {"scheme": spec.name, "step": step}

    def slow(self, asked: Asked) -> Reply:
        """Find out what makes calls cost more by so much, and do it from now on."""
        load = loaded(self._opened(), asked["extra_ratio"])
        self._way = load.turn
        return {"steps": load.steps}

    def stock(self, asked: Asked) -> Reply:
        """Credentials to go through, and how long one took to make."""
        begun_ns = time.perf_counter_ns()
        stock = self._opened().supply(asked["credentials"])
        making_ns = (time.perf_counter_ns() - begun_ns) // len(stock)
        self._stock = cycle(stock)
        # what was made before is no garbage of the calls to come
        gc.collect()
        gc.freeze()
        return {"making_ns": making_ns}

    def round(self, asked: Asked) -> Reply:
        """One turn."""
        work, calls = self._opened(), asked["calls"]
        batch = work.supply(calls) if work.is_spent else list(islice(self._stock, calls))
        cost = self._way(work.call, batch)
        return {"calls": len(batch), "cpu_ns": cost.cpu_ns, "wall_ns": cost.wall_ns}

    def close(self, _asked: Asked) -> Reply:
        """Leave the stores."""
        self._parts.close()
        return {"closed": True}

    def _opened(self) -> Work:
        if self._work is None:
            message = "no scheme is open; open one first"
            raise CannotError(message)
        return self._work


def _steps(spec: SchemeSpec) -> list[str]:
    return [step for step in STEPS if step in spec.traits.operations]


def answered(worker: Worker, line: str) -> Reply:
    """The reply to one line, or why there is none."""
    try:
        asked = json.loads(line)
        answer = ANSWERS.get(asked["ask"])
        return answer(worker, asked) if answer else {"error": f"found {asked['ask']!r} asked, expected one of {ASKS}"}
    except (CannotError, SettingsError) as error:
        return {"error": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever the code of a tree raises is for its reader to be told
        return {"error": f"{type(error).__name__}: {error}"}


ANSWERS: Mapping[str, Callable[[Worker, Asked], Reply]] = {
    "hello": Worker.hello,
    "open": Worker.open,
    "slow": Worker.slow,
    "stock": Worker.stock,
    "round": Worker.round,
    "close": Worker.close,
}
ASKS = ", ".join(ANSWERS)


def serve(link: socket.socket) -> None:
    """Answer until told to close, or nobody asks any more."""
    worker = Worker(from_environment())
    with link.makefile("rw", encoding="utf-8") as lines:
        for line in lines:
            reply = answered(worker, line)
            lines.write(json.dumps(reply) + "\n")
            lines.flush()
            if "closed" in reply:
                break


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as inherited:
        serve(inherited)
