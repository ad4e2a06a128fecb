"""One suite for every scheme of the catalogue: what Scheme promises, and every trait it claims."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from bench.stack.postgres import PostgresCluster
from bench.stack.valkey import Valkey
from services.catalogue import SCHEMES
from services.clock import Clock
from services.contract import Event, Grant, LimitReachedError, RejectedError, Scheme, SchemeSpec, Step, Store
from services.parts import ServiceParts, open_parts
from services.settings import Settings
from services.users import User

REAL = [spec for name, spec in SCHEMES.items() if name != "none"]
REPEATS = 5


def name_of(spec: SchemeSpec) -> str:
    """What a test of this scheme is called."""
    return spec.name


@pytest.fixture(params=REAL, ids=name_of)
def spec(request: pytest.FixtureRequest) -> SchemeSpec:
    """Every scheme but the control."""
    spec: SchemeSpec = request.param
    return spec


@pytest.fixture
def scheme(spec: SchemeSpec, parts: ServiceParts) -> Scheme:
    """The scheme on one replica."""
    return spec.build(parts)


@pytest.fixture
def other_replica(settings: Settings, clock: Clock) -> Iterator[ServiceParts]:
    """The parts of a second replica on the same stores."""
    parts = open_parts(replace(settings, replica="other"), clock)
    yield parts
    parts.close()


def reason(scheme: Scheme, credential: str) -> str:
    """Why `credential` is refused."""
    with pytest.raises(RejectedError) as refused:
        scheme.verify(credential)
    return refused.value.reason


def is_accepted(scheme: Scheme, credential: str) -> bool:
    """Whether `credential` is verified."""
    try:
        scheme.verify(credential)
    except RejectedError:
        return False
    return True


def test_a_login_is_verified_as_who_it_was_issued_to(scheme: Scheme, user: User) -> None:
    """User, role and sid come back, and the credential outlives now."""
    grant = scheme.issue(user)
    verified = scheme.verify(grant.credential)
    assert (verified.user_id, verified.role, verified.sid) == (user.id, user.role, grant.sid)
    assert 0 < verified.expires_in_s <= grant.expires_in_s + 1


def test_logins_are_told_apart(scheme: Scheme, user: User) -> None:
    """Fixation: a login gets a credential and a sid of its own, whatever came before."""
    first, second = scheme.issue(user), scheme.issue(user)
    assert first.credential != second.credential
    assert first.sid != second.sid


def test_a_grant_does_not_show_its_credentials(scheme: Scheme, user: User) -> None:
    """A grant in a log tells nothing to steal."""
    grant = scheme.issue(user)
    assert grant.credential not in repr(grant)
    assert grant.refresh_credential is None or grant.refresh_credential not in repr(grant)


@pytest.mark.parametrize("credential", ["", "planted", "a.b.c", "\0", "\ud800", "x" * 10_000])
def test_what_was_never_issued_is_refused(scheme: Scheme, credential: str) -> None:
    """The answer is a reason, and only nothing at all is `missing`."""
    assert (reason(scheme, credential) == "missing") == (not credential)


def test_an_expired_credential_is_refused(scheme: Scheme, user: User, advance: Callable[[float], None]) -> None:
    """The service clock decides."""
    grant = scheme.issue(user)
    advance(14 * 24 * 3600)
    assert reason(scheme, grant.credential) == "expired"


def test_another_replica_answers_as_the_traits_say(
    spec: SchemeSpec, scheme: Scheme, other_replica: ServiceParts, user: User
) -> None:
    """A scheme that needs affinity works where it was issued, any other works everywhere."""
    credential = scheme.issue(user).credential
    assert is_accepted(spec.build(other_replica), credential) == (not spec.traits.needs_affinity)


def test_a_scheme_renews_or_says_that_it_cannot(spec: SchemeSpec, scheme: Scheme, user: User) -> None:
    """A renewal keeps the login; where there is none, that is the reason."""
    grant = scheme.issue(user)
    assert (grant.refresh_credential is not None) == spec.traits.can_renew
    if grant.refresh_credential is None:
        with pytest.raises(RejectedError) as refused:
            scheme.renew(grant.credential)
        assert refused.value.reason == "not-renewable"
    else:
        renewed = scheme.renew(grant.refresh_credential)
        assert scheme.verify(renewed.credential).sid == renewed.sid == grant.sid
        assert renewed.refresh_credential not in {None, grant.refresh_credential}


def test_a_refresh_credential_is_no_credential_nor_the_reverse(scheme: Scheme, user: User) -> None:
    """RFC 8725 3.11-12: each opens its own door only."""
    grant = scheme.issue(user)
    assert not is_accepted(scheme, grant.refresh_credential or "refresh")
    with pytest.raises(RejectedError):
        scheme.renew(grant.credential)


def log_out(scheme: Scheme, grant: Grant, _user: User) -> None:
    """The user ends this login."""
    scheme.revoke(grant.credential, grant.refresh_credential)


def force_out(scheme: Scheme, _grant: Grant, user: User) -> None:
    """All of the user's logins end."""
    scheme.revoke_user(user.id)


def change_password(scheme: Scheme, _grant: Grant, user: User) -> None:
    """All of the user's logins end but the one that changed it."""
    scheme.revoke_user(user.id, keep_sid=scheme.issue(user).sid)


EVENTS: Mapping[Event, Callable[[Scheme, Grant, User], None]] = {
    "logout": log_out,
    "revoke_user": force_out,
    "ban": force_out,
    "password_change": change_password,
}


@pytest.mark.parametrize("event", EVENTS)
def test_a_credential_outlives_an_event_exactly_as_declared(
    spec: SchemeSpec, scheme: Scheme, other_replica: ServiceParts, user: User, event: Event
) -> None:
    """Refused at the next request on the replicas in scope where the bound is 0, accepted elsewhere."""
    grant, bound = scheme.issue(user), spec.traits.revoked_within[event]
    EVENTS[event](scheme, grant, user)
    assert is_accepted(scheme, grant.credential) == (bound.seconds is None)
    if not spec.traits.needs_affinity:
        assert is_accepted(spec.build(other_replica), grant.credential) == (bound.seconds is None)
    if grant.refresh_credential is not None:
        with pytest.raises(RejectedError):
            scheme.renew(grant.refresh_credential)


def test_a_password_change_keeps_the_login_that_made_it(scheme: Scheme, user: User) -> None:
    """The user who changed it is not logged out by it."""
    kept = scheme.issue(user)
    scheme.revoke_user(user.id, keep_sid=kept.sid)
    assert is_accepted(scheme, kept.credential)
    if kept.refresh_credential is not None:
        scheme.renew(kept.refresh_credential)


def test_revoking_is_idempotent_and_takes_anything(
    scheme: Scheme, user: User, advance: Callable[[float], None]
) -> None:
    """RFC 7009 2.2: nothing, garbage, expired and revoked credentials all end in peace."""
    grant = scheme.issue(user)
    scheme.revoke(None, None)
    scheme.revoke("garbage", "garbage")
    advance(14 * 24 * 3600)
    for _ in range(2):
        scheme.revoke(grant.credential, grant.refresh_credential)


def test_either_credential_ends_a_login(spec: SchemeSpec, scheme: Scheme, user: User) -> None:
    """A client that lost one of the two can still log out."""
    if not spec.traits.can_renew:
        assert scheme.issue(user).refresh_credential is None
        return
    for by_refresh in (True, False):
        grant = scheme.issue(user)
        scheme.revoke(None if by_refresh else grant.credential, grant.refresh_credential if by_refresh else None)
        with pytest.raises(RejectedError):
            scheme.renew(grant.refresh_credential or "")


def test_logins_are_listed_where_they_are_known(spec: SchemeSpec, scheme: Scheme, user: User) -> None:
    """Schemes with a store list what they would end; the others list nothing."""
    grant = scheme.issue(user)
    assert [session.sid for session in scheme.sessions(user.id)] == (
        [grant.sid] if spec.traits.can_list_sessions else []
    )
    assert scheme.revoke_user(user.id) == spec.traits.can_list_sessions


def test_the_session_limit_holds_where_it_is_claimed(
    spec: SchemeSpec, settings: Settings, clock: Clock, user: User
) -> None:
    """A scheme that can limit sessions refuses the one too many."""
    parts = open_parts(replace(settings, max_sessions=1, session_limit="refuse"), clock)
    scheme = spec.build(parts)
    scheme.issue(user)
    if spec.traits.can_limit_sessions:
        with pytest.raises(LimitReachedError):
            scheme.issue(user)
    else:
        scheme.issue(user)
    parts.close()


def steps(spec: SchemeSpec, scheme: Scheme, user: User) -> Mapping[Step, Callable[[], object]]:
    """Every step the scheme has, each to be taken REPEATS times, prepared so that it touches no store before."""
    grants = iter([scheme.issue(user) for _ in range(3 * (REPEATS + spare(spec)))])

    def renew() -> Grant:
        return scheme.renew(next(grants).refresh_credential or "")

    def revoke() -> None:
        grant = next(grants)
        scheme.revoke(grant.credential, grant.refresh_credential)

    every: Mapping[Step, Callable[[], object]] = {
        "issue": lambda: scheme.issue(user),
        "verify": lambda: scheme.verify(next(grants).credential),
        "renew": renew,
        "revoke": revoke,
    }
    return {step: every[step] for step in spec.traits.operations}


def spare(spec: SchemeSpec) -> int:
    """How often a step is taken before counting, until every connection is warm."""
    return 4 if "postgres" in spec.traits.stores else 1


@pytest.mark.parametrize("step", ["issue", "verify", "renew", "revoke"])
def test_the_servers_count_what_the_scheme_declares(  # noqa: PLR0913, PLR0917 - both servers and the scheme
    spec: SchemeSpec,
    parts: ServiceParts,
    user: User,
    valkey: Valkey,
    postgres: PostgresCluster,
    step: Step,
) -> None:
    """Every command of every step, script-inner ones included, as the servers count them, and none beside."""
    parts.check_ready()
    take = steps(spec, spec.build(parts), user).get(step)
    if take is None:
        assert not spec.traits.can_renew
        return
    for _ in range(spare(spec)):
        take()
    valkey.reset_counts()
    postgres.reset_counts("services")
    for _ in range(REPEATS):
        take()
    declared = spec.traits.operations[step].commands
    assert valkey.command_counts() == times(declared, "redis")
    assert postgres.statement_counts("services") == times(declared, "postgres")


def times(declared: Mapping[Store, Mapping[str, int]], store: Store) -> Mapping[str, int]:
    """What REPEATS steps are declared to cost a store."""
    return {name: count * REPEATS for name, count in declared.get(store, {}).items()}


def test_the_control_protects_nothing_and_says_so(parts: ServiceParts, user: User) -> None:
    """Whatever is sent is accepted, nothing is carried, nothing ends."""
    scheme = SCHEMES["none"].build(parts)
    grant = scheme.issue(user)
    assert grant.credential == ""
    assert scheme.verify("") == scheme.verify("anything")
    scheme.revoke(None, None)
    assert (scheme.revoke_user(user.id), scheme.sessions(user.id)) == (0, ())
    with pytest.raises(RejectedError) as refused:
        scheme.renew("anything")
    assert refused.value.reason == "not-renewable"


@pytest.mark.parametrize(
    "name", ["jwt-hs256", "jwt-rs256", "jwt-es256", "jwt-eddsa", "jwt-sliding", "jwt-denylist", "refresh-token"]
)
def test_claims_travel_in_tokens(parts: ServiceParts, user: User, name: str) -> None:
    """A token carries what it may, and is longer for it."""
    scheme = SCHEMES[name].build(parts)
    plain, laden = scheme.issue(user), scheme.issue(user, claims={"scope": "x" * 300})
    assert len(laden.credential) >= len(plain.credential) + 400
    assert scheme.verify(laden.credential).user_id == user.id
