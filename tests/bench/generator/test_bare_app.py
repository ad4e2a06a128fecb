"""The server everybody loads: it lets in who logged in, refuses everybody else, and stamps both."""

from collections.abc import Mapping

import numpy as np
import pytest
from falcon import testing

from bench.generator.bare_app import CARRIERS, create_app
from bench.generator.stamps import BITS, CODES, MASK
from services.contract import Carrier
from services.endpoints import PROFILE

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def client() -> testing.TestClient:
    """Of an app of its own."""
    return testing.TestClient(create_app())


def _log_in(client: testing.TestClient, carrier: Carrier) -> Mapping[str, str]:
    answer = client.simulate_post(f"/bare/{carrier}/login", json={})
    if carrier == "bearer":
        return {"Authorization": f"Bearer {answer.json['access_token']}"}
    cookies = {name: cookie.value for name, cookie in answer.cookies.items()}
    sent = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return {"Cookie": sent, "X-CSRF-Token": cookies["__Host-csrf"]}


def _codes(client: testing.TestClient) -> list[int]:
    marks = np.frombuffer(client.simulate_get("/stamps").content, np.int64)
    assert list(marks >> BITS) == sorted(marks >> BITS)
    return [int(code) for code in marks & MASK]


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_journey_is_let_through_and_stamped(client: testing.TestClient, carrier: Carrier) -> None:
    """Login, read, write and logout are answered as the service does, one mark each, in their order."""
    headers = _log_in(client, carrier)
    read = client.simulate_get(f"/bare/{carrier}/profile", headers=headers)
    assert (read.content, read.headers["X-Replica"]) == (PROFILE, "bare")
    assert client.simulate_post(f"/bare/{carrier}/notes", json={}, headers=headers).status_code == 201
    assert client.simulate_post(f"/bare/{carrier}/logout", json={}, headers=headers).status_code == 200
    assert _codes(client) == [CODES[kind] for kind in ("login", "profile", "notes", "logout")]


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_credential_that_is_forgotten_is_seen(client: testing.TestClient, carrier: Carrier) -> None:
    """Without one, and with the one of before the logout: 401, and a mark beside the request's."""
    headers = _log_in(client, carrier)
    client.simulate_post(f"/bare/{carrier}/logout", json={}, headers=headers)
    for sent in ({}, headers):
        assert client.simulate_get(f"/bare/{carrier}/profile", headers=sent).status_code == 401
    refused = [CODES["profile"], CODES["refused"]]
    assert _codes(client) == [CODES["login"], CODES["logout"], *refused, *refused]


def test_a_cookie_alone_changes_nothing(client: testing.TestClient) -> None:
    """A write without the CSRF header is refused with 403, and marked."""
    headers = {"Cookie": _log_in(client, "cookie")["Cookie"]}
    assert client.simulate_post("/bare/cookie/notes", json={}, headers=headers).status_code == 403
    assert _codes(client) == [CODES["login"], CODES["notes"], CODES["refused"]]


def test_stamps_are_handed_over_once(client: testing.TestClient) -> None:
    """What was asked for is gone; requests outside a journey leave no mark."""
    _log_in(client, "bearer")
    client.simulate_get("/healthz")
    assert _codes(client) == [CODES["login"]]
    assert _codes(client) == []
