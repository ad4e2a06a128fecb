"""What the client of a user who stays active has to do and to handle, from login to past the end of his credential."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.consequences.apparatus.agents import OK, Agent, Entrance, Step, carry
from loadtests import visitor as flows
from loadtests.exchange import Call, Response
from loadtests.visitor import NEW_LIFE_HEADER, NEW_TOKEN_HEADER

MARGIN_S = 60.0
"""How long before and after its end a credential is used."""
PLAIN = frozenset({"host", "user-agent", "accept", "content-type", "content-length", "cookie"})
"""Headers of every client; a cookie counts by its own name."""
REPLACING = (NEW_TOKEN_HEADER, NEW_LIFE_HEADER)


@dataclass(slots=True)
class Trip:
    """`requests` it took, of which `logins` needed the user's password; `handled`: headers, cookies and fields."""

    requests: int = 0
    logins: int = 0
    handled: set[str] = field(default_factory=set)
    is_done: bool = False

    def note(self, call: Call, response: Response) -> None:
        """Count a request and its answer."""
        self.requests += 1
        self.logins += call.step == "login"
        self.handled.update(_credentials(call), (name for name in REPLACING if name in response.headers))


def make(entrance: Entrance) -> Trip:
    """Log in, read, write, read shortly before the credential ends and after it; whoever is refused logs in again.

    The service clocks are moved, and right again afterwards. `is_done`: the last read succeeded.
    """
    trip, agent = Trip(), entrance.agent(0)
    login = _take(trip, agent, entrance, flows.log_in)
    if login.status != OK:
        return trip
    lasts_s = json.loads(login.body)["expires_in"]
    for step in (flows.read, flows.write):
        _take(trip, agent, entrance, step)
    try:
        entrance.arm.skew(max(0.0, lasts_s - MARGIN_S))
        _take(trip, agent, entrance, flows.read)
        entrance.arm.skew(lasts_s + MARGIN_S)
        last = _take(trip, agent, entrance, flows.read)
        if last.status != OK:
            _take(trip, agent, entrance, flows.log_in)
            last = _take(trip, agent, entrance, flows.read)
        trip.is_done = last.status == OK
    finally:
        entrance.arm.skew(0.0)
    return trip


def _take(trip: Trip, agent: Agent, entrance: Entrance, step: Step) -> Response:
    def send(call: Call) -> Response:
        response = agent.send(call, entrance.replicas[0])
        trip.note(call, response)
        return response

    return carry(step(agent.visitor), send)


def _credentials(call: Call) -> Iterator[str]:
    """What a request carries beside what every client sends."""
    head, _, body = call.request.decode().partition("\r\n\r\n")
    for line in head.split("\r\n")[1:]:
        name, _, value = line.partition(": ")
        if name.lower() == "cookie":
            yield from (pair.partition("=")[0] for pair in value.split("; "))
        if name.lower() not in PLAIN:
            yield name.lower()
    if call.step in {"refresh", "logout"}:
        yield from json.loads(body)
