"""Long stories of users, thieves and administrators: what the model says must be 200 is 200, and 401 is 401."""

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import ClassVar

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from bench.stack.foundation import Foundation
from services.catalogue import SCHEMES, find
from services.contract import Carrier
from services.passwords import Passwords
from tests.fleet import Fleet, fleet_of
from tests.services.model import SLIDING, Held, Model, Rules, rules_of
from tests.services.web.client import Answer, Client, Send

STEPS = 2000
WELCOMES, REFUSALS = 200, 100
"""Both kinds of answers are common to what only somebody logged in may do, so neither half of a model goes untried."""
EXPLORE = "AUTHBENCH_MODEL_STORIES"
"""Set in the environment: that many stories, drawn at random, in place of those that are the same every time."""
STORIES = int(os.environ.get(EXPLORE, "42"))
CALM_STORIES = 18
"""So many more where nothing is refused: less happens in them."""
LONG = settings(
    derandomize=EXPLORE not in os.environ,
    stateful_step_count=60,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
AGENTS, USERS = 5, 3
PASSWORD = "correct horse"

CLEAR_BEFORE_S, CLEAR_AFTER_S = 5.0, 2.0
"""No request is sent so close to an instant at which its answer turns that a slow machine could decide it."""
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 24 * 3600

AGENT = st.integers(0, AGENTS - 1)
USER = st.integers(0, USERS - 1)
RETURNS = st.sampled_from([True, True, False])
"""Whether an agent who is logged out logs in first, lest stories end in silence."""

_numbers = count()


@dataclass(slots=True)
class User:
    """Somebody with an account."""

    name: str
    password: str = PASSWORD
    is_banned: bool = False


@dataclass(slots=True)
class Administrator:
    """One who logs in again whenever time was moved, so that none of it ends a login of his."""

    user: User
    client: Client
    ahead_s: float = math.nan


@dataclass(slots=True)
class Agent:
    """A user agent, and what the model thinks it carries."""

    client: Client
    held: Held | None = None


class Accounts:
    """The users table of one arm, as its owner writes to it."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._hash = Passwords("harness").hash(PASSWORD)

    def open(self, role: str) -> User:
        """A user nobody else is."""
        name = f"{role}-of-a-story-{next(_numbers)}"
        self._connection.execute("INSERT INTO users VALUES (%s, %s, %s, %s)", (f"id-{name}", name, role, self._hash))
        return User(name)

    def pardon(self, users: list[User]) -> None:
        """Take bans back, for which there is no endpoint."""
        names = [user.name for user in users]
        self._connection.execute("UPDATE users SET banned = false WHERE name = ANY(%s)", (names,))


@dataclass(slots=True)
class World:
    """One mount of a running fleet, and what has been seen there. Its time only ever goes on."""

    send: Send
    rules: Rules
    carrier: Carrier
    accounts: Accounts
    clock: "Time"
    steps: int = 0
    welcomes: Counter[bool] = field(default_factory=Counter)
    replicas: set[str] = field(default_factory=set)

    def client(self) -> Client:
        """A fresh user agent on the connection that all share, so that requests alternate between replicas."""
        return Client(self.send, self.rules.spec.name, self.carrier)


@dataclass(slots=True)
class Time:
    """The clock of all replicas of a fleet."""

    fleet: Fleet
    ahead_s: float = 0.0

    def now_s(self) -> float:
        """Seconds since 1970 as the replicas see them."""
        return time.time() + self.ahead_s

    def pass_by(self, seconds: float) -> None:
        """Let so much time pass at once."""
        self.ahead_s += seconds
        self.fleet.skew(self.ahead_s)

    def pass_to_a_brink(self, model: Model, *, is_over: bool) -> None:
        """To where the next answer is about to turn, or has just turned."""
        now_s = self.now_s()
        ahead = [span for span in model.spans() if now_s + 2 * CLEAR_BEFORE_S < span.from_s < math.inf]
        if ahead:
            brink = min(ahead)
            self.pass_by((brink.to_s + CLEAR_AFTER_S if is_over else brink.from_s - 2 * CLEAR_BEFORE_S) - now_s)

    def clear_of(self, model: Model) -> float:
        """Now, once it is clear of every instant at which an answer turns."""
        while True:
            now_s = self.now_s()
            near = [span.to_s for span in model.spans() if -CLEAR_AFTER_S < span.from_s - now_s < CLEAR_BEFORE_S]
            near += [span.to_s for span in model.spans() if span.from_s <= now_s <= span.to_s + CLEAR_AFTER_S]
            if not near:
                return now_s
            self.pass_by(max(near) - now_s + CLEAR_AFTER_S)


class Story(RuleBasedStateMachine):
    """Several agents of several users, one of whom may hold what another one holds, and an administrator."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        world = self.world
        self.model = Model(world.rules)
        self.users = [world.accounts.open("user") for _ in range(USERS)]
        self.by_name = {user.name: user for user in self.users}
        self.admin = Administrator(world.accounts.open("admin"), world.client())
        self.agents = [Agent(world.client()) for _ in range(AGENTS)]

    @initialize()
    def everybody_logs_in(self) -> None:
        """Most of a story is about somebody who was logged in once."""
        for number in range(AGENTS):
            self.log_in(number, number % USERS, mistyped=False)

    @rule(agent=AGENT, user=USER, mistyped=st.sampled_from([False, False, False, True]))
    def log_in(self, agent: int, user: int, *, mistyped: bool) -> None:
        """A login ends the one the agent came with."""
        who, account, now_s = self.agents[agent], self.users[user], self.now_s()
        is_welcome = not (mistyped or account.is_banned)
        answer = who.client.log_in(account.name, account.password + "!" * mistyped)
        self.expect(answer, 200 if is_welcome else 401)
        if is_welcome:
            self.model.end(who.held, "logout")
            who.held = self.model.log_in(account.name, now_s)

    @rule(agent=AGENT, returns=RETURNS)
    def read(self, agent: int, *, returns: bool) -> None:
        """GET /profile."""
        who = self.come(agent, returns=returns)
        self.ask(who, lambda: who.client.get("profile"))

    @rule(agent=AGENT, returns=RETURNS)
    def write(self, agent: int, *, returns: bool) -> None:
        """POST /notes."""
        who = self.come(agent, returns=returns)
        self.ask(who, lambda: who.client.post("notes", {"text": "x"}), accepted=201)

    @rule(agent=AGENT, returns=RETURNS)
    def list_logins(self, agent: int, *, returns: bool) -> None:
        """GET /sessions: as many as the model knows of."""
        who = self.come(agent, returns=returns)
        if self.ask(who, lambda: who.client.get("sessions")) and who.held:
            listed = who.client.answers[-1].json["sessions"]
            assert isinstance(listed, list)
            assert len(listed) == self.model.listed(who.held.access.login.user, self.world.clock.now_s()), listed

    @rule(agent=AGENT, returns=RETURNS)
    def refresh(self, agent: int, *, returns: bool) -> None:
        """POST /refresh."""
        who = self.come(agent, returns=returns)
        renewed = self.model.renew(who.held, self.now_s())
        self.expect(who.client.refresh(), 200 if renewed else 401)
        who.held = renewed or who.held

    @rule(thief=AGENT, victim=AGENT, returns=RETURNS)
    def steal(self, thief: int, victim: int, *, returns: bool) -> None:
        """The thief gets a copy of everything."""
        robbed = self.come(victim, returns=returns)
        self.agents[thief] = Agent(robbed.client.twin(), robbed.held)

    @rule(thief=AGENT, victim=AGENT, gap_s=st.sampled_from([0, MINUTE_S]))
    def refresh_what_was_stolen(self, thief: int, victim: int, gap_s: int) -> None:
        """The thief is second, at once or after the grace; then the victim finds out."""
        self.steal(thief, victim, returns=True)
        self.refresh(victim, returns=False)
        self.world.clock.pass_by(gap_s)
        self.refresh(thief, returns=False)
        self.refresh(victim, returns=False)

    @rule(agent=AGENT, returns=RETURNS)
    def log_out(self, agent: int, *, returns: bool) -> None:
        """POST /logout: welcome whatever comes along."""
        who = self.come(agent, returns=returns)
        self.now_s()
        self.expect(who.client.log_out(), 200)
        self.model.end(who.held, "logout")
        self.forget(who)

    @rule(agent=AGENT, returns=RETURNS)
    def log_out_everywhere(self, agent: int, *, returns: bool) -> None:
        """POST /logout-everywhere."""
        who = self.come(agent, returns=returns)
        if self.ask(who, lambda: who.client.post("logout-everywhere"), is_last=True) and who.held:
            self.model.end_all(who.held.access.login.user, "revoke_user")
            self.forget(who)

    @precondition(lambda self: not self.world.rules.is_control)
    @rule(agent=AGENT, returns=RETURNS)
    def change_password(self, agent: int, *, returns: bool) -> None:
        """POST /password ends the user's other logins."""
        who = self.come(agent, returns=returns)
        account = self.by_name[who.held.access.login.user] if who.held else self.users[0]
        new = f"{PASSWORD} {next(_numbers)}"
        if self.ask(who, lambda: who.client.post("password", {"password": account.password, "new_password": new})):
            account.password = new
            self.model.end_all(account.name, "password_change", keep=who.held)

    @precondition(lambda self: not self.world.rules.is_control)
    @rule(user=USER)
    def admin_revokes(self, user: int) -> None:
        """POST /admin/revoke."""
        self.administer("admin/revoke", self.users[user])
        self.model.end_all(self.users[user].name, "revoke_user")

    @precondition(lambda self: not self.world.rules.is_control)
    @rule(user=USER)
    def admin_bans(self, user: int) -> None:
        """POST /admin/ban blocks the next login as well."""
        self.administer("admin/ban", self.users[user])
        self.users[user].is_banned = True
        self.model.end_all(self.users[user].name, "ban")

    @precondition(lambda self: any(user.is_banned for user in self.users))
    @rule()
    def admin_pardons(self) -> None:
        """Who was banned may log in again; what was ended stays so."""
        self.world.accounts.pardon(self.users)
        for user in self.users:
            user.is_banned = False

    @rule(agent=AGENT, gap_s=st.sampled_from([19 * MINUTE_S, 28 * MINUTE_S]), times=st.integers(1, 6))
    def keep_coming(self, agent: int, gap_s: int, times: int) -> None:
        """Reads that keep a session from going idle and a token sliding, up to the absolute end of both."""
        self.read(agent, returns=True)
        for _ in range(times):
            self.world.clock.pass_by(gap_s)
            self.read(agent, returns=False)

    @rule(seconds=st.sampled_from([MINUTE_S, 10 * MINUTE_S, 26 * MINUTE_S]))
    def some_time_passes(self, seconds: int) -> None:
        """Too little to end what is used."""
        self.world.clock.pass_by(seconds)

    @rule(seconds=st.sampled_from([31 * MINUTE_S, 61 * MINUTE_S, 13 * HOUR_S, 8 * DAY_S, 15 * DAY_S]))
    def much_time_passes(self, seconds: int) -> None:
        """Enough to end one thing or all."""
        self.world.clock.pass_by(seconds)

    @rule(is_over=st.booleans())
    def time_passes_to_a_brink(self, *, is_over: bool) -> None:
        """To just before, or just after, the next instant at which an answer turns."""
        self.world.clock.pass_to_a_brink(self.model, is_over=is_over)

    def come(self, agent: int, *, returns: bool) -> Agent:
        """The agent, who may see to it that he is logged in."""
        who = self.agents[agent]
        if returns and not self.model.accepts(who.held, self.world.clock.clear_of(self.model)):
            self.log_in(agent, agent % USERS, mistyped=False)
        return who

    def administer(self, path: str, user: User) -> None:
        """What only an administrator may."""
        self.now_s()
        admin, ahead_s = self.admin, self.world.clock.ahead_s
        if admin.ahead_s != ahead_s:
            self.expect(admin.client.log_in(admin.user.name, admin.user.password), 200)
            admin.ahead_s = ahead_s
        self.expect(admin.client.post(path, {"username": user.name}), 200)

    def ask(self, who: Agent, send: Callable[[], Answer], accepted: int = 200, *, is_last: bool = False) -> bool:
        """Send what only somebody logged in may; whether the model says that he is, as the answer does."""
        now_s = self.now_s()
        is_welcome = self.model.accepts(who.held, now_s)
        self.world.welcomes[is_welcome] += 1
        answer = send()
        self.expect(answer, accepted if is_welcome else 401)
        if is_welcome and who.held:
            self.model.use(who.held, now_s)
            self.swap(who, answer, now_s, is_last=is_last)
        return is_welcome

    def swap(self, who: Agent, answer: Answer, now_s: float, *, is_last: bool) -> None:
        """A token that is about to end is replaced, unless its login ends; no other is."""
        assert who.held is not None
        given, access = bool(answer.header("X-New-Token-Expires-In")), who.held.access
        is_due = access.ends_s - now_s <= self.world.rules.slides_at_s and not is_last
        assert (is_due and self.model.must_slide(access, now_s)) <= given <= is_due, answer
        if given:
            who.held = self.model.slide(who.held, now_s)

    def expect(self, answer: Answer, status: int) -> None:
        """The service agrees with the model."""
        self.world.replicas.add(answer.header("X-Replica"))
        assert answer.status == status, answer

    def forget(self, who: Agent) -> None:
        """Cookies are withdrawn; a token stays where it is."""
        if who.client.carrier == "cookie":
            assert "__Host-session" not in who.client.cookies
            who.held = None

    def now_s(self) -> float:
        """When the next request is sent."""
        self.world.steps += 1
        return self.world.clock.clear_of(self.model)


@pytest.fixture(scope="module")
def clock(foundation: Foundation) -> Iterator[Time]:
    """The clock of a fleet of our own, with the lifetimes of a production deployment that is strict about sessions."""
    with fleet_of(foundation, replace(foundation.settings, session_absolute_s=2 * HOUR_S)) as fleet:
        yield Time(fleet)


@contextmanager
def world_of(clock: Time, scheme: str, carrier: Carrier) -> Iterator[World]:
    """A mount, and the accounts behind it."""
    arm, foundation = clock.fleet.arm(scheme), clock.fleet.foundation
    password = foundation.cluster.password_file.read_text(encoding="utf-8")
    with psycopg.connect(foundation.cluster.url(arm.database), password=password, autocommit=True) as connection:
        rules = rules_of(find(scheme), foundation.settings)
        yield World(clock.fleet.send(scheme), rules, carrier, Accounts(connection), clock)


def mounts() -> Iterator[tuple[str, Carrier]]:
    """Every scheme under its own carrier, and the first of each kind under the other one as well."""
    kinds: set[object] = set()
    for spec in SCHEMES.values():
        traits = spec.traits
        known = (traits.can_renew, traits.can_list_sessions, traits.revoked_within["logout"])
        kind = (*known, spec.name in SLIDING, spec.front)
        for carrier in traits.carriers:
            if carrier == traits.default_carrier or kind not in kinds:
                yield spec.name, carrier
        kinds.add(kind)


@pytest.mark.timeout(390)  # a story that failed is made short, which may take five minutes
@pytest.mark.parametrize(("scheme", "carrier"), list(mounts()))
def test_every_answer_is_the_models(clock: Time, scheme: str, carrier: Carrier) -> None:
    """Whatever happens in whatever order, on whichever replica: nobody is refused or let in against the model."""
    with world_of(clock, scheme, carrier) as here:

        class Here(Story):
            """Where this story plays."""

            world = here

        stories = STORIES + CALM_STORIES * here.rules.is_control
        run_state_machine_as_test(Here, settings=settings(LONG, max_examples=stories))
    assert here.steps >= STEPS
    assert here.welcomes[True] >= WELCOMES
    assert here.welcomes[False] >= REFUSALS or here.rules.is_control
    assert len(here.replicas) == len(clock.fleet.arm(scheme).replicas), here.replicas
