"""The scheme against a running authorization server: what Scheme promises, and every trait it claims."""
# ruff: noqa: INP001, S101 - test folders are found by path, and pytest asserts

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from falcon.testing import TestClient
from opaque_token.scheme import SPEC

from bench.stack.helper_services import RunningHelper
from services import key_file
from services.app import assemble
from services.contract import RejectedError, Scheme, StoreDownError
from services.parts import ServiceParts, open_parts
from services.settings import Settings
from services.users import User


def reason(ask: Callable[[], object]) -> str:
    """Why it is refused."""
    with pytest.raises(RejectedError) as refused:
        ask()
    return refused.value.reason


def test_a_login_is_verified_as_who_it_was_issued_to(scheme: Scheme, other_replica: Scheme, user: User) -> None:
    """On every replica, and for as long as the grant says."""
    grant = scheme.issue(user)
    for one in (scheme, other_replica):
        verified = one.verify(grant.credential)
        assert (verified.user_id, verified.role, verified.sid) == (user.id, "admin", grant.sid)
        assert verified.expires_in_s == grant.expires_in_s
    assert grant.credential not in repr(grant)


def test_logins_are_told_apart(scheme: Scheme, user: User) -> None:
    """Fixation: each has a credential and a sid of its own."""
    first, second = scheme.issue(user), scheme.issue(user)
    assert first.credential != second.credential
    assert first.sid != second.sid


@pytest.mark.parametrize(
    ("credential", "why"),
    [("", "missing"), ("planted", "unknown"), ("\0", "unknown"), ("\ud800", "malformed"), ("x" * 10_000, "malformed")],
    ids=["nothing", "planted", "NUL", "surrogate", "long"],
)
def test_what_was_never_issued_is_refused(scheme: Scheme, credential: str, why: str) -> None:
    """Whatever it looks like, and what cannot be a token is not asked about."""
    assert reason(lambda: scheme.verify(credential)) == why
    scheme.revoke(credential, None)


def test_the_clock_of_the_service_decides(scheme: Scheme, user: User, now_s: list[float]) -> None:
    """A token lives at least as long as its grant says, less than a second longer, and not at its `exp`."""
    grant = scheme.issue(user)
    now_s[0] += grant.expires_in_s
    assert scheme.verify(grant.credential).expires_in_s == 0
    now_s[0] += 0.75
    assert reason(lambda: scheme.verify(grant.credential)) == "expired"
    assert scheme.sessions(user.id) == []


def test_a_logout_holds_at_the_next_request_everywhere(scheme: Scheme, other_replica: Scheme, user: User) -> None:
    """The token is dead on every replica, others of the user live; ending it again is no error."""
    ended, kept = scheme.issue(user), scheme.issue(user)
    for _ in range(2):
        scheme.revoke(ended.credential, None)
    assert reason(lambda: other_replica.verify(ended.credential)) == "unknown"
    assert other_replica.verify(kept.credential).sid == kept.sid


def test_a_user_can_be_shut_out(scheme: Scheme, other_replica: Scheme, user: User) -> None:
    """Logins are listed and counted; all end, or all but the one that changed the password."""
    kept, ended = scheme.issue(user), scheme.issue(user)
    assert [one.sid for one in other_replica.sessions(user.id)] == [kept.sid, ended.sid]
    assert other_replica.revoke_user(user.id, keep_sid=kept.sid) == 1
    assert [one.sid for one in scheme.sessions(user.id)] == [kept.sid]
    assert reason(lambda: scheme.verify(ended.credential)) == "unknown"
    assert scheme.revoke_user(user.id) == 1
    assert reason(lambda: scheme.verify(kept.credential)) == "unknown"
    assert (scheme.revoke_user(user.id), scheme.sessions(user.id)) == (0, [])


def test_there_is_nothing_to_renew(scheme: Scheme, user: User) -> None:
    """The traits say so, and so does the scheme."""
    grant = scheme.issue(user)
    assert grant.refresh_credential is None
    assert not SPEC.traits.can_renew
    assert reason(lambda: scheme.renew(grant.credential)) == "not-renewable"


def test_a_server_that_hangs_or_is_gone_is_down(
    start_server: Callable[[], RunningHelper], parts: ServiceParts, user: User
) -> None:
    """503, never 401 and never 200; once it answers again, so does the scheme."""
    server = start_server()
    parts = open_parts(replace(parts.settings, helpers=(server.address,), store_timeout_s=1.0), parts.clock)
    web = TestClient(assemble(parts, [SPEC]))
    token = SPEC.build(parts).issue(user).credential
    server.process.signal(signal.SIGSTOP)
    assert told(web, token) == (503, "store-down")
    server.process.signal(signal.SIGCONT)
    assert told(web, token) == (200, None)
    server.process.kill()
    assert told(web, token) == (503, "store-down")


def told(web: TestClient, token: str) -> tuple[int, str | None]:
    """What the hot read answers: the status and the reason."""
    answer = web.simulate_get("/opaque-token/bearer/profile", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.json.get("reason")


def test_a_service_of_another_key_ring_is_told_nothing(
    scheme: Scheme, settings: Settings, user: User, tmp_path: Path
) -> None:
    """The secret comes from the ring: without it nobody learns whether a token is active."""
    key_file.generate(tmp_path / "other.json")
    stranger = SPEC.build(open_parts(replace(settings, keys_file=tmp_path / "other.json")))
    with pytest.raises(StoreDownError):
        stranger.verify(scheme.issue(user).credential)
