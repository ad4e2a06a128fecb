"""SECURITY rows 10, 14, 17, 25, 27 and 29 over HTTP: how a login begins and ends, under every scheme."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from services.carriers import CSRF_COOKIE, SESSION_COOKIE
from services.passwords import Passwords
from services.seed import ADMIN
from services.settings import Settings
from tests.services.web.client import Client
from tests.services.web.conftest import (
    COOKIES,
    GUARDED,
    MOUNTS,
    PASSWORD,
    REVOCABLE,
    STATELESS,
    Service,
    new_user,
    serving,
)

Mount = tuple[str, str]
NEW_PASSWORD = "staple battery horse correct"
REFRESHABLE = [mount for mount in GUARDED if mount[0] == "refresh-token"]
LIMITED = [mount for mount in REVOCABLE if mount[0] in {"memory-session", "redis-session"}]

every_mount = pytest.mark.parametrize("mount", MOUNTS, ids="/".join)
every_guarded = pytest.mark.parametrize("mount", GUARDED, ids="/".join)
where_revocable = pytest.mark.parametrize("mount", REVOCABLE, ids="/".join)
where_stateless = pytest.mark.parametrize("mount", STATELESS, ids="/".join)
where_refreshable = pytest.mark.parametrize("mount", REFRESHABLE, ids="/".join)


@where_refreshable
def test_row_10_a_used_refresh_token_revokes_the_family(own_service: Service, mount: Mount) -> None:
    """Presented again after the grace: reused, and the rightful successor is dead too."""
    client = own_service.logged_in(*mount)
    thief = client.twin()
    assert client.refresh().status == 200
    own_service.clock.ahead_s = 11.0
    assert thief.refresh().reason == "reused"
    assert client.refresh().reason == "revoked"


@where_refreshable
def test_a_lost_refresh_race_never_touches_the_winners_cookies(own_service: Service, mount: Mount) -> None:
    """The refused answer sets no cookie, neither new nor empty."""
    client = own_service.logged_in(*mount)
    loser = client.twin()
    assert client.refresh().status == 200
    own_service.clock.ahead_s = 11.0
    assert loser.refresh().cookie_lines == ()


@where_refreshable
def test_a_lost_answer_to_a_refresh_logs_nobody_out(service: Service, mount: Mount) -> None:
    """Within the grace the same refresh credential gives a grant again, for the same login."""
    client = service.logged_in(*mount)
    retry = client.twin()
    assert client.refresh().status == 200
    assert retry.refresh().status == 200
    assert retry.refresh_credential == client.refresh_credential
    assert retry.post("notes", {"text": "still here"}).status == 201


@where_revocable
def test_row_14_a_password_change_ends_the_other_logins(service: Service, mount: Mount) -> None:
    """This one stays, the others end, and only the new password logs in."""
    name = new_user()
    client, other = (service.logged_in(*mount, name=name) for _ in range(2))
    answer = client.post("password", {"password": PASSWORD, "new_password": NEW_PASSWORD})
    assert (answer.status, answer.json) == (200, {"ended": 1})
    assert client.get("profile").status == 200
    assert other.get("profile").status == 401
    assert service.client(*mount).log_in(name, PASSWORD).reason == "invalid-login"
    assert service.client(*mount).log_in(name, NEW_PASSWORD).status == 200


@where_refreshable
def test_row_14_a_password_change_ends_the_other_renewals(service: Service, mount: Mount) -> None:
    """A stateless access token lives on, the refresh token behind it does not."""
    name = new_user()
    client, other = (service.logged_in(*mount, name=name) for _ in range(2))
    assert client.post("password", {"password": PASSWORD, "new_password": NEW_PASSWORD}).json == {"ended": 1}
    assert other.refresh().reason == "revoked"
    assert client.refresh().status == 200


@every_guarded
def test_a_password_change_needs_the_current_password(service: Service, mount: Mount) -> None:
    """403, not 401: the login is good. Nothing changes."""
    name = new_user()
    client = service.logged_in(*mount, name=name)
    answer = client.post("password", {"password": "wrong", "new_password": NEW_PASSWORD})
    assert (answer.status, answer.reason) == (403, "wrong-password")
    assert client.post("password", {"password": PASSWORD, "new_password": "short"}).reason == "bad-field"
    assert service.client(*mount).log_in(name, PASSWORD).status == 200


@every_guarded
@pytest.mark.parametrize("credential", ["unknown", "a.b.c", "\xff", "x" * 3000])
def test_row_17_revoking_an_unknown_credential_is_200(service: Service, mount: Mount, credential: str) -> None:
    """Also a malformed one: there is nothing left to do."""
    client = service.logged_in(*mount)
    client.credential = credential
    assert client.log_out().status == 200


@every_mount
def test_row_17_revoking_nothing_or_twice_is_200(service: Service, mount: Mount) -> None:
    """Logging out is idempotent."""
    client = service.logged_in(*mount)
    twin = client.twin()
    assert [client.log_out().status, twin.log_out().status, service.client(*mount).log_out().status] == [200] * 3


@every_guarded
def test_row_25_a_planted_credential_is_never_accepted(service: Service, mount: Mount) -> None:
    """Login chooses a new one, and the planted one still opens nothing."""
    client = service.client(*mount)
    client.credential = "A" * 43
    assert client.log_in(new_user(), PASSWORD).status == 200
    assert client.credential != "A" * 43
    planted = service.client(*mount)
    planted.credential = "A" * 43
    assert planted.get("profile").status == 401


@where_revocable
def test_row_25_the_credential_changes_at_login_and_the_old_one_dies(service: Service, mount: Mount) -> None:
    """Whoever knew the old one, also as another user, is out."""
    client = service.logged_in(*mount)
    knower = client.twin()
    assert client.log_in(new_user(), PASSWORD).status == 200
    assert client.credential != knower.credential
    assert knower.get("profile").status == 401
    assert client.get("profile").status == 200


@where_revocable
def test_row_27_logout_ends_this_login_alone(service: Service, mount: Mount) -> None:
    """A copy of the credential is worth nothing afterwards; the user's other login stays."""
    name = new_user()
    client, other = (service.logged_in(*mount, name=name) for _ in range(2))
    copy = client.twin()
    assert client.log_out().status == 200
    assert copy.get("profile").status == 401
    assert other.get("profile").status == 200


@where_stateless
def test_row_27_a_stateless_credential_outlives_logout_until_it_expires(own_service: Service, mount: Mount) -> None:
    """The documented bound: good until its expiry, not after; what refreshes it is dead at once."""
    client = own_service.logged_in(*mount)
    copy = client.twin()
    lasts_s = client.answers[-1].json["expires_in"]
    assert isinstance(lasts_s, int)
    assert client.log_out().status == 200
    assert copy.get("profile").status == 200
    assert copy.refresh().reason in {"revoked", "not-renewable"}
    own_service.clock.ahead_s = lasts_s + 1
    assert copy.get("profile").reason == "expired"


@where_revocable
def test_row_27_logout_everywhere_ends_every_login_of_the_user(service: Service, mount: Mount) -> None:
    """And nobody else's."""
    name = new_user()
    client, other = (service.logged_in(*mount, name=name) for _ in range(2))
    stranger = service.logged_in(*mount)
    assert len(_sids(client)) == 2
    assert client.post("logout-everywhere").json == {"ended": 2}
    assert other.get("profile").status == 401
    assert stranger.get("profile").status == 200


@where_revocable
def test_row_27_an_administrator_ends_every_login_of_a_user(service: Service, mount: Mount) -> None:
    """Forced logout; the user may log in again."""
    name = new_user()
    client = service.logged_in(*mount, name=name)
    admin = service.logged_in(*mount, name=ADMIN)
    assert admin.post("admin/revoke", {"username": name}).json == {"ended": 1}
    assert client.get("profile").status == 401
    assert client.log_in(name, PASSWORD).status == 200


@every_guarded
def test_row_27_a_ban_blocks_login_and_renewal(service: Service, mount: Mount) -> None:
    """Under every scheme; only who knows the password learns of the ban."""
    name = new_user()
    client = service.logged_in(*mount, name=name)
    assert service.logged_in(*mount, name=ADMIN).post("admin/ban", {"username": name}).status == 200
    assert client.refresh().reason in {"revoked", "banned", "not-renewable"}
    assert service.client(*mount).log_in(name, PASSWORD).reason == "banned"
    assert service.client(*mount).log_in(name, "wrong").reason == "invalid-login"
    if mount in REVOCABLE:
        assert client.twin().get("profile").status == 401


@every_guarded
@pytest.mark.parametrize("path", ["admin/revoke", "admin/ban"])
def test_row_27_only_an_administrator_may(service: Service, mount: Mount, path: str) -> None:
    """403 for a user, 401 for nobody, 404 for a name no user has."""
    name = new_user()
    assert service.logged_in(*mount).post(path, {"username": name}).reason == "not-admin"
    assert service.client(*mount).post(path, {"username": name}).status == 401
    assert service.logged_in(*mount, name=ADMIN).post(path, {"username": "nobody"}).reason == "no-such-user"
    assert service.logged_in(*mount, name=name).get("profile").status == 200


@pytest.mark.parametrize("mount", LIMITED, ids="/".join)
def test_row_27_simultaneous_logins_leave_at_most_the_limit(settings: Settings, mount: Mount) -> None:
    """50 at once, the oldest make way: exactly the limit is left, and says so."""
    with serving(replace(settings, max_sessions=3)) as service, ThreadPoolExecutor(8) as threads:
        name = new_user()
        clients = list(threads.map(lambda _: service.logged_in(*mount, name=name), range(50)))
        live = [client for client in clients if client.get("profile").status == 200]
        assert len(live) == 3
        assert len(_sids(live[0])) == 3


@pytest.mark.parametrize("mount", LIMITED, ids="/".join)
def test_row_27_the_limit_may_refuse_instead(settings: Settings, mount: Mount) -> None:
    """409 for the one too many; a place is free again after a logout."""
    with serving(replace(settings, max_sessions=2, session_limit="refuse")) as service:
        name = new_user()
        client, _ = (service.logged_in(*mount, name=name) for _ in range(2))
        late = service.client(*mount)
        assert late.log_in(name, PASSWORD).reason == "session-limit"
        client.log_out()
        assert late.log_in(name, PASSWORD).status == 200


@every_mount
def test_row_29_an_unknown_user_looks_like_a_wrong_password(
    service: Service, mount: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same answer byte for byte, and one hash verified for each."""
    verified: list[str | None] = []
    genuine = Passwords.matches

    def watched(self: Passwords, password_hash: str | None, password: str) -> bool:
        verified.append(password_hash)
        return genuine(self, password_hash, password)

    monkeypatch.setattr(Passwords, "matches", watched)
    unknown = service.client(*mount).log_in("nobody-at-all", PASSWORD)
    wrong = service.client(*mount).log_in(new_user(), "wrong")
    assert unknown == wrong
    assert (unknown.status, unknown.reason, unknown.cookie_lines) == (401, "invalid-login", ())
    assert len(verified) == 2


@pytest.mark.parametrize("mount", COOKIES, ids="/".join)
def test_a_refusal_leaves_the_visitor_his_cookies(service: Service, mount: Mount) -> None:
    """A 401 sets no cookie: another replica, or a later moment, may still know the credential."""
    client = service.logged_in(*mount)
    client.credential = "unknown"
    answer = client.get("profile")
    assert (answer.status, answer.cookie_lines) == (401, ())
    assert set(client.cookies) >= {SESSION_COOKIE, CSRF_COOKIE}


def _sids(client: Client) -> set[str]:
    sessions = json.loads(client.get("sessions").body)["sessions"]
    assert sum(session["is_current"] for session in sessions) == 1
    return {session["sid"] for session in sessions}
