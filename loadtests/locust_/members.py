"""A master's workers: who may join, what they answer, and who was lost; every wait ends."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gevent.event import Event
from gevent.queue import Empty, Queue
from locust.env import Environment
from locust.rpc import Message
from locust.runners import STATE_MISSING, MasterRunner

from loadtests.locust_.protocol import MESSAGE, machine, versions

LOOK_S = 0.2
"""How often a wait for an answer looks whether the worker still lives."""

Said = dict[str, Any]


@dataclass(slots=True, eq=False)
class Member:
    """One worker; `lost` says why it is, in words, once it is."""

    id: str
    name: str
    machine: str
    inbox: Queue = field(default_factory=Queue)
    lost: str = ""


class Members:
    """The `count` workers of a run in the order they came; iterable. Who comes later is kept waiting unused."""

    def __init__(self, runner: MasterRunner, count: int) -> None:
        self.count = count
        self.complete = Event()
        self.refused: list[str] = []
        self._runner = runner
        self._members: dict[str, Member] = {}
        runner.register_message(MESSAGE, self._hear)

    def __iter__(self) -> Iterator[Member]:
        return iter(self._members.values())

    @property
    def lost(self) -> tuple[str, ...]:
        """Who was lost and how, in words."""
        for member in self:
            self._look(member)
        return tuple(f"{member.name} {member.lost}" for member in self if member.lost)

    def ask(self, orders: Mapping[Member, Said], limit_s: float) -> dict[Member, Said]:
        """Give each worker its order, then wait for their answers; those of the lost are missing."""
        for member, order in orders.items():
            self._tell(member, order)
        heard = {member: list(self.hear(member, order["do"], limit_s)) for member, order in orders.items()}
        return {member: said[-1] for member, said in heard.items() if not member.lost}

    def ask_all(self, order: Said, limit_s: float) -> dict[Member, Said]:
        """Give all the same order."""
        return self.ask(dict.fromkeys(self, order), limit_s)

    def order(self, member: Member, order: Said, limit_s: float) -> Iterator[Said]:
        """Give one worker an order; all it says up to its answer. See `hear`."""
        self._tell(member, order)
        return self.hear(member, order["do"], limit_s)

    def hear(self, member: Member, until: str, limit_s: float) -> Iterator[Said]:
        """What a worker says up to its answer to `until`; breaks off when it is lost, by `limit_s` at the latest."""
        limit = time.monotonic() + limit_s
        while not member.lost:
            try:
                said = member.inbox.get(timeout=LOOK_S)
            except Empty:
                self._look(member)
                if time.monotonic() > limit and not member.lost:
                    member.lost = f"gave no answer to {until!r} for {limit_s:g} s"
                continue
            yield said
            if said["did"] == until:
                return

    def _tell(self, member: Member, order: Said) -> None:
        if not member.lost:
            self._runner.send_message(MESSAGE, order, member.id)

    def _look(self, member: Member) -> None:
        """Locust misses a worker after some heartbeats, and forgets one that says it ends."""
        client = self._runner.clients.get(member.id)
        if not member.lost and client is None:
            member.lost = "ended"
        elif not member.lost and client.state == STATE_MISSING:
            member.lost = "gave no sign of life for 4 s"

    def _hear(self, environment: Environment, msg: Message) -> None:  # noqa: ARG002 - called by these names
        back_ns = time.monotonic_ns()
        if msg.data["did"] == "hello":
            self._greet(msg.node_id, msg.data)
        elif msg.node_id in self._members:
            self._members[msg.node_id].inbox.put({**msg.data, "back_ns": back_ns})

    def _greet(self, identity: str, hello: Said) -> None:
        if hello["speaks"] != versions():
            self._refuse(identity, hello)
        elif len(self._members) < self.count:
            name = f"worker {len(self._members) + 1} of {self.count} ({hello['host']})"
            self._members[identity] = Member(identity, name, hello["machine"])
            self._runner.send_message(MESSAGE, {"do": "welcome", "name": f"as {name}"}, identity)
            if len(self._members) == self.count:
                self.complete.set()

    def _refuse(self, identity: str, hello: Said) -> None:
        why = f"found {hello['speaks']}, expected the master's {versions()}; install the same versions on both machines"
        self.refused.append(f"{hello['host']}: {why}")
        self._runner.send_message(MESSAGE, {"do": "refuse", "why": why}, identity)


def is_here(member: Member) -> bool:
    """Whether it runs on this machine."""
    return bool(member.machine) and member.machine == machine()
