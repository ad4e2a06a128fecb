"""What every scheme must answer, worked out from its traits and the settings alone: it asks no store and no service."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from services.contract import Event, SchemeSpec
from services.settings import Settings

SLIDING = ("jwt-sliding",)
"""Schemes that replace a token at a use: no trait tells of it, an answer does."""
CONTROL = ("none",)
WHOLE_S = 1.0
"""Times in tokens are whole seconds, so a token may live this much longer."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How long things live under one scheme, in seconds; infinity for what never ends by itself."""

    spec: SchemeSpec
    life_s: float
    idle_s: float
    idle_early_s: float
    slides_at_s: float
    absolute_s: float
    refresh_s: float
    refresh_idle_s: float
    grace_s: float

    @property
    def is_control(self) -> bool:
        """Whether everybody may do everything."""
        return self.spec.name in CONTROL

    def ends(self, event: Event) -> bool:
        """Whether a credential is refused at the next request after `event`."""
        return self.spec.traits.revoked_within[event].seconds == 0


def rules_of(spec: SchemeSpec, settings: Settings) -> Rules:
    """A credential that is known on the server is a session; one that is not is a token, renewed or not."""
    traits = spec.traits
    is_session = traits.can_list_sessions and not traits.can_renew
    token_s = settings.access_ttl_s if traits.can_renew else settings.jwt_ttl_s
    # Idle sessions in Redis end by the time of Redis, which no test moves.
    idles = is_session and "redis" not in traits.stores
    touched_s = min(settings.session_touch_s, settings.session_idle_s / 10) if "postgres" in traits.stores else 0
    return Rules(
        spec,
        life_s=settings.session_absolute_s if is_session else token_s,
        idle_s=settings.session_idle_s if idles else math.inf,
        idle_early_s=touched_s,
        slides_at_s=settings.sliding_left_s if spec.name in SLIDING else -math.inf,
        absolute_s=settings.session_absolute_s,
        refresh_s=settings.refresh_ttl_s,
        refresh_idle_s=settings.refresh_idle_s,
        grace_s=settings.refresh_grace_s,
    )


class Span(NamedTuple):
    """When, in seconds of the service clock, an answer turns into another one: at some instant within."""

    from_s: float
    to_s: float


@dataclass(slots=True, eq=False)
class Login:
    """One login. `is_open`: its credential has not been revoked; `is_renewable`: nor its refresh credential."""

    user: str
    began_s: float
    used_s: float
    is_open: bool = True
    is_renewable: bool = True


@dataclass(slots=True, eq=False)
class Access:
    """A credential."""

    login: Login
    ends_s: float


@dataclass(slots=True, eq=False)
class Refresh:
    """A refresh credential; `child` is its successor once it was used."""

    login: Login
    ends_s: float
    used_s: float = math.inf
    child: "Refresh | None" = None


class Held(NamedTuple):
    """What one agent carries. Two agents that carry the same are two tabs, or a victim and a thief."""

    access: Access
    refresh: Refresh | None


@dataclass(slots=True)
class Model:
    """Everything that was ever issued, and what has become of it. Times are the service clock's."""

    rules: Rules
    accesses: list[Access] = field(default_factory=list)
    refreshes: list[Refresh] = field(default_factory=list)

    def log_in(self, user: str, now_s: float) -> Held:
        """A new login of `user`."""
        login = Login(user, now_s, now_s)
        refresh = self._refresh(login, now_s) if self.rules.spec.traits.can_renew else None
        return Held(self._access(login, now_s + self.rules.life_s), refresh)

    def accepts(self, held: Held | None, now_s: float) -> bool:
        """Whether a request with `held` is answered as its user's."""
        if self.rules.is_control:
            return True
        return held is not None and self._lives(held.access, now_s)

    def must_slide(self, access: Access, now_s: float) -> bool:
        """Whether this use brings a replacement: the token is about to end and a new one would live longer."""
        is_due = access.ends_s - now_s <= self.rules.slides_at_s
        return is_due and self._slid_to_s(access, now_s) > access.ends_s + WHOLE_S

    def use(self, held: Held, now_s: float) -> None:
        """A request with `held` was accepted: its session is not idle."""
        held.access.login.used_s = now_s

    def slide(self, held: Held, now_s: float) -> Held:
        """A replacement of the same login, which cannot pass its absolute end."""
        return held._replace(access=self._access(held.access.login, self._slid_to_s(held.access, now_s)))

    def renew(self, held: Held | None, now_s: float) -> Held | None:
        """What a refresh gives, None where it is refused. A second use is a retry within the grace, or a theft."""
        refresh = held.refresh if held else None
        if refresh is None or not refresh.login.is_renewable:
            return None
        if refresh.child is None and now_s >= refresh.ends_s:
            return None
        if refresh.child is None:
            refresh.used_s, refresh.child = now_s, self._refresh(refresh.login, now_s)
        elif refresh.child.child is not None or now_s >= refresh.used_s + self.rules.grace_s:
            refresh.login.is_renewable = False
            return None
        return Held(self._access(refresh.login, now_s + self.rules.life_s), refresh.child)

    def end(self, held: Held | None, event: Event) -> None:
        """One login is over, as far as the scheme can take it back."""
        if held:
            self._end(held.access.login, event)

    def end_all(self, user: str, event: Event, keep: Held | None = None) -> None:
        """Every login of `user` but the one of `keep` is over."""
        for login in self._logins(user):
            if keep is None or login is not keep.access.login:
                self._end(login, event)

    def listed(self, user: str, now_s: float) -> int:
        """How many logins of `user` the scheme knows."""
        if not self.rules.spec.traits.can_list_sessions:
            return 0
        known = self.refreshes if self.rules.spec.traits.can_renew else self.accesses
        return sum(self._is_listed(one, now_s) for one in known if one.login.user == user)

    def spans(self) -> Iterator[Span]:
        """Every span in which an answer turns."""
        rules = self.rules
        for access in self.accesses:
            yield Span(access.ends_s, access.ends_s + WHOLE_S)
            yield Span(access.ends_s - rules.slides_at_s, access.ends_s - rules.slides_at_s + WHOLE_S)
            idle_s = access.login.used_s + rules.idle_s
            yield Span(idle_s - rules.idle_early_s, idle_s)
        for refresh in self.refreshes:
            yield Span(refresh.ends_s, refresh.ends_s)
            yield Span(refresh.used_s + rules.grace_s, refresh.used_s + rules.grace_s)

    def _lives(self, access: Access, now_s: float) -> bool:
        return access.login.is_open and now_s < min(access.ends_s, access.login.used_s + self.rules.idle_s)

    def _is_listed(self, one: Access | Refresh, now_s: float) -> bool:
        if isinstance(one, Access):
            return self._lives(one, now_s)
        return one.login.is_renewable and one.child is None and now_s < one.ends_s

    def _logins(self, user: str) -> set[Login]:
        return {access.login for access in self.accesses if access.login.user == user}

    def _end(self, login: Login, event: Event) -> None:
        login.is_renewable = False
        login.is_open &= not self.rules.ends(event)

    def _slid_to_s(self, access: Access, now_s: float) -> float:
        return min(now_s + self.rules.life_s, access.login.began_s + self.rules.absolute_s)

    def _access(self, login: Login, ends_s: float) -> Access:
        self.accesses.append(Access(login, ends_s))
        return self.accesses[-1]

    def _refresh(self, login: Login, now_s: float) -> Refresh:
        ends_s = min(now_s + self.rules.refresh_idle_s, login.began_s + self.rules.refresh_s)
        self.refreshes.append(Refresh(login, ends_s))
        return self.refreshes[-1]
