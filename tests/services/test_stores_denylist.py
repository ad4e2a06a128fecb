"""The denylist: what is revoked is refused on every replica, nothing else is, and nothing revoked ever comes back."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from bench.stack.valkey import Valkey
from services.clock import Clock
from services.contract import RejectedError, StoreDownError
from services.redis_client import RedisClient
from services.settings import Settings
from services.stores.denylist import MS_PER_S, Denylist
from services.tokens import in_milliseconds
from tests.services.conftest import STARTED_S

_numbers = count()


@pytest.fixture
def client(settings: Settings) -> Iterator[RedisClient]:
    """A Redis client."""
    client = RedisClient(settings)
    yield client
    client.close()


@pytest.fixture
def denylist(settings: Settings, clock: Clock, client: RedisClient) -> Denylist:
    """A prepared store."""
    denylist = Denylist(settings, clock, client)
    denylist.prepare()
    return denylist


@dataclass(frozen=True, slots=True)
class Token:
    """What the denylist is told of a token."""

    name: str
    user_id: str
    issued_at_ms: int
    sid: str


def issued(at_s: float, user_id: str) -> Token:
    """A token of a login of its own."""
    number = next(_numbers)
    return Token(f"jti-{number}", user_id, in_milliseconds(at_s)["iat_ms"], f"sid-{number}")


def someone() -> str:
    """A user nobody else has."""
    return f"denied-{next(_numbers)}"


def is_good(denylist: Denylist, token: Token) -> bool:
    """Whether `token` is not revoked."""
    try:
        denylist.check(token.name, token.user_id, token.issued_at_ms, token.sid)
    except RejectedError:
        return False
    return True


def test_a_denied_token_is_refused_and_no_other(denylist: Denylist) -> None:
    """One login of a user ends, another stays."""
    user_id = someone()
    ended, other = issued(STARTED_S, user_id), issued(STARTED_S, user_id)
    for _ in range(2):
        denylist.deny(ended.name, STARTED_S + 60)
    with pytest.raises(RejectedError, match="revoked"):
        denylist.check(ended.name, ended.user_id, ended.issued_at_ms, ended.sid)
    assert is_good(denylist, other)


def test_every_replica_knows(denylist: Denylist, settings: Settings, clock: Clock) -> None:
    """What one denies all refuse."""
    token, by_user = issued(STARTED_S, someone()), issued(STARTED_S, someone())
    denylist.deny(token.name, STARTED_S + 60)
    denylist.deny_user(by_user.user_id, None)
    client = RedisClient(replace(settings, replica="other"))
    other = Denylist(settings, clock, client)
    assert not is_good(other, token)
    assert not is_good(other, by_user)
    client.close()


def test_logout_everywhere_is_sharp_to_the_millisecond(
    denylist: Denylist, advance: Callable[[float], None], now_s: list[float]
) -> None:
    """Within one second: the token issued just before is refused, the login right after is good."""
    user_id = someone()
    before = issued(now_s[0], user_id)
    advance(0.002)
    denylist.deny_user(user_id, None)
    same_instant = issued(now_s[0], user_id)
    advance(0.002)
    after = issued(now_s[0], user_id)
    assert int(now_s[0]) == int(STARTED_S)
    assert [is_good(denylist, token) for token in (before, same_instant, after)] == [False, False, True]


def test_a_user_s_end_is_nobody_else_s(denylist: Denylist) -> None:
    """Not even of a user whose id begins alike."""
    user_id = someone()
    denylist.deny_user(user_id, None)
    assert is_good(denylist, issued(STARTED_S, user_id + "0"))


def test_a_kept_login_that_was_ended_before_stays_ended(denylist: Denylist, advance: Callable[[float], None]) -> None:
    """A password change that was under way when all was logged out revives nobody, its own login least of all."""
    user_id = someone()
    token = issued(STARTED_S, user_id)
    denylist.deny_user(user_id, None)
    advance(1)
    for keep_sid in (token.sid, "another", token.sid):
        denylist.deny_user(user_id, keep_sid)
        assert not is_good(denylist, token)


def test_a_replica_whose_clock_is_behind_revives_nothing(
    denylist: Denylist, settings: Settings, client: RedisClient, now_s: list[float]
) -> None:
    """The later of two not-befores stands, in whatever order they were written."""
    user_id = someone()
    behind = Denylist(settings, lambda: now_s[0] - 30, client)
    token = issued(now_s[0] - 1, user_id)
    denylist.deny_user(user_id, None)
    behind.deny_user(user_id, token.sid)
    assert not is_good(denylist, token)


@pytest.mark.parametrize("leeway_s", [0.0, 5.5])
def test_everything_expires_with_the_last_token_it_speaks_of(
    settings: Settings, clock: Clock, client: RedisClient, leeway_s: float
) -> None:
    """Redis collects it, never before that token is over by itself."""
    denylist = Denylist(replace(settings, leeway_s=leeway_s), clock, client)
    token = issued(STARTED_S, someone())
    denylist.deny(token.name, STARTED_S + 60)
    denylist.deny_user(token.user_id, None)
    one, user = (client.command("PTTL", key) for key in (f"denied:{token.name}", f"not-before:{token.user_id}"))
    longest_s = settings.jwt_ttl_s + 1 + leeway_s
    assert (60 + leeway_s - 10) * MS_PER_S < one <= (60 + leeway_s) * MS_PER_S
    assert (longest_s - 10) * MS_PER_S < user <= longest_s * MS_PER_S


def test_denying_at_the_last_moment_is_no_error(denylist: Denylist) -> None:
    """A token that ends now, or just ended, has a TTL that Redis takes."""
    for left_s in (0.0, 0.0001, -1.0):
        denylist.deny(issued(STARTED_S, someone()).name, STARTED_S + left_s)


def test_a_check_is_one_command(denylist: Denylist, valkey: Valkey) -> None:
    """Both questions in one MGET."""
    token = issued(STARTED_S, someone())
    valkey.reset_counts()
    denylist.check(token.name, token.user_id, token.issued_at_ms, token.sid)
    assert valkey.command_counts() == {"mget": 1}


def test_a_store_that_is_down_is_never_an_answer(settings: Settings, clock: Clock) -> None:
    """ASVS 16.5: 503, neither accepted nor refused, and no revocation that did not happen."""
    away = replace(settings, redis_url="redis://127.0.0.1:1/0")
    denylist = Denylist(away, clock, RedisClient(away))
    token = issued(STARTED_S, someone())
    with pytest.raises(StoreDownError):
        is_good(denylist, token)
    with pytest.raises(StoreDownError):
        denylist.deny(token.name, STARTED_S + 60)
    with pytest.raises(StoreDownError):
        denylist.deny_user(token.user_id, None)


@dataclass(slots=True)
class Model:
    """What must hold: an ended login never lives again, and ending all spares one at most, if it lives."""

    tokens: list[Token] = field(default_factory=list)
    live: set[str] = field(default_factory=set)

    def log_in(self, token: Token) -> None:
        """One more."""
        self.tokens.append(token)
        self.live.add(token.sid)

    def end_all(self, keep_sid: str | None) -> None:
        """All, or all but one."""
        self.live &= {keep_sid or ""}


EVENTS = st.lists(
    st.tuples(st.sampled_from(["log in", "log out", "end all", "keep", "keep"]), st.integers(0, 5)), max_size=30
)


@effort(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(events=EVENTS)
def test_no_sequence_revives_a_login(
    denylist: Denylist, advance: Callable[[float], None], now_s: list[float], events: Sequence[tuple[str, int]]
) -> None:
    """Logins, logouts, ends of all and of all but one, also of one that is long dead, in any order."""
    user_id, model = someone(), Model()
    for event, number in events:
        advance(0.002)
        chosen = model.tokens[number % len(model.tokens)] if model.tokens else None
        if event == "log in":
            model.log_in(issued(now_s[0], user_id))
        elif event == "end all":
            denylist.deny_user(user_id, None)
            model.end_all(None)
        elif chosen and event == "log out":
            denylist.deny(chosen.name, now_s[0] + 3600)
            model.live.discard(chosen.sid)
        elif chosen:
            denylist.deny_user(user_id, chosen.sid)
            model.end_all(chosen.sid)
        assert {token.sid for token in model.tokens if is_good(denylist, token)} == model.live
