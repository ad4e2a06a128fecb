"""A stack someone else runs, as far as it can be known from outside: what it mounts, who answers, what can be read."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bench.measure.client import follow, read_once
from bench.measure.profiles import PlanError
from bench.measure.proof import CONTROL
from bench.measure.remote_metrics import COMPONENTS, Metrics
from bench.measure.remote_stores import StoreCounters
from bench.stack.errors import NotReadyError
from loadtests.assignment import USERNAME, Target
from loadtests.exchange import Response
from loadtests.plan import ArmPlan
from loadtests.visitor import Visitor, log_in
from services.contract import Carrier, SchemeSpec

PORTS: Mapping[str, int] = {"http": 80, "https": 443}
FAMILIAR = 24
"""So many answers in a row from replicas already known end the search for more."""
OK, UNAUTHORIZED, NOT_FOUND = 200, 401, 404
REPLICA_HEADER = "x-replica"


@dataclass(frozen=True, slots=True)
class Site:
    """A target and the ways to it that the user named; without `metrics` or `stores` those stay unmeasured."""

    url: str
    password: str = field(repr=False)
    seeded_users: int
    metrics: Metrics | None = None
    stores: StoreCounters | None = None

    @property
    def door(self) -> Target:
        """Where its load balancer listens. PlanError."""
        return parse_url(self.url)

    def visitor(self, scheme: str, carrier: Carrier, number: int = 0) -> Visitor:
        """Somebody to knock, who is not logged in."""
        arm = ArmPlan("survey", scheme, carrier, 1, "as-deployed", "steady", 1)
        return Visitor(number, arm, self.door.authority, USERNAME.format(number), self.password)


@dataclass(frozen=True, slots=True)
class Survey:
    """What a target was found to be. `faces`: the names under which each front's replicas answer.

    `clocks`: the components whose every replica tells its CPU time; none without /metrics.
    """

    mounted: tuple[str, ...]
    absent: tuple[str, ...]
    faces: Mapping[str, frozenset[str]]
    clocks: frozenset[str]

    @property
    def replicas(self) -> int:
        """How many answered the control."""
        return len(self.faces["api"])

    def knows_cpu(self, front: str) -> bool:
        """Whether every service that works for the clients of `front` tells its CPU time."""
        return {"replicas", COMPONENTS[front]} <= self.clocks


def parse_url(url: str) -> Target:
    """The target at `url`. PlanError where it is more, or less, than scheme, host and port."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        host, port = "", 0
    if not (host and port) or parts.scheme not in PORTS or "@" in parts.netloc:
        message = "--target: expected http://HOST[:PORT] or https://HOST[:PORT] without a user name; correct it"
        raise PlanError(message)
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        message = f"--target: found {url!r}, expected nothing behind the port: schemes are mounted at /; correct it"
        raise PlanError(message)
    return Target(host, port, tls=parts.scheme == "https")


def survey(site: Site, wanted: Mapping[str, Carrier], catalogue: Mapping[str, SchemeSpec]) -> Survey:
    """Knock at every scheme of `wanted`, the control included. NotReadyError where it is not what it should be."""
    _recognise(site, wanted[CONTROL])
    _enter(site, wanted[CONTROL])
    mounted = tuple(scheme for scheme, carrier in wanted.items() if _is_mounted(site, scheme, carrier))
    fronts = {catalogue[scheme].front: scheme for scheme in reversed(mounted)}
    faces: dict[str, frozenset[str]] = {front: _faces(site, scheme, wanted[scheme]) for front, scheme in fronts.items()}
    if site.stores:
        site.stores.insist()
    absent = tuple(scheme for scheme in wanted if scheme not in mounted)
    return Survey(mounted, absent, faces, frozenset(_clocks(site, faces)))


def _recognise(site: Site, carrier: Carrier) -> None:
    """The control answers everybody, and under the name of a replica."""
    answer = read_once(site.door, site.visitor(CONTROL, carrier))
    if answer.status == OK and answer.header(REPLICA_HEADER):
        return
    found = answer.failure or f"status {answer.status}" + ("" if answer.status != OK else " without X-Replica")
    message = (
        f"{site.url}: found {found!r} at /{CONTROL}/{carrier}/profile, expected authbench's services with the control "
        "mounted; start them, or correct --target"
    )
    raise NotReadyError(message)


def _enter(site: Site, carrier: Carrier) -> None:
    """The first and the last of the seeded users can log in."""
    for number in sorted({0, site.seeded_users - 1}):
        answer = follow(site.door, log_in(site.visitor(CONTROL, carrier, number)))
        if answer.status != OK:
            message = (
                f"{site.url}: found {answer.status} {answer.reason} when {USERNAME.format(number)} logged in, "
                f"expected {OK}; correct --user-password-file or --seeded-users"
            )
            raise NotReadyError(message)


def _is_mounted(site: Site, scheme: str, carrier: Carrier) -> bool:
    answer = read_once(site.door, site.visitor(scheme, carrier))
    if answer.status in {OK, UNAUTHORIZED}:
        return True
    if answer.status == NOT_FOUND:
        return False
    found = f"{answer.status} {answer.reason}"
    message = f"{site.url}: found {found} at /{scheme}/{carrier}/profile, expected 200, 401 or 404; look at its logs"
    raise NotReadyError(message)


def _faces(site: Site, scheme: str, carrier: Carrier) -> frozenset[str]:
    """Ask until many answers in a row show nobody new: more, the more there are."""
    seen: set[str] = set()
    since = 0
    while since < FAMILIAR * max(1, len(seen)) // 2:
        name = face(read_once(site.door, site.visitor(scheme, carrier)))
        since = 0 if name and name not in seen else since + 1
        seen |= {name} - {""}
    return frozenset(seen)


def face(answer: Response) -> str:
    """The name of the replica that answered; "" if unknown."""
    return answer.header(REPLICA_HEADER)


def _clocks(site: Site, faces: Mapping[str, frozenset[str]]) -> Iterator[str]:
    if site.metrics is None:
        return
    site.metrics.calibrate()
    telling = {service.name for service in site.metrics.services()}
    for front, names in faces.items():
        if {f"{COMPONENTS[front]}/{name}" for name in names} <= telling:
            yield COMPONENTS[front]


def first_users(arms: Iterable[ArmPlan], seeded_users: int) -> Mapping[str, int]:
    """Where each arm's own stretch of users begins, by id. PlanError when there are not enough for all."""
    ordered = sorted(arms, key=lambda arm: arm.id)
    places, taken = {}, 0
    for arm in ordered:
        places[arm.id] = taken
        taken += arm.visitors
    if taken > seeded_users:
        message = (
            f"{len(ordered)} arms need {taken} users of their own, found {seeded_users} seeded; seed more and say so "
            "with --seeded-users, or choose fewer schemes or a lower --rate"
        )
        raise PlanError(message)
    return places
