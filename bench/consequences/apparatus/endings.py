"""How a login ends, and how long theory says that a stolen copy of its credential outlives that."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Literal

from bench.consequences.apparatus.agents import Agent, Entrance
from bench.stack.arm import BEHIND_BFF
from loadtests import visitor as flows
from loadtests.assignment import USERNAME, Target
from loadtests.exchange import Response
from services.contract import Event, SchemeSpec
from services.settings import Settings

Act = Callable[[Entrance, Agent, Target], Response]
"""Ends the login of an agent by asking there."""
NEW_PASSWORD = "staple battery horse correct"  # noqa: S105 - of users that live as long as an experiment
WHOLE_S = 1.0
"""Tokens tell whole seconds: their end is rounded up, and the login that they slide on from is rounded down."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What happens to a login of replica 0. `event`: as traits call it; None: what happens spares this login.

    `replica`: where it is asked for. `reaches`: whether that is within the scope that the traits tell of.
    """

    setting: str
    event: Event | None
    act: Act
    replica: int
    reaches: bool = True


@dataclass(frozen=True, slots=True)
class Prediction:
    """How long a copy works: `seconds` from the event, or from the login.

    It may end up to `early_s` before that, and up to `late_s` after it.
    """

    seconds: float
    since: Literal["event", "login"]
    words: str
    early_s: float = 0.0
    late_s: float = 0.0

    def after_event_s(self, age_s: float) -> float:
        """`age_s`: how old the login was at the event."""
        return self.seconds if self.since == "event" else max(0.0, self.seconds - age_s)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a login, or what is left of it, opens something to who keeps using it."""

    lasts_s: Callable[[Settings], float]
    words: str
    early_s: float = 0.0
    longer_s: Callable[[Settings], float] = lambda _: 0.0


def _until_renewed_s(settings: Settings) -> float:
    """As services.backchannel has it."""
    return settings.access_ttl_s - min(settings.upstream_left_s, settings.access_ttl_s / 2)


ACCESS_TTL, SESSION_ABSOLUTE = attrgetter("access_ttl_s"), attrgetter("session_absolute_s")
SESSION = Lifetime(SESSION_ABSOLUTE, "a session that is used lives until session_absolute_s")
TOKEN = Lifetime(attrgetter("jwt_ttl_s"), "nothing but its expiry ends a token: jwt_ttl_s")
SLID = Lifetime(SESSION_ABSOLUTE, "a token that is used slides on until session_absolute_s", WHOLE_S)
ACCESS = Lifetime(ACCESS_TTL, "nothing but its expiry ends an access token: access_ttl_s")
RENEWED = Lifetime(
    attrgetter("refresh_ttl_s"), "renewed until refresh_ttl_s, if the user never renews", longer_s=ACCESS_TTL
)
HELD = Lifetime(_until_renewed_s, "until the BFF has to renew: access_ttl_s less upstream_left_s")

LOGINS: Mapping[str, Lifetime] = {
    "memory-session": SESSION,
    "redis-session": SESSION,
    "redis-session-default-retries": SESSION,
    "postgres-session": SESSION,
    "jwt-hs256": TOKEN,
    "jwt-rs256": TOKEN,
    "jwt-rs256-pem": TOKEN,
    "jwt-es256": TOKEN,
    "jwt-eddsa": TOKEN,
    "jwt-denylist": TOKEN,
    "jwt-denylist-by-string": TOKEN,
    "jwt-sliding": SLID,
    "refresh-token": RENEWED,
    "bff": SESSION,
    "bff-memory": SESSION,
}
"""How long a login lasts that nobody ends; of a plugin no theory is known."""
REMAINS: Mapping[str, Lifetime] = {**LOGINS, "refresh-token": ACCESS, "bff": HELD, "bff-memory": HELD}
"""How long one lasts that was ended where nobody asks before it opens something."""


def predicted(spec: SchemeSpec, ending: Ending, settings: Settings) -> Prediction | None:
    """What traits and lifetimes say; None where no theory is known."""
    bound = spec.traits.revoked_within[ending.event] if ending.event else None
    if ending.reaches and bound and bound.seconds is not None:
        return Prediction(bound.seconds, "event", "the scheme asks at every request whether the login has ended")
    known = (REMAINS if ending.event else LOGINS).get(spec.name)
    if known is None:
        return None
    late_s = WHOLE_S + known.longer_s(settings)
    return Prediction(known.lasts_s(settings), "login", known.words, known.early_s, late_s)


def endings(spec: SchemeSpec) -> Iterator[Ending]:
    """All that can happen to a login of `spec`, on its own replica and, where that differs, on another one."""
    yield Ending("logout", "logout", _log_out, 0)
    for setting, event, act in OF_OTHERS:
        if not spec.traits.needs_affinity:
            yield Ending(setting, event, act, 1)
            continue
        here = Ending(setting, event, act, 0)
        yield from (here, replace(here, setting=f"{setting} on another replica", replica=1, reaches=False))
    if spec.front == "bff":
        yield Ending("ban at the API behind it", "ban", _ban_behind, 0, reaches=False)
    yield Ending("password change in the stolen login", None, _change_password, 0)


def _log_out(_entrance: Entrance, victim: Agent, at: Target) -> Response:
    return victim.take(flows.log_out, at)


def _change_password(entrance: Entrance, user: Agent, at: Target) -> Response:
    return user.post("password", {"password": entrance.lab.password, "new_password": NEW_PASSWORD}, at)


def _change_password_elsewhere(entrance: Entrance, victim: Agent, at: Target) -> Response:
    """As who noticed a theft would: on a device that was not stolen."""
    device = entrance.agent(victim.visitor.number)
    device.take(flows.log_in, at)
    return _change_password(entrance, device, at)


def _revoke(entrance: Entrance, victim: Agent, at: Target) -> Response:
    return _by_administrator(entrance, "admin/revoke", victim, at)


def _ban(entrance: Entrance, victim: Agent, at: Target) -> Response:
    return _by_administrator(entrance, "admin/ban", victim, at)


def _ban_behind(entrance: Entrance, victim: Agent, _: Target) -> Response:
    behind = Entrance(entrance.lab.arm(BEHIND_BFF, visitors=0), entrance.arm, entrance.lab)
    return _ban(behind, victim, behind.replicas[0])


def _by_administrator(entrance: Entrance, endpoint: str, victim: Agent, at: Target) -> Response:
    administrator = entrance.administrator()
    administrator.take(flows.log_in, at)
    return administrator.post(endpoint, {"username": USERNAME.format(victim.visitor.number)}, at)


OF_OTHERS: tuple[tuple[str, Event, Act], ...] = (
    ("password change", "password_change", _change_password_elsewhere),
    ("ban", "ban", _ban),
    ("admin revoke", "revoke_user", _revoke),
)
"""What ends a login without itself being asked for."""
