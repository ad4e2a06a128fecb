"""Every request finds a good access token: renewed once, early enough, and never at the price of the session."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest

from services.backchannel import Backchannel
from services.clock import Clock
from services.contract import UPSTREAM, Grant, LimitReachedError, RejectedError, StoreDownError
from services.parts import ServiceParts
from services.schemes.refresh_token import RefreshToken
from services.settings import Settings
from services.stores.memory_vault import MemoryVault
from services.users import User

Advance = Callable[[float], None]


@dataclass(slots=True)
class Watched:
    """The refresh-token scheme over PostgreSQL; counts renewals, and is away when it is told to be."""

    scheme: RefreshToken
    renewals: list[str] = field(default_factory=list)
    is_away: bool = False

    def renew(self, refresh_credential: str) -> Grant:
        """As TokenSource."""
        self.renewals.append(refresh_credential)
        if self.is_away:
            raise StoreDownError(UPSTREAM)
        return self.scheme.renew(refresh_credential)

    def revoke(self, credential: str | None, refresh_credential: str | None) -> None:
        """As TokenSource."""
        self.scheme.revoke(credential, refresh_credential)


@pytest.fixture
def source(parts: ServiceParts) -> Watched:
    """Who grants tokens."""
    return Watched(RefreshToken(parts))


@pytest.fixture
def vault(settings: Settings, clock: Clock) -> MemoryVault:
    """Where they are kept; a session lasts as long as an access token."""
    return MemoryVault(replace(settings, session_idle_s=settings.access_ttl_s * 3, upstream_timeout_s=0.1), clock)


@pytest.fixture
def backchannel(settings: Settings, clock: Clock, vault: MemoryVault, source: Watched) -> Backchannel:
    """What is tested."""
    return Backchannel(settings, clock, vault, source)


@pytest.fixture
def credential(backchannel: Backchannel, source: Watched, user: User) -> str:
    """A session that just began."""
    inner = source.scheme.issue(user)
    return backchannel.begin(user.id, inner.sid, inner).credential


def test_a_token_drawn_short_is_used_as_well(
    settings: Settings, parts: ServiceParts, clock: Clock, vault: MemoryVault, user: User
) -> None:
    """Where lives differ, the shortest decides what early means: no token is renewed as soon as it is granted."""
    short = replace(settings, access_ttl_s=2 * settings.upstream_left_s, access_ttl_jitter_ratio=0.75)
    short_lived = replace(short, access_ttl_s=settings.upstream_left_s // 2, access_ttl_jitter_ratio=0.0)
    parts.settings = short_lived
    source = Watched(RefreshToken(parts))
    backchannel = Backchannel(short, clock, vault, source)
    inner = source.scheme.issue(user)
    credential = backchannel.begin(user.id, inner.sid, inner).credential
    assert backchannel.fresh(credential).tokens.access == inner.credential
    assert source.renewals == []


def test_a_token_is_used_until_shortly_before_its_end(
    backchannel: Backchannel, source: Watched, settings: Settings, credential: str, advance: Advance
) -> None:
    """Renewed with `upstream_left_s` left, not before."""
    first = backchannel.fresh(credential)
    advance(settings.access_ttl_s - settings.upstream_left_s - 1)
    assert backchannel.fresh(credential).tokens == first.tokens
    advance(1)
    renewed = backchannel.fresh(credential)
    assert renewed.tokens.access != first.tokens.access
    assert renewed.sid == first.sid
    assert backchannel.fresh(credential).tokens == renewed.tokens
    assert source.renewals == [first.tokens.refresh]
    assert source.scheme.verify(renewed.tokens.access).sid == first.sid


def test_a_token_that_lives_for_seconds_is_used_as_well(
    settings: Settings, clock: Clock, vault: MemoryVault, source: Watched, user: User
) -> None:
    """Half of its life, however short."""
    brief = Backchannel(replace(settings, access_ttl_s=2), clock, vault, source)
    inner = replace(source.scheme.issue(user), expires_in_s=2)
    credential = brief.begin(user.id, inner.sid, inner).credential
    brief.fresh(credential)
    assert source.renewals == []


def test_many_at_once_renew_once(
    backchannel: Backchannel, source: Watched, settings: Settings, credential: str, advance: Advance
) -> None:
    """16 requests on an expired token all get the same new one."""
    advance(settings.access_ttl_s)
    with ThreadPoolExecutor(16) as pool:
        tokens = {kept.tokens for kept in pool.map(lambda _number: backchannel.fresh(credential), range(16))}
    assert len(tokens) == len(source.renewals) == 1


def test_a_refused_token_is_replaced_once(backchannel: Backchannel, source: Watched, credential: str) -> None:
    """Whoever comes with the same refused token later gets what is there."""
    refused = backchannel.fresh(credential).tokens.access
    renewed = backchannel.instead_of(refused, credential)
    assert renewed.tokens.access != refused
    assert backchannel.instead_of(refused, credential).tokens == renewed.tokens
    assert len(source.renewals) == 1


def test_a_refused_renewal_ends_the_session_and_says_why(
    backchannel: Backchannel, source: Watched, settings: Settings, credential: str, advance: Advance
) -> None:
    """Revoked at the API: the next request is the last."""
    tokens = backchannel.fresh(credential).tokens
    source.revoke(tokens.access, tokens.refresh)
    advance(settings.access_ttl_s)
    for expected in ("revoked", "unknown"):
        with pytest.raises(RejectedError) as refused:
            backchannel.fresh(credential)
        assert refused.value.reason == expected


def test_an_early_renewal_that_fails_costs_nothing(
    backchannel: Backchannel, source: Watched, settings: Settings, credential: str, advance: Advance
) -> None:
    """The token is good for a while; once it is not, the failure shows, and the session stays."""
    source.is_away = True
    advance(settings.access_ttl_s - 1)
    before = backchannel.fresh(credential)
    advance(1)
    with pytest.raises(StoreDownError):
        backchannel.fresh(credential)
    source.is_away = False
    assert backchannel.fresh(credential).tokens != before.tokens


def test_a_refused_token_is_not_used_for_want_of_another(
    backchannel: Backchannel, source: Watched, credential: str
) -> None:
    """However long it has to live by our clock."""
    source.is_away = True
    with pytest.raises(StoreDownError):
        backchannel.instead_of(backchannel.fresh(credential).tokens.access, credential)


def test_who_waited_in_vain_does_not_try_again(
    backchannel: Backchannel, source: Watched, vault: MemoryVault, credential: str, advance: Advance
) -> None:
    """Else every request of the session would wait for the API, one after the other."""
    advance(backchannel.fresh(credential).expires_in_s / 2)
    with vault.renewing(credential), pytest.raises(StoreDownError):
        backchannel.fresh(credential)
    assert source.renewals == []


def test_ending_ends_both_sides(backchannel: Backchannel, source: Watched, credential: str) -> None:
    """The session, and the login behind it; a second time, and for garbage, there is nothing to do."""
    tokens = backchannel.held(credential)
    assert tokens is not None
    for garbage in (credential, credential, "garbage"):
        backchannel.end(garbage)
    assert backchannel.held(credential) is None
    with pytest.raises(RejectedError):
        source.renew(tokens.refresh)


def test_a_session_that_cannot_begin_leaves_no_login_behind(
    settings: Settings, clock: Clock, source: Watched, user: User
) -> None:
    """Nobody would hold its tokens."""
    narrow = replace(settings, max_sessions=1, session_limit="refuse")
    backchannel = Backchannel(narrow, clock, MemoryVault(narrow, clock), source)
    first, second = source.scheme.issue(user), source.scheme.issue(user)
    backchannel.begin(user.id, first.sid, first)
    with pytest.raises(LimitReachedError):
        backchannel.begin(user.id, second.sid, second)
    assert [session.sid for session in source.scheme.sessions(user.id)] == [first.sid]
