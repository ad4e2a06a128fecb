"""SECURITY row 28 through the load balancer: a store that is away says nothing about anybody, and is used once back."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import count

import pytest

from bench.stack.arm import RunningArm
from bench.stack.foundation import lay_foundation
from bench.stack.postgres import start_postgres
from bench.stack.supervisor import Supervisor
from loadtests.assignment import USERNAME
from services.catalogue import SCHEMES
from services.contract import SchemeSpec, Step, Store
from services.settings import Settings
from tests.fleet import Fleet, fleet_of
from tests.services import faults
from tests.services.web.client import Answer, Client

PROMISED = [spec for spec in SCHEMES.values() if not (spec.traits.antipattern and spec.traits.stores)]
"""Who keeps the bound. An anti-pattern with a store may be one because it does not."""
MOUNTS = [(spec, carrier) for spec in PROMISED for carrier in spec.traits.carriers]
USERS = 2000
TIMEOUT_S = 20.0
POLL_S = 0.05
IN_A_ROW = 6
"""So often both replicas have answered."""

Statuses = Mapping[str, int]

_numbers = count()


@dataclass(frozen=True, slots=True)
class Visitors:
    """Three user agents at one mount: one stays, one is about to leave, one is not logged in."""

    spec: SchemeSpec
    fleet: Fleet
    stays: Client
    leaves: Client
    comes: Client

    @property
    def name(self) -> str:
        """What a table calls them."""
        return f"{self.spec.name}/{self.stays.carrier}"

    def log_in(self) -> Answer:
        """The newcomer, as a user of its own."""
        return self.comes.log_in(_new_user(), self.fleet.password)

    def change_password(self) -> Answer:
        """The leaver's."""
        password = self.fleet.password
        return self.leaves.post("password", {"password": password, "new_password": password})


@dataclass(frozen=True, slots=True)
class Action:
    """What visitors do, and what it does to the stores: steps of the scheme, and the users table where `asks_users`."""

    do: Callable[[Visitors], Answer]
    steps: tuple[Step, ...]
    asks_users: bool = False
    status: int = 200

    def needs(self, spec: SchemeSpec) -> set[Store]:
        """The stores without which it cannot be done."""
        trips = [spec.traits.operations[step].round_trips for step in self.steps if step in spec.traits.operations]
        own: set[Store] = {store for stores in trips for store in stores}
        return own | ({"postgres"} if self.asks_users else set())


ACTIONS: Mapping[str, Action] = {
    "read": Action(lambda who: who.stays.get("profile"), ("verify",)),
    "write": Action(lambda who: who.stays.post("notes", {"text": "x"}), ("verify",), status=201),
    "refresh": Action(lambda who: who.stays.refresh(), ("renew",)),
    "login": Action(Visitors.log_in, ("issue",), asks_users=True),
    "password": Action(Visitors.change_password, ("verify", "revoke"), asks_users=True),
    "logout-everywhere": Action(lambda who: who.leaves.post("logout-everywhere"), ("verify", "revoke")),
    "logout": Action(lambda who: who.leaves.log_out(), ("revoke",)),
}
"""In this order: the leaver leaves last."""


AWAY: Mapping[str, tuple[Store, Callable[[Fleet], AbstractContextManager[None]]]] = {
    "redis killed": ("redis", faults.redis_killed),
    "redis hung": ("redis", faults.redis_hung),
    "postgres killed": ("postgres", faults.postgres_killed),
    "postgres hung": ("postgres", faults.postgres_hung),
}
API_AWAY: Mapping[str, Callable[[RunningArm], AbstractContextManager[None]]] = {
    "killed": faults.api_killed,
    "hung": faults.api_hung,
}
RESTARTS: Mapping[Store, Callable[[Fleet], None]] = {"redis": faults.restart_redis, "postgres": faults.restart_postgres}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet whose stores are nobody else's."""
    with Supervisor(tmp_path_factory.mktemp("away")) as supervisor:
        settings = Settings(password_profile="harness", upstream_timeout_s=2.0)
        with fleet_of(lay_foundation(supervisor, start_postgres(supervisor), settings, USERS)) as fleet:
            yield fleet


@pytest.mark.parametrize("away", AWAY)
def test_row_28_what_needs_the_store_is_503_and_nothing_else_is(fleet: Fleet, away: str) -> None:
    """Never 200, never 401, no cookie touched, answered while it is still away; then served again, by itself."""
    store, hurt = AWAY[away]
    visitors, processes = _everybody(fleet), _processes(fleet)
    with hurt(fleet):
        seen = _of_all(visitors, _act)
    assert seen == _of_all(visitors, lambda who: _expected(who, store))
    is_lost = away == "redis killed"
    assert _of_all(visitors, _settled) == _of_all(visitors, lambda who: _kept(who, is_lost=is_lost))
    assert _processes(fleet) == processes


@pytest.mark.parametrize("store", RESTARTS)
def test_row_28_a_store_that_was_restarted_is_used_again(fleet: Fleet, store: Store) -> None:
    """Who was logged in is refused only where the store has forgotten him; connections are made anew."""
    visitors, processes = _everybody(fleet), _processes(fleet)
    RESTARTS[store](fleet)
    assert _of_all(visitors, _settled) == _of_all(visitors, lambda who: _kept(who, is_lost=store == "redis"))
    assert _processes(fleet) == processes


@pytest.mark.parametrize("away", API_AWAY)
@pytest.mark.parametrize("spec", [spec for spec in PROMISED if spec.front == "bff"], ids=lambda spec: spec.name)
def test_row_28_a_bff_without_its_api_is_503(fleet: Fleet, spec: SchemeSpec, away: str) -> None:
    """The cookie is kept, and good once the replicas are back."""
    visitors = _visitors(fleet, spec, "cookie")
    with API_AWAY[away](fleet.arm(spec.name)):
        answers = [visitors.stays.get("profile"), visitors.stays.post("notes", {"text": "x"}), visitors.log_in()]
    for answer in answers:
        assert answer.status == 503
        _check_kept(answer, {"upstream-down"})
    assert _settled(visitors) == _kept(visitors, is_lost=False)


def _act(who: Visitors) -> Statuses:
    """The statuses of all that `who` does, each 503 as it must be. A BFF says the same of an API without its store."""
    answers = {name: action.do(who) for name, action in ACTIONS.items()}
    reasons = {"store-down", "upstream-down"} if who.spec.front == "bff" else {"store-down"}
    for answer in answers.values():
        if answer.status == 503:
            _check_kept(answer, reasons)
    return {name: answer.status for name, answer in answers.items()}


def _check_kept(answer: Answer, reasons: set[str]) -> None:
    assert answer.reason in reasons, answer
    assert answer.cookie_lines == ()
    assert int(answer.header("Retry-After")) > 0


def _expected(who: Visitors, away: Store) -> Statuses:
    return {name: _status(name, action, who.spec, away) for name, action in ACTIONS.items()}


def _status(name: str, action: Action, spec: SchemeSpec, away: Store) -> int:
    if name == "refresh" and not spec.traits.can_renew:
        return 401
    if name == "password" and spec.name == "none" and away != "postgres":
        return 401
    return 503 if away in action.needs(spec) else action.status


def _kept(who: Visitors, *, is_lost: bool) -> Statuses:
    """What is answered once all is well: a login that a store has forgotten is none, a new one is good."""
    keeps_logins = who.spec.traits.can_list_sessions and "redis" in ACTIONS["read"].needs(who.spec)
    return {"stays": 401 if is_lost and keeps_logins else 200, "comes": 200}


def _settled(who: Visitors) -> Statuses:
    """What is answered again and again, after nothing but 503."""
    stays = _again_and_again(lambda: who.stays.get("profile"))
    _again_and_again(who.log_in)
    return {"stays": stays, "comes": _again_and_again(lambda: who.comes.get("profile"))}


def _again_and_again(ask: Callable[[], Answer]) -> int:
    """The one status beside 503 that is answered; it is so IN_A_ROW times."""
    limit, statuses = time.monotonic() + TIMEOUT_S, [503]
    while 503 in statuses[-IN_A_ROW:] and time.monotonic() < limit:
        statuses.append(ask().status)
        if statuses[-1] == 503:
            time.sleep(POLL_S)
    assert len(set(statuses)) == 2, statuses
    return statuses[-1]


def _of_all(visitors: Sequence[Visitors], do: Callable[[Visitors], Statuses]) -> Mapping[str, Statuses]:
    """What `do` gives for each mount, all at once."""
    with ThreadPoolExecutor(len(visitors)) as pool:
        return dict(zip((who.name for who in visitors), pool.map(do, visitors), strict=True))


def _everybody(fleet: Fleet) -> Sequence[Visitors]:
    return [_visitors(fleet, spec, carrier) for spec, carrier in MOUNTS]


def _visitors(fleet: Fleet, spec: SchemeSpec, carrier: str) -> Visitors:
    stays, leaves = (fleet.logged_in(spec.name, carrier, _new_user()) for _ in range(2))
    return Visitors(spec, fleet, stays, leaves, fleet.client(spec.name, carrier))


def _new_user() -> str:
    number = next(_numbers)
    assert number < USERS, f"{USERS} users are spent; raise USERS"
    return USERNAME.format(number)


def _processes(fleet: Fleet) -> Mapping[str, int]:
    """Every replica and BFF by name, master and worker alike."""
    return {
        f"{arm.plan.id}.{name}": pid
        for arm in (fleet.pair, fleet.single)
        for one in (*arm.replicas, *arm.bffs)
        for name, pid in one.processes().items()
    }
