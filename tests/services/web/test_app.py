"""The same endpoints, with the same answers, under every scheme and carrier."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from services.app import assemble, create_app
from services.catalogue import SCHEMES, CatalogueError
from services.contract import Grant, Parts, Verified
from services.endpoints import PROFILE
from services.schemes.none import NoScheme
from services.seed import ADMIN
from services.settings import Settings, to_environment
from services.users import User
from tests.fleet import Fleet
from tests.services.web.client import Client, in_process
from tests.services.web.conftest import PASSWORD, Service, new_user, serving
from tests.services.web.mounts import API, FIXED, GUARDED, MOUNTS, RENEWABLE, Mount, under

REFUSED_FIELDS = [{}, {"username": "x"}, {"username": 1, "password": "x"}, {"username": "\0", "password": "x"}]

every_mount = under(MOUNTS)
every_guarded = under(GUARDED)


@every_mount
def test_the_hot_read_is_the_same_bytes_everywhere(fleet: Fleet, mount: Mount) -> None:
    """What differs between schemes is the proof of who asks, not the answer."""
    answer = fleet.logged_in(*mount).get("profile")
    assert (answer.status, answer.body) == (200, PROFILE)


@every_mount
def test_every_answer_names_its_replica_and_is_not_to_be_kept(fleet: Fleet, mount: Mount) -> None:
    """Also refusals and paths that do not exist."""
    client = fleet.client(*mount)
    client.log_in(fleet.new_user(), fleet.password)
    client.get("profile")
    client.get("nothing")
    client.post("login", {})
    for answer in client.answers:
        assert answer.header("X-Replica").rpartition("-")[0] in {"replica", "bff"}
        assert answer.header("Cache-Control") == "no-store"


@every_guarded
def test_without_a_credential_everything_is_401(fleet: Fleet, mount: Mount) -> None:
    """And says what is missing."""
    client = fleet.client(*mount)
    answers = [client.get("profile"), client.get("sessions"), client.post("notes", {"text": "x"})]
    answers += [client.post("logout-everywhere"), client.post("password", {}), client.post("admin/ban", {})]
    assert {(answer.status, answer.reason) for answer in answers} == {(401, "missing")}


@under(FIXED)
def test_what_cannot_be_refreshed_says_so(fleet: Fleet, mount: Mount) -> None:
    """401 not-renewable, and the login lives on."""
    client = fleet.logged_in(*mount)
    assert client.refresh().reason == "not-renewable"
    assert client.get("profile").status == 200


@under(RENEWABLE)
def test_a_refresh_replaces_both_credentials_for_the_same_login(fleet: Fleet, mount: Mount) -> None:
    """A cookie client's CSRF token stays good, also when its access credential is gone."""
    client = fleet.logged_in(*mount)
    before = (client.credential, client.refresh_credential)
    client.cookies.pop("__Host-session", None)
    assert client.refresh().status == 200
    assert not {client.credential, client.refresh_credential} & set(before)
    assert client.post("notes", {"text": "x"}).status == 201


@every_mount
@pytest.mark.parametrize("fields", REFUSED_FIELDS, ids=repr)
def test_a_login_without_usable_fields_is_400(fleet: Fleet, mount: Mount, fields: object) -> None:
    """Never 500 and never 401: nothing was tried."""
    assert fleet.client(*mount).log_in("x", "").reason == "bad-field"
    assert fleet.client(*mount).post("login", fields).reason == "bad-field"


def test_notes_are_numbered_over_all_schemes_together(settings: Settings) -> None:
    """The replica numbers them one after the other, whoever writes, also beyond those it keeps."""
    with serving(replace(settings, notes_max=2)) as service:
        answers = [service.logged_in(*mount).post("notes", {"text": "x"}) for mount in API]
        assert {answer.status for answer in answers} == {201}
        assert [answer.json["number"] for answer in answers] == list(range(1, len(API) + 1))


def test_the_process_and_its_stores_are_asked_apart(service: Service) -> None:
    """/healthz asks nobody, /readyz the stores."""
    assert service.send("GET", "/healthz", {}, b"").json == {"status": "ok"}
    assert service.send("GET", "/readyz", {}, b"").json == {"status": "ready"}


def test_the_key_set_holds_public_keys_alone(service: Service) -> None:
    """Anybody may read it, so no secret is in it."""
    answer = service.send("GET", "/.well-known/jwks.json", {}, b"")
    keys = answer.json["keys"]
    assert isinstance(keys, list)
    assert [key["alg"] for key in keys] == ["RS256", "ES256", "EdDSA"]
    assert not [key for key in keys if {"d", "p", "q", "k"} & set(key)]
    assert answer.header("Cache-Control") == "public, max-age=60"


def test_only_the_schemes_that_are_asked_for_are_mounted(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the environment as a server has it; the others are 404."""
    for name, value in to_environment(replace(settings, schemes=("none", "jwt-hs256"))).items():
        monkeypatch.setenv(name, value)
    send = in_process(create_app())
    assert send("GET", "/none/bearer/profile", {}, b"").status == 200
    assert send("GET", "/jwt-hs256/cookie/profile", {}, b"").status == 401
    assert send("GET", "/redis-session/cookie/profile", {}, b"").reason == "not-found"


def test_a_scheme_nobody_knows_is_refused_at_the_start(settings: Settings) -> None:
    """Before a server listens, in one line."""
    with pytest.raises(CatalogueError, match="jwt-hs265"):
        create_app(replace(settings, schemes=("jwt-hs265",)))


def test_nothing_is_contacted_before_the_first_request(settings: Settings) -> None:
    """All schemes are built although no store is there, so a server may fork in between."""
    nowhere = replace(settings, database_url="postgresql://x@127.0.0.1:9/x", redis_url="redis://127.0.0.1:9/0")
    send = in_process(create_app(nowhere))
    assert send("GET", "/healthz", {}, b"").status == 200
    assert send("GET", "/readyz", {}, b"").status == 503


class Sliding(NoScheme):
    """Hands out a replacement at every read."""

    def issue(self, user: User, *, claims: Mapping[str, str] = {}) -> Grant:  # noqa: ARG002 - the contract's
        """The first credential."""
        return Grant("first", 60, "sid")

    def verify(self, credential: str) -> Verified:
        """Whoever asks gets the second."""
        return Verified("id", "user", "sid", 60, Grant("second", 60, "sid") if credential == "first" else None)


def _sliding(parts: Parts) -> Sliding:
    return Sliding(parts)


def test_a_replacement_reaches_the_client_whatever_it_asked(service: Service) -> None:
    """In a header of its own or a cookie; the body stays, and a CSRF token stays good."""
    send = in_process(assemble(service.parts, [replace(SCHEMES["none"], name="sliding", build=_sliding)]))
    bearer, cookie = Client(send, "sliding", "bearer"), Client(send, "sliding", "cookie")
    for client in (bearer, cookie):
        client.log_in(new_user(), PASSWORD)
        assert client.get("profile").body == PROFILE
    assert bearer.answers[-1].header("X-New-Token") == "second"
    assert cookie.credential == "second"
    assert cookie.post("notes", {"text": "x"}).status == 201
    assert cookie.get("profile").cookie_lines == ()


@under(RENEWABLE)
def test_a_whole_life_in_this_process(service: Service, mount: Mount) -> None:
    """Every endpoint once with each ending it has, without a server between: what fleets answer comes from here."""
    name, new = new_user(), f"{PASSWORD} 2"
    client, admin = service.logged_in(*mount, name), service.logged_in(*mount, ADMIN)
    assert client.log_in(name, PASSWORD).status == 200
    assert client.log_in(name, "wrong").reason == "invalid-login"
    assert client.post("notes", {"text": "x"}).status == 201
    assert len(client.get("sessions").json["sessions"]) == 1  # type: ignore[arg-type]
    assert client.refresh().status == 200
    assert client.post("password", {"password": "wrong", "new_password": new}).reason == "wrong-password"
    assert client.post("password", {"password": PASSWORD, "new_password": new}).json == {"ended": 0}
    assert client.post("admin/revoke", {"username": name}).reason == "not-admin"
    assert client.post("logout-everywhere").json == {"ended": 1}
    assert client.log_in(name, new).status == 200
    assert admin.post("admin/revoke", {"username": "nobody-at-all"}).reason == "no-such-user"
    assert admin.post("admin/revoke", {"username": name}).json == {"ended": 1}
    assert admin.post("admin/ban", {"username": name}).json == {"ended": 0}
    assert client.log_in(name, new).reason == "banned"
    assert client.log_out().status == 200
