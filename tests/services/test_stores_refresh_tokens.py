"""Refresh tokens under each policy: what a race, a retry and a thief get, on a real PostgreSQL."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import get_args

import pytest

from services.clock import Clock
from services.contract import RejectedError
from services.database import Database
from services.settings import RefreshPolicy, Settings
from services.stores.refresh_tokens import Refreshed, RefreshTokenStore
from services.users import User, UserStore

POLICIES: tuple[RefreshPolicy, ...] = get_args(RefreshPolicy)
GRACES: tuple[RefreshPolicy, ...] = ("grace-replay", "grace-mint")
GRACE_S = 10
SIBLINGS_MAX = 4
TABS = 16
ROUNDS = 4

Open = Callable[[RefreshPolicy], RefreshTokenStore]


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """As many connections as a race has runners."""
    database = Database(replace(settings, database_pool=TABS, store_timeout_s=10))
    yield database
    database.close()


@pytest.fixture
def open_store(settings: Settings, clock: Clock, database: Database) -> Open:
    """A store under a policy, with a grace of GRACE_S."""

    def opened(policy: RefreshPolicy) -> RefreshTokenStore:
        limits = replace(
            settings,
            refresh_policy=policy,
            refresh_grace_s=GRACE_S,
            refresh_siblings_max=SIBLINGS_MAX,
            refresh_idle_s=1000,
            refresh_ttl_s=2500,
        )
        return RefreshTokenStore(limits, clock, database)

    return opened


@pytest.fixture(params=POLICIES)
def store(request: pytest.FixtureRequest, open_store: Open) -> RefreshTokenStore:
    """A store under each policy."""
    return open_store(request.param)


@pytest.fixture(params=GRACES)
def lenient(request: pytest.FixtureRequest, open_store: Open) -> RefreshTokenStore:
    """A store under each policy that has a grace."""
    return open_store(request.param)


@pytest.fixture
def first(store: RefreshTokenStore, user: User) -> Refreshed:
    """A fresh login."""
    return store.begin(user.id, user.role)


def outcome(store: RefreshTokenStore, token: str) -> str:
    """`ok`, or why `token` is refused."""
    try:
        store.rotate(token)
    except RejectedError as error:
        return error.reason
    return "ok"


def race(store: RefreshTokenStore, token: str) -> list[Refreshed | str]:
    """What TABS simultaneous presentations of one token get."""
    together = threading.Barrier(TABS)

    def refresh(_tab: int) -> Refreshed | str:
        together.wait()
        try:
            return store.rotate(token)
        except RejectedError as error:
            return error.reason

    with ThreadPoolExecutor(TABS) as pool:
        return list(pool.map(refresh, range(TABS)))


def live_tokens(database: Database, sid: str) -> int:
    """How many tokens of a family the database would still exchange."""
    row = database.one(
        "SELECT count(*) FROM refresh_tokens JOIN refresh_families USING (sid) "
        "WHERE sid = %(sid)s AND used_at IS NULL AND revoked_at IS NULL",
        {"sid": sid},
    )
    assert row is not None
    return int(row[0])


def sealed_tokens(database: Database, sid: str) -> int:
    """How many sealed successors of a family the database holds."""
    row = database.one("SELECT count(*) FROM refresh_tokens WHERE sid = %(sid)s AND sealed IS NOT NULL", {"sid": sid})
    assert row is not None
    return int(row[0])


def test_a_rotation_keeps_the_login_and_changes_the_token(store: RefreshTokenStore, user: User) -> None:
    """The sid survives; role and id are the user's."""
    first = store.begin(user.id, user.role)
    second = store.rotate(first.token)
    assert (second.user_id, second.role, second.sid) == (user.id, user.role, first.sid)
    assert second.token != first.token


@pytest.mark.parametrize(("token", "reason"), [("", "missing"), ("planted", "unknown"), ("\ud800\0", "unknown")])
def test_a_token_we_never_made_is_refused(store: RefreshTokenStore, token: str, reason: str) -> None:
    """Whatever a client sends, the answer is a reason."""
    assert outcome(store, token) == reason


def test_strict_a_race_has_one_winner_and_no_survivor(open_store: Open, user: User, database: Database) -> None:
    """Rule 4: one 200, then the family is revoked and nothing minted in the race lives."""
    store = open_store("strict")
    for _ in range(ROUNDS):
        first = store.begin(user.id, user.role)
        results = race(store, first.token)
        winners = [result for result in results if isinstance(result, Refreshed)]
        assert len(winners) == 1
        assert Counter(result for result in results if isinstance(result, str)) == {"reused": 1, "revoked": TABS - 2}
        assert live_tokens(database, first.sid) == 0
        assert outcome(store, winners[0].token) == "revoked"


def test_grace_replay_a_race_ends_with_one_token_for_all(open_store: Open, user: User, database: Database) -> None:
    """Rule 4: all 200, all with the same successor, 1 live."""
    store = open_store("grace-replay")
    for _ in range(ROUNDS):
        first = store.begin(user.id, user.role)
        tokens = {result.token for result in race(store, first.token) if isinstance(result, Refreshed)}
        assert len(tokens) == 1
        assert live_tokens(database, first.sid) == 1
        assert outcome(store, tokens.pop()) == "ok"


def test_grace_mint_a_race_leaves_at_most_the_cap(open_store: Open, user: User, database: Database) -> None:
    """Rule 4: all 200, live siblings at the cap and not above."""
    store = open_store("grace-mint")
    for _ in range(ROUNDS):
        first = store.begin(user.id, user.role)
        tokens = {result.token for result in race(store, first.token) if isinstance(result, Refreshed)}
        assert len(tokens) == TABS
        assert live_tokens(database, first.sid) == SIBLINGS_MAX


def test_a_used_token_after_its_grace_revokes_the_family(
    store: RefreshTokenStore, first: Refreshed, advance: Callable[[float], None]
) -> None:
    """RFC 9700 4.14.2: the thief and the victim are both logged out, and it is committed although it is an error."""
    second = store.rotate(first.token)
    advance(GRACE_S)
    assert outcome(store, first.token) == "reused"
    assert outcome(store, second.token) == "revoked"
    assert outcome(store, first.token) == "revoked"


def test_strict_knows_no_grace(open_store: Open, user: User) -> None:
    """Even at the same moment."""
    store = open_store("strict")
    first = store.begin(user.id, user.role)
    store.rotate(first.token)
    assert outcome(store, first.token) == "reused"


def test_a_lost_response_can_be_retried(
    lenient: RefreshTokenStore, user: User, advance: Callable[[float], None]
) -> None:
    """Rule 6: the connection is cut after the commit; the retry within the grace logs nobody out."""
    first = lenient.begin(user.id, user.role)
    lenient.rotate(first.token)
    advance(GRACE_S - 1)
    retried = lenient.rotate(first.token)
    assert outcome(lenient, retried.token) == "ok"


def test_the_grace_is_anchored_at_the_first_use(
    lenient: RefreshTokenStore, user: User, advance: Callable[[float], None]
) -> None:
    """Retrying does not stretch it."""
    first = lenient.begin(user.id, user.role)
    for _ in range(3):
        lenient.rotate(first.token)
        advance(GRACE_S * 0.4)
    assert outcome(lenient, first.token) == "reused"


def test_the_grace_is_for_the_direct_parent_only(lenient: RefreshTokenStore, user: User) -> None:
    """Once the successor is used, its parent is an ancestor, and an ancestor is a theft."""
    first = lenient.begin(user.id, user.role)
    second = lenient.rotate(first.token)
    lenient.rotate(second.token)
    assert outcome(lenient, first.token) == "reused"


@pytest.mark.parametrize("age", range(4))
def test_any_ancestor_is_detected_after_pruning(
    store: RefreshTokenStore, first: Refreshed, advance: Callable[[float], None], age: int
) -> None:
    """RFC 9700 4.14.2: however long ago it was used, and whatever the prune job removed."""
    chain = [first]
    for _ in range(5):
        advance(GRACE_S)
        chain.append(store.rotate(chain[-1].token))
    advance(GRACE_S)
    store.prune()
    assert outcome(store, chain[age].token) == "reused"
    assert outcome(store, chain[-1].token) == "revoked"


def test_rotation_never_extends_the_absolute_lifetime(
    store: RefreshTokenStore, first: Refreshed, advance: Callable[[float], None]
) -> None:
    """ASVS 10.4.8: 2500 s after login it is over, however often it was renewed."""
    current = first
    for expected_s in (1000, 900, 100):
        advance(800)
        current = store.rotate(current.token)
        assert current.expires_in_s == expected_s
    advance(100)
    assert outcome(store, current.token) == "expired"


def test_a_token_that_is_not_used_goes_idle(
    store: RefreshTokenStore, first: Refreshed, advance: Callable[[float], None]
) -> None:
    """RFC 9700 4.14.2: refused as expired, and no theft."""
    assert first.expires_in_s == 1000
    advance(1000)
    assert outcome(store, first.token) == "expired"
    assert outcome(store, first.token) == "expired"


def test_a_replayed_successor_that_went_idle_is_no_successor(
    user: User, advance: Callable[[float], None], settings: Settings, database: Database, clock: Clock
) -> None:
    """A grace longer than the idle limit replays nothing that is over."""
    short = replace(settings, refresh_policy="grace-replay", refresh_grace_s=100, refresh_idle_s=10)
    store = RefreshTokenStore(short, clock, database)
    first = store.begin(user.id, user.role)
    store.rotate(first.token)
    advance(10)
    assert outcome(store, first.token) == "reused"


def test_a_banned_user_cannot_renew(store: RefreshTokenStore, first: Refreshed, database: Database) -> None:
    """A ban blocks renewal by itself, before anything is revoked."""
    UserStore(database).ban(first.user_id)
    assert outcome(store, first.token) == "banned"


def test_a_removed_user_cannot_renew(store: RefreshTokenStore, first: Refreshed, database: Database) -> None:
    """Nothing of him is left to renew."""
    database.run("DELETE FROM users WHERE id = %(id)s", {"id": first.user_id})
    assert outcome(store, first.token) == "unknown"


def test_a_new_role_shows_at_the_next_renewal(store: RefreshTokenStore, first: Refreshed, database: Database) -> None:
    """The user is read afresh."""
    database.run("UPDATE users SET role = 'admin' WHERE id = %(id)s", {"id": first.user_id})
    assert store.rotate(first.token).role == "admin"


def test_revoking_by_token_or_by_sid_ends_the_family(store: RefreshTokenStore, user: User) -> None:
    """Either credential will do, a used one as well, and doing it again or to nobody changes nothing."""
    by_token, by_used, by_sid, other = (store.begin(user.id, user.role) for _ in range(4))
    successor = store.rotate(by_used.token)
    for _ in range(2):
        store.revoke(None, by_token.token)
        store.revoke(None, by_used.token)
        store.revoke(by_sid.sid, None)
        store.revoke("unknown", "unknown")
    refused = (by_token.token, successor.token, by_sid.token)
    assert {outcome(store, token) for token in refused} == {"revoked"}
    assert outcome(store, other.token) == "ok"


def test_revoking_a_user_keeps_only_the_login_named(store: RefreshTokenStore, user: User) -> None:
    """ASVS 7.4.3: a password change ends the others, and the number says how many."""
    first, kept, last = (store.begin(user.id, user.role) for _ in range(3))
    assert store.revoke_user(user.id, kept.sid) == 2
    assert [outcome(store, login.token) for login in (first, kept, last)] == ["revoked", "ok", "revoked"]
    assert store.revoke_user(user.id, None) == 1
    assert store.revoke_user(user.id, None) == 0


def test_live_logins_are_listed_oldest_first(
    store: RefreshTokenStore, user: User, advance: Callable[[float], None]
) -> None:
    """Not the revoked, not the idle; rotation does not make a login a new one."""
    idle = store.begin(user.id, user.role)
    advance(500)
    first, revoked = store.begin(user.id, user.role), store.begin(user.id, user.role)
    advance(1)
    last = store.begin(user.id, user.role)
    store.revoke(revoked.sid, None)
    store.rotate(first.token)
    assert [session.sid for session in store.sessions(user.id)] == [idle.sid, first.sid, last.sid]
    advance(500)
    assert [session.sid for session in store.sessions(user.id)] == [first.sid, last.sid]


def test_a_dump_holds_no_usable_token(open_store: Open, user: User, database: Database) -> None:
    """ASVS 10.4: hashes and a successor that only its parent's bearer can open."""
    store = open_store("grace-replay")
    first = store.begin(user.id, user.role)
    second = store.rotate(first.token)
    dump = repr(database.all("SELECT * FROM refresh_tokens WHERE sid = %(sid)s", {"sid": first.sid}))
    assert first.token not in dump
    assert second.token not in dump
    assert sealed_tokens(database, first.sid) == 1


def test_only_replay_keeps_successors(open_store: Open, user: User, database: Database) -> None:
    """The other policies have no use for them."""
    for policy in ("strict", "grace-mint"):
        store = open_store(policy)
        first = store.begin(user.id, user.role)
        store.rotate(first.token)
        assert sealed_tokens(database, first.sid) == 0


def erase_by_use(store: RefreshTokenStore, successor: Refreshed, _user: User) -> None:
    """Its bearer goes on."""
    store.rotate(successor.token)


def erase_by_others(store: RefreshTokenStore, _successor: Refreshed, user: User) -> None:
    """Somebody else goes on."""
    store.rotate(store.begin(user.id, user.role).token)


def erase_by_pruning(store: RefreshTokenStore, _successor: Refreshed, _user: User) -> None:
    """The prune job comes by."""
    store.prune()


def erase_by_revoking(store: RefreshTokenStore, successor: Refreshed, _user: User) -> None:
    """Its login ends."""
    store.revoke(successor.sid, None)


def erase_by_forced_logout(store: RefreshTokenStore, _successor: Refreshed, user: User) -> None:
    """All logins end."""
    store.revoke_user(user.id, None)


@pytest.mark.parametrize(
    "erase", [erase_by_use, erase_by_others, erase_by_pruning, erase_by_revoking, erase_by_forced_logout]
)
def test_a_sealed_successor_does_not_outlive_its_grace(
    open_store: Open,
    user: User,
    database: Database,
    advance: Callable[[float], None],
    erase: Callable[[RefreshTokenStore, Refreshed, User], None],
) -> None:
    """Whoever comes by first erases it: its bearer, somebody else, the prune job, a logout."""
    store = open_store("grace-replay")
    successor = store.rotate(store.begin(user.id, user.role).token)
    advance(GRACE_S)
    erase(store, successor, user)
    row = database.one(
        "SELECT count(*) FROM refresh_tokens WHERE sid = %(sid)s AND sealed IS NOT NULL AND created_at <= %(then)s",
        {"sid": successor.sid, "then": 1_800_000_000.25},
    )
    assert row == (0,)


def test_pruning_removes_dead_families_alone(
    store: RefreshTokenStore, first: Refreshed, advance: Callable[[float], None], database: Database
) -> None:
    """A family goes at its absolute end, tokens included, and not before."""
    store.prune()
    advance(2500)
    store.begin(first.user_id, first.role)
    assert store.prune() >= 1
    assert live_tokens(database, first.sid) == 0
    assert outcome(store, first.token) == "unknown"
    assert len(store.sessions(first.user_id)) == 1


@pytest.mark.parametrize("policy", POLICIES)
def test_nothing_minted_in_a_race_with_revocation_lives(
    open_store: Open, user: User, database: Database, policy: RefreshPolicy
) -> None:
    """Rule 5: after the family is revoked, neither the winner's nor any sibling's token can be exchanged."""
    store = open_store(policy)
    for _ in range(ROUNDS):
        first = store.begin(user.id, user.role)
        with ThreadPoolExecutor(2) as pool:
            racing = pool.submit(race, store, first.token)
            pool.submit(store.revoke_user, user.id, None).result()
            racing.result()
        assert live_tokens(database, first.sid) == 0
