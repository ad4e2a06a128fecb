"""One suite for every token vault: what TokenVault promises, whatever keeps the sessions."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count

import pytest
from cryptography.exceptions import InvalidTag

from services.clock import Clock
from services.contract import LimitReachedError, RejectedError, StoreDownError
from services.redis_client import RedisClient
from services.settings import Settings
from services.stores.memory_vault import MemoryVault
from services.stores.redis_vault import RedisVault
from services.stores.sealing import seal, unseal
from services.stores.vaults import Tokens, TokenVault, opened, sealed

IDLE_S = 100
ABSOLUTE_S = 250
TOKENS = Tokens("access-1", "refresh-1", 1_800_000_100.5)
OTHER_TOKENS = Tokens("access-2", "refresh-2", 1_800_000_200.25)

_numbers = count()

Open = Callable[[Settings], TokenVault]
PassTime = Callable[[float], None]


@pytest.fixture
def limits(settings: Settings) -> Settings:
    """Short limits, so that a test can pass them in few steps; a flight lasts a second at most."""
    return replace(
        settings, session_idle_s=IDLE_S, session_absolute_s=ABSOLUTE_S, upstream_timeout_s=0.25, store_timeout_s=0.25
    )


@pytest.fixture
def client(settings: Settings) -> Iterator[RedisClient]:
    """A Redis client."""
    client = RedisClient(settings)
    yield client
    client.close()


@pytest.fixture(params=["memory", "redis"])
def open_vault(request: pytest.FixtureRequest, clock: Clock, client: RedisClient) -> Open:
    """A vault of each kind under given settings."""
    if request.param == "memory":
        return lambda settings: MemoryVault(settings, clock)
    return lambda settings: RedisVault(settings, clock, client)


@pytest.fixture
def vault(open_vault: Open, limits: Settings) -> TokenVault:
    """A prepared vault without a session limit."""
    vault = open_vault(limits)
    vault.prepare()
    return vault


@pytest.fixture
def pass_time(advance: PassTime, client: RedisClient) -> PassTime:
    """Let so many seconds go by for the service clock, and for the clock Redis counts idle time with."""

    def elapse(seconds: float) -> None:
        advance(seconds)
        for key in client.command("KEYS", "vault*"):
            left_ms = client.command("PTTL", key)
            client.command("PEXPIRE", key, int(left_ms - seconds * 1000))

    return elapse


@pytest.fixture
def owner() -> str:
    """Somebody nobody else is."""
    return f"vault-user-{next(_numbers)}"


def reason(vault: TokenVault, credential: str) -> str:
    """Why `credential` is refused."""
    with pytest.raises(RejectedError) as refused:
        vault.read(credential)
    return refused.value.reason


def test_a_session_holds_its_tokens(vault: TokenVault, owner: str) -> None:
    """What was put in comes out, under the sid it was given, for whom it was kept."""
    grant = vault.create(owner, "sid", TOKENS)
    kept = vault.read(grant.credential)
    assert (kept.owner, kept.sid, kept.tokens) == (owner, grant.sid, TOKENS)
    assert kept.expires_in_s == grant.expires_in_s == IDLE_S


def test_a_credential_is_long_and_new(vault: TokenVault, owner: str) -> None:
    """ASVS 7.2.3: 256 random bits each."""
    credentials = {vault.create(owner, "sid", TOKENS).credential for _ in range(50)}
    assert len(credentials) == 50
    assert {len(credential) for credential in credentials} == {43}


@pytest.mark.parametrize(
    ("credential", "expected"),
    [("", "missing"), ("planted", "unknown"), ("sid", "unknown"), ("\ud800\0", "unknown"), ("x" * 9000, "unknown")],
)
def test_a_planted_credential_is_refused(vault: TokenVault, owner: str, credential: str, expected: str) -> None:
    """ASVS 7.2.4: only what the vault made itself opens it."""
    vault.create(owner, "sid", TOKENS)
    assert reason(vault, credential) == expected


def test_a_session_that_is_not_used_goes_idle(vault: TokenVault, owner: str, pass_time: PassTime) -> None:
    """ASVS 7.3: the idle limit."""
    credential = vault.create(owner, "sid", TOKENS).credential
    pass_time(IDLE_S)
    assert reason(vault, credential) in {"expired", "unknown"}


def test_neither_use_nor_new_tokens_extend_the_absolute_limit(
    vault: TokenVault, owner: str, pass_time: PassTime
) -> None:
    """ASVS 7.3: sliding, and never past the end, which expires_in_s foretells."""
    credential = vault.create(owner, "sid", TOKENS).credential
    for _ in range(3):
        pass_time(IDLE_S * 0.8)
        remaining_s = vault.read(credential).expires_in_s
        vault.replace(credential, "sid", OTHER_TOKENS)
    assert remaining_s == ABSOLUTE_S - 3 * IDLE_S * 0.8
    pass_time(remaining_s)
    assert reason(vault, credential) == "expired"


def test_new_tokens_take_the_place_of_the_old_ones(vault: TokenVault, owner: str) -> None:
    """The session stays what it was otherwise."""
    credential = vault.create(owner, "sid", TOKENS).credential
    vault.replace(credential, "sid", OTHER_TOKENS)
    kept = vault.read(credential)
    assert (kept.owner, kept.sid, kept.tokens) == (owner, "sid", OTHER_TOKENS)


def test_new_tokens_do_not_keep_a_session_from_going_idle(vault: TokenVault, owner: str, pass_time: PassTime) -> None:
    """Only the browser's use counts."""
    credential = vault.create(owner, "sid", TOKENS).credential
    pass_time(IDLE_S * 0.8)
    vault.replace(credential, "sid", OTHER_TOKENS)
    pass_time(IDLE_S * 0.3)
    assert reason(vault, credential) in {"expired", "unknown"}


def test_new_tokens_do_not_bring_an_ended_session_back(vault: TokenVault, owner: str) -> None:
    """A logout during a renewal wins."""
    credential = vault.create(owner, "sid", TOKENS).credential
    vault.end(credential)
    vault.replace(credential, "sid", OTHER_TOKENS)
    assert reason(vault, credential) == "unknown"
    assert vault.of_owner(owner) == []


def test_ending_is_idempotent_and_ends_one(vault: TokenVault, owner: str) -> None:
    """RFC 7009 2.2: an unknown credential is ended like any other; the owner's other session lives on."""
    ended, other = vault.create(owner, "first", TOKENS), vault.create(owner, "other", TOKENS)
    for _ in range(2):
        vault.end(ended.credential)
    vault.end("unknown")
    assert reason(vault, ended.credential) == "unknown"
    assert [session.sid for session in vault.of_owner(owner)] == [other.sid]


def test_ending_all_but_one_keeps_that_one_and_bystanders(vault: TokenVault, owner: str) -> None:
    """ASVS 7.4.3, 7.4.5: of this owner alone, and the number says how many."""
    first, kept, last = (vault.create(owner, f"sid-{number}", TOKENS) for number in range(3))
    bystander = vault.create(owner + "-bystander", "sid-1", TOKENS)
    assert vault.end_all(owner, kept.sid) == 2
    assert {reason(vault, grant.credential) for grant in (first, last)} == {"unknown"}
    assert vault.end_all(owner, None) == 1
    assert reason(vault, kept.credential) == "unknown"
    vault.read(bystander.credential)


def test_sessions_are_listed_oldest_first(vault: TokenVault, owner: str, pass_time: PassTime) -> None:
    """With the time they began and the time they end."""
    for number in range(3):
        vault.create(owner, f"sid-{number}", TOKENS)
        pass_time(1)
    listed = vault.of_owner(owner)
    assert [session.sid for session in listed] == ["sid-0", "sid-1", "sid-2"]
    assert {session.expires_at_s - session.created_at_s for session in listed} == {ABSOLUTE_S}


def test_the_limit_holds_by_either_policy(open_vault: Open, limits: Settings, owner: str, pass_time: PassTime) -> None:
    """ASVS 7.1.2: the oldest makes way, or the newest is refused."""
    narrow = open_vault(replace(limits, max_sessions=1))
    first = narrow.create(owner, "first", TOKENS)
    pass_time(1)
    second = narrow.create(owner, "second", TOKENS)
    assert reason(narrow, first.credential) == "unknown"
    strict = open_vault(replace(limits, max_sessions=1, session_limit="refuse"))
    strict.create(owner + "-other", "first", TOKENS)
    with pytest.raises(LimitReachedError):
        strict.create(owner + "-other", "second", TOKENS)
    narrow.read(second.credential)


def test_exactly_one_of_many_renews_and_the_others_read_what_he_left(vault: TokenVault, owner: str) -> None:
    """Single flight: 16 threads at once; whoever did not renew comes back after the renewal."""
    credential = vault.create(owner, "sid", TOKENS).credential
    together, renewed = threading.Barrier(16), threading.Event()

    def ask(_number: int) -> tuple[bool, Tokens]:
        together.wait()
        with vault.renewing(credential) as is_mine:
            if is_mine:
                renewed.wait(0.1)
                vault.replace(credential, "sid", OTHER_TOKENS)
            return is_mine, vault.read(credential).tokens

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(16)))
    assert sum(is_mine for is_mine, _ in answers) == 1
    assert {tokens for _, tokens in answers} == {OTHER_TOKENS}


def test_flights_follow_each_other_also_after_a_failure(vault: TokenVault, owner: str) -> None:
    """Whoever fails leaves nothing locked; another session's flight is none of his business."""
    first, other = (vault.create(owner, "sid", TOKENS).credential for _ in range(2))
    with contextlib.suppress(StoreDownError), vault.renewing(first) as is_mine, vault.renewing(other) as is_other_s:
        assert is_mine
        assert is_other_s
        raise StoreDownError(store="api")
    with vault.renewing(first) as is_mine:
        assert is_mine


def test_waiting_for_a_flight_has_an_end(vault: TokenVault, owner: str) -> None:
    """A replica may die while it renews."""
    credential = vault.create(owner, "sid", TOKENS).credential
    with vault.renewing(credential), vault.renewing(credential) as is_mine:
        assert not is_mine


def test_memory_holds_no_usable_credential(limits: Settings, clock: Clock) -> None:
    """As Redis does."""
    vault = MemoryVault(limits, clock)
    credential = vault.create("owner", "sid", TOKENS).credential
    boxes = [(live.record, live.attached) for live in vault._records._live.values()]
    dump = repr((vault._records._live.keys(), boxes))
    assert not any(secret in dump for secret in (credential, TOKENS.access, TOKENS.refresh))


def test_a_box_opens_for_its_own_session_alone() -> None:
    """Moved to another session, tampered with or cut short it is no session at all."""
    box = sealed(TOKENS, "credential", "sid")
    assert opened(box, "credential", "sid") == TOKENS
    for bad in ((box, "other", "sid"), (box, "credential", "other"), (box[:-1], "credential", "sid"), (b"", "c", "s")):
        with pytest.raises(RejectedError) as refused:
            opened(*bad)
        assert refused.value.reason == "unknown"


def test_what_one_purpose_sealed_no_other_opens() -> None:
    """Keys are derived per purpose."""
    box = seal("text", "secret", "sid", "bff tokens")
    assert unseal(box, "secret", "sid", "bff tokens") == "text"
    with pytest.raises(InvalidTag):
        unseal(box, "secret", "sid")


def test_tokens_and_sessions_do_not_show_what_they_hold(vault: TokenVault, owner: str) -> None:
    """In a log there is nothing to steal."""
    kept = vault.read(vault.create(owner, "sid", TOKENS).credential)
    assert TOKENS.access not in repr(kept)
    assert TOKENS.refresh not in repr(kept)
