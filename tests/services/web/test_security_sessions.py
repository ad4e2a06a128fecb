"""SECURITY rows 14, 17, 25, 27 and 29 through the load balancer: how a login begins and ends, under every scheme."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from bench.stack.foundation import Foundation
from services.carriers import CSRF_COOKIE, SESSION_COOKIE
from services.catalogue import SCHEMES
from services.passwords import Passwords
from services.seed import ADMIN
from services.settings import Settings
from tests.fleet import Fleet, fleet_of
from tests.services.web.client import Answer, Client
from tests.services.web.conftest import PASSWORD, Service, new_user, serving
from tests.services.web.mounts import (
    API,
    COOKIES,
    FIXED,
    GUARDED,
    LIMITED,
    MOUNTS,
    RENEWABLE,
    REVOCABLE,
    STATELESS,
    Mount,
    under,
)

NEW_PASSWORD = "staple battery horse correct"
LIMIT = 3
AT_ONCE = 50

every_mount = under(MOUNTS)
every_guarded = under(GUARDED)
where_revocable = under(REVOCABLE)
where_stateless = under(STATELESS)


def ended(mount: Mount, logins: int) -> dict[str, int]:
    """What a scheme answers that has ended so many: it counts them where it knows them."""
    return {"ended": logins if SCHEMES[mount[0]].traits.can_list_sessions else 0}


def pair_of(fleet: Fleet, mount: Mount) -> tuple[str, Client, Client]:
    """A user of its own, logged in twice."""
    name = fleet.new_user()
    return name, fleet.logged_in(*mount, name=name), fleet.logged_in(*mount, name=name)


@where_revocable
def test_row_14_a_password_change_ends_the_other_logins(fleet: Fleet, mount: Mount) -> None:
    """This one stays, the others end, and only the new password logs in."""
    name, client, other = pair_of(fleet, mount)
    answer = client.post("password", {"password": fleet.password, "new_password": NEW_PASSWORD})
    assert (answer.status, answer.json) == (200, ended(mount, 1))
    assert client.get("profile").status == 200
    assert other.get("profile").status == 401
    assert fleet.client(*mount).log_in(name, fleet.password).reason == "invalid-login"
    assert fleet.client(*mount).log_in(name, NEW_PASSWORD).status == 200


@under([mount for mount in RENEWABLE if mount in STATELESS])
def test_row_14_a_password_change_ends_the_other_renewals(fleet: Fleet, mount: Mount) -> None:
    """A stateless access token lives on, the refresh token behind it does not."""
    _, client, other = pair_of(fleet, mount)
    fields = {"password": fleet.password, "new_password": NEW_PASSWORD}
    assert client.post("password", fields).json == ended(mount, 1)
    assert other.refresh().reason == "revoked"
    assert client.refresh().status == 200


@under([mount for mount in FIXED if mount in STATELESS])
def test_row_14_a_stateless_credential_outlives_a_password_change(fleet: Fleet, mount: Mount) -> None:
    """The documented bound: until it expires; only the new password logs in."""
    name, client, other = pair_of(fleet, mount)
    fields = {"password": fleet.password, "new_password": NEW_PASSWORD}
    assert client.post("password", fields).json == {"ended": 0}
    assert other.get("profile").status == 200
    assert fleet.client(*mount).log_in(name, fleet.password).reason == "invalid-login"


@every_guarded
def test_row_14_a_password_change_needs_the_current_password(fleet: Fleet, mount: Mount) -> None:
    """403, not 401: the login is good. Nothing changes."""
    name, client, other = pair_of(fleet, mount)
    answer = client.post("password", {"password": "wrong", "new_password": NEW_PASSWORD})
    assert (answer.status, answer.reason) == (403, "wrong-password")
    assert client.post("password", {"password": fleet.password, "new_password": "short"}).reason == "bad-field"
    assert other.get("profile").status == 200
    assert fleet.client(*mount).log_in(name, fleet.password).status == 200


@every_guarded
@pytest.mark.parametrize("credential", ["unknown", "a.b.c", "\xff", "x" * 3000])
def test_row_17_revoking_an_unknown_credential_is_200(fleet: Fleet, mount: Mount, credential: str) -> None:
    """Also a malformed one: there is nothing left to do."""
    client = fleet.logged_in(*mount)
    client.credential = credential
    assert client.log_out().status == 200


@every_mount
def test_row_17_revoking_nothing_or_twice_is_200(fleet: Fleet, mount: Mount) -> None:
    """Logging out is idempotent."""
    client = fleet.logged_in(*mount)
    twin = client.twin()
    assert [client.log_out().status, twin.log_out().status, fleet.client(*mount).log_out().status] == [200] * 3


@every_guarded
def test_row_25_a_planted_credential_is_never_accepted(fleet: Fleet, mount: Mount) -> None:
    """Login chooses a new one, and the planted one still opens nothing."""
    client = fleet.client(*mount)
    client.credential = "A" * 43
    assert client.log_in(fleet.new_user(), fleet.password).status == 200
    assert client.credential != "A" * 43
    planted = fleet.client(*mount)
    planted.credential = "A" * 43
    assert planted.get("profile").status == 401


@where_revocable
def test_row_25_the_credential_changes_at_login_and_the_old_one_dies(fleet: Fleet, mount: Mount) -> None:
    """Whoever knew the old one, also as another user, is out."""
    client = fleet.logged_in(*mount)
    knower = client.twin()
    assert client.log_in(fleet.new_user(), fleet.password).status == 200
    assert client.credential != knower.credential
    assert knower.get("profile").status == 401
    assert client.get("profile").status == 200


@where_revocable
def test_row_27_logout_ends_this_login_alone(fleet: Fleet, mount: Mount) -> None:
    """A copy of the credential is worth nothing afterwards; the user's other login stays."""
    _, client, other = pair_of(fleet, mount)
    copy = client.twin()
    assert client.log_out().status == 200
    assert [copy.get("profile").status for _ in range(2)] == [401, 401]
    assert other.get("profile").status == 200


@where_stateless
def test_row_27_a_stateless_credential_outlives_logout_until_it_expires(
    fleet: Fleet, skew: Callable[[float], None], mount: Mount
) -> None:
    """The documented bound: good until its expiry, not after; what refreshes it is dead at once."""
    client = fleet.logged_in(*mount)
    copy = client.twin()
    lasts_s = client.answers[-1].json["expires_in"]
    assert isinstance(lasts_s, int)
    assert client.log_out().status == 200
    assert copy.get("profile").status == 200
    assert copy.refresh().reason in {"revoked", "not-renewable"}
    skew(lasts_s + 1)
    assert copy.get("profile").reason == "expired"


@where_revocable
def test_row_27_logout_everywhere_ends_every_login_of_the_user(fleet: Fleet, mount: Mount) -> None:
    """And nobody else's; a login right after it is good."""
    name, client, other = pair_of(fleet, mount)
    stranger = fleet.logged_in(*mount)
    assert len(sids(client)) == ended(mount, 2)["ended"]
    assert client.post("logout-everywhere").json == ended(mount, 2)
    assert other.get("profile").status == 401
    assert stranger.get("profile").status == 200
    assert fleet.logged_in(*mount, name=name).get("profile").status == 200


@where_revocable
def test_row_27_an_administrator_ends_every_login_of_a_user(fleet: Fleet, mount: Mount) -> None:
    """Forced logout; the user may log in again."""
    name, client, other = pair_of(fleet, mount)
    admin = fleet.logged_in(*mount, name=ADMIN)
    assert admin.post("admin/revoke", {"username": name}).json == ended(mount, 2)
    assert [client.get("profile").status, other.get("profile").status] == [401, 401]
    assert client.log_in(name, fleet.password).status == 200


@every_guarded
def test_row_27_a_ban_blocks_login_and_renewal(fleet: Fleet, mount: Mount) -> None:
    """Under every scheme; only who knows the password learns of the ban."""
    name = fleet.new_user()
    client = fleet.logged_in(*mount, name=name)
    assert fleet.logged_in(*mount, name=ADMIN).post("admin/ban", {"username": name}).status == 200
    assert client.refresh().reason in {"revoked", "banned", "not-renewable"}
    assert fleet.client(*mount).log_in(name, fleet.password).reason == "banned"
    assert fleet.client(*mount).log_in(name, "wrong").reason == "invalid-login"
    assert client.get("profile").status == (401 if mount in REVOCABLE else 200)


@every_guarded
@pytest.mark.parametrize("path", ["admin/revoke", "admin/ban"])
def test_row_27_only_an_administrator_may(fleet: Fleet, mount: Mount, path: str) -> None:
    """403 for a user, 401 for nobody, 404 for a name no user has."""
    name = fleet.new_user()
    assert fleet.logged_in(*mount).post(path, {"username": name}).reason == "not-admin"
    assert fleet.client(*mount).post(path, {"username": name}).status == 401
    assert fleet.logged_in(*mount, name=ADMIN).post(path, {"username": "nobody"}).reason == "no-such-user"
    assert fleet.logged_in(*mount, name=name).get("profile").status == 200


@pytest.fixture(scope="module")
def evicting(crowd: Foundation) -> Iterator[Fleet]:
    """A service where the oldest session makes way."""
    with fleet_of(crowd, replace(crowd.settings, max_sessions=LIMIT)) as fleet:
        yield fleet


def is_live(client: Client) -> bool:
    """Whether the login still goes on."""
    return (client.refresh() if client.refresh_credential else client.get("profile")).status == 200


@under(LIMITED)
def test_row_27_simultaneous_logins_leave_at_most_the_limit(evicting: Fleet, mount: Mount) -> None:
    """50 at once, on both replicas, the oldest make way: exactly the limit is left, and says so."""
    name = evicting.new_user()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        clients = list(threads.map(lambda _: evicting.logged_in(*mount, name=name), range(AT_ONCE)))
    live = [client for client in clients if is_live(client)]
    assert len(live) == LIMIT
    assert len(sids(live[0])) == LIMIT


@under([mount for mount in LIMITED if mount in API])
def test_row_27_simultaneous_logins_beyond_the_limit_may_be_refused(settings: Settings, mount: Mount) -> None:
    """The other policy, on one replica in process: 409 for each one too many; a logout makes room for another."""
    name = new_user()
    with (
        serving(replace(settings, max_sessions=LIMIT, session_limit="refuse")) as service,
        ThreadPoolExecutor(AT_ONCE) as threads,
    ):
        clients = [service.client(*mount) for _ in range(AT_ONCE)]
        answers = list(threads.map(lambda client: client.log_in(name, PASSWORD), clients))
        refused = [answer for answer in answers if answer.status == 409 and answer.reason == "session-limit"]
        live = [client for client, answer in zip(clients, answers, strict=True) if answer.status == 200]
        assert (len(live), len(refused)) == (LIMIT, AT_ONCE - LIMIT)
        live[0].log_out()
        assert service.client(*mount).log_in(name, PASSWORD).status == 200


@every_mount
def test_row_29_an_unknown_user_looks_like_a_wrong_password(fleet: Fleet, mount: Mount) -> None:
    """The same answer, byte for byte but for the replica's name and the date."""
    unknown = fleet.client(*mount).log_in("nobody-at-all", fleet.password)
    wrong = fleet.client(*mount).log_in(fleet.new_user(), "wrong")
    assert (unknown.status, unknown.reason, unknown.cookie_lines) == (401, "invalid-login", ())
    assert same_for_all(unknown) == same_for_all(wrong)


@under(API)
def test_row_29_an_unknown_user_costs_a_wrong_password(
    service: Service, mount: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One hash is verified for each: seen in process, as no test of ours asserts on timing."""
    verified: list[str | None] = []
    genuine = Passwords.matches

    def watched(self: Passwords, password_hash: str | None, password: str) -> bool:
        verified.append(password_hash)
        return genuine(self, password_hash, password)

    monkeypatch.setattr(Passwords, "matches", watched)
    service.client(*mount).log_in("nobody-at-all", PASSWORD)
    service.client(*mount).log_in(new_user(), "wrong")
    assert [password_hash is None for password_hash in verified] == [True, False]


@under(COOKIES)
def test_a_refusal_leaves_the_visitor_his_cookies(fleet: Fleet, mount: Mount) -> None:
    """A 401 sets no cookie: another replica, or a later moment, may still know the credential."""
    client = fleet.logged_in(*mount)
    client.credential = "unknown"
    answer = client.get("profile")
    assert (answer.status, answer.cookie_lines) == (401, ())
    assert set(client.cookies) >= {SESSION_COOKIE, CSRF_COOKIE}


def same_for_all(answer: Answer) -> tuple[object, ...]:
    """What must not depend on the user."""
    headers = [pair for pair in answer.headers if pair[0].lower() not in {"x-replica", "date"}]
    return answer.status, headers, answer.body


def sids(client: Client) -> set[str]:
    """The logins that the service knows of this user; the client's own is marked where it knows any."""
    sessions = client.get("sessions").json["sessions"]
    assert isinstance(sessions, list)
    assert sum(session["is_current"] for session in sessions) == bool(sessions)
    return {session["sid"] for session in sessions}
