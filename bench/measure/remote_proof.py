"""The proof of an arm of a target: whatever can be tried without its clocks, its replicas' addresses or its keys."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.measure.client import follow, read_once
from bench.measure.proof import (
    CONTROL,
    FLOWS,
    OK,
    REQUESTS,
    ROUNDS,
    UNAUTHORIZED,
    WARM_REQUESTS,
    Check,
    Proof,
    after_logout,
    answers,
    difference,
    expected_commands,
    forgeries,
    refused_statuses,
    spelled,
)
from bench.measure.remote import face
from bench.measure.remote_bench import UNCOUNTED, RemoteBench
from loadtests.visitor import Visitor, log_in
from services.contract import Step, Traits

TRIES = 4
"""Requests for every replica that may answer, to meet another one, or to have each do everything once."""
NO_CLOCK = "an expired credential: the target's clocks are not ours to move"
NO_WAY_BACK = (
    "store commands and a revoked credential: the load balancer sends requests also to replicas that do not know the "
    "credential"
)
STRAYED = (
    "the load balancer sends visitors also to replicas that do not know their credential, so the scheme's work could "
    "not be tried; measure it behind a sticky one"
)
NO_OTHER = "a credential from another replica: no other replica answered its visitor"
MISCOUNTED = "the target's stores did not count what the scheme declares; leave the target to this run alone"


@dataclass(slots=True)
class OutsideProof:
    """Tries one arm. `doubt`: why its work is not shown even if nothing failed; "" when it is."""

    bench: RemoteBench
    traits: Traits
    replicas: int
    doubt: str = ""
    untried: list[str] = field(default_factory=list)

    def prove(self) -> Proof:
        """Every check that is possible; takes seconds where a login is dear."""
        checks = tuple(self._checks())
        return Proof(self.bench.plan.id, checks, tuple(self.untried))

    def _checks(self) -> Iterator[Check]:
        door = self.bench
        yield from forgeries(door, door.address)
        if door.plan.scheme != CONTROL:
            self.untried.append(NO_CLOCK)
        if self._strays():
            self._doubt(NO_WAY_BACK, STRAYED)
            yield self._at_home()
            return
        yield from self._work()
        if door.plan.scheme != CONTROL:
            yield after_logout(door, door.address, self.traits)
        if self.replicas > 1 and not self.traits.needs_affinity:
            yield from self._elsewhere()

    def _strays(self) -> bool:
        """Whether a visitor who needs one replica is also sent to others."""
        return self.traits.needs_affinity and len({name for name, _ in self._visits()}) > 1

    def _visits(self) -> Iterator[tuple[str, int]]:
        """Who answered, and how: a login, then reads with what it granted."""
        visitor = self.bench.visitor(0)
        arrival = follow(self.bench.address, log_in(visitor))
        yield face(arrival), arrival.status
        for _ in range(TRIES * self.replicas):
            answer = read_once(self.bench.address, visitor)
            yield face(answer), answer.status

    def _at_home(self) -> Check:
        (home, login), *visits = self._visits()
        odd = sorted({status for name, status in visits if status != (OK if name == home else UNAUTHORIZED)})
        claim = "a credential is answered 200 by the replica that issued it and 401 by the others"
        return Check(claim, f"answered {odd or 'so'} after a login answered {login}", holds=login == OK and not odd)

    def _work(self) -> Iterator[Check]:
        """Every step the scheme has, counted by the stores where they tell, on replicas that did it before."""
        crew = [self.bench.visitor(number) for number in range(REQUESTS)]
        steps = [step for step in FLOWS if step in self.traits.operations]
        for number in range(max(WARM_REQUESTS, TRIES * self.replicas)):
            for step in steps:
                follow(self.bench.address, FLOWS[step](crew[number % REQUESTS]))
        for step in steps:
            yield self._step(crew * ROUNDS.get(step, 1), step)

    def _step(self, crew: list[Visitor], step: Step) -> Check:
        before = self.bench.store_commands()
        refused = refused_statuses(self.bench.address, crew, step)
        after = self.bench.store_commands()
        claim = f"{len(crew)} x {step} are answered 2xx"
        if refused:
            return Check(claim, f"found statuses {refused}, expected 2xx", holds=False)
        if before is None or after is None:
            self._doubt(f"what {len(crew)} x {step} cost: no counters of the stores were read", UNCOUNTED)
            return Check(claim, "answered so", holds=True)
        counted, expected = difference(before, after), expected_commands(self.traits.operations[step], step, len(crew))
        if counted == expected:
            return Check(f"{claim} and cost {spelled(expected)}", f"counted {spelled(counted)}", holds=True)
        told = f"that {len(crew)} x {step} cost {spelled(expected)}: counted {spelled(counted)}"
        self._doubt(told, MISCOUNTED)
        return Check(claim, "answered so", holds=True)

    def _doubt(self, untried: str, reason: str) -> None:
        self.untried.append(untried)
        self.doubt = self.doubt or reason

    def _elsewhere(self) -> Iterator[Check]:
        """A credential issued by one replica works on the others."""
        visitor = self.bench.visitor(0)
        home = face(follow(self.bench.address, log_in(visitor)))
        for _ in range(TRIES * self.replicas):
            answer = read_once(self.bench.address, visitor)
            if face(answer) != home:
                yield answers("a credential from another replica", answer, OK)
                return
        self.untried.append(NO_OTHER)
