"""SECURITY row 28 over HTTP: a store that is down says nothing about a credential."""

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from services.settings import Settings
from tests.services.web.client import Client
from tests.services.web.conftest import PASSWORD, new_user, serving


@pytest.fixture(params=["dead", "hung"])
def silent_port(request: pytest.FixtureRequest) -> Iterator[int]:
    """Where nobody listens, or where somebody does and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        if request.param == "dead":
            listener.close()
            with socket.socket() as taken:
                taken.bind(("127.0.0.1", 0))
                yield taken.getsockname()[1]
        else:
            yield listener.getsockname()[1]


@pytest.mark.parametrize("carrier", ["cookie", "bearer"])
def test_row_28_without_redis_a_session_is_503_and_kept(settings: Settings, silent_port: int, carrier: str) -> None:
    """Reads, writes and the end of a login: never 200, never 401, no cookie touched; other schemes go on."""
    broken = replace(settings, redis_url=f"redis://127.0.0.1:{silent_port}/0", store_timeout_s=0.1)
    with serving(broken) as service, serving(settings) as working:
        holder = working.logged_in("redis-session", carrier)
        client = Client(service.send, "redis-session", carrier, holder.cookies, holder.tokens)
        late = service.client("redis-session", carrier)
        late.log_in(new_user(), PASSWORD)
        client.get("profile")
        client.get("sessions")
        for path, fields in (("notes", {"text": "x"}), ("logout-everywhere", None), ("logout", None)):
            client.post(path, fields)
        for answer in client.answers + late.answers:
            assert (answer.status, answer.reason, answer.cookie_lines) == (503, "store-down", ())
            assert int(answer.header("Retry-After")) > 0
        assert service.send("GET", "/readyz", {}, b"").status == 503
        assert service.send("GET", "/healthz", {}, b"").status == 200
        assert service.logged_in("jwt-hs256", carrier).get("profile").status == 200
        assert holder.get("profile").status == 200


@pytest.mark.parametrize("carrier", ["cookie", "bearer"])
def test_row_28_without_postgres_login_and_refresh_are_503(settings: Settings, silent_port: int, carrier: str) -> None:
    """What needs no database goes on: access tokens and sessions elsewhere are read as before."""
    url = f"postgresql://authbench@127.0.0.1:{silent_port}/nothing"
    with serving(replace(settings, database_url=url, store_timeout_s=0.1)) as service, serving(settings) as working:
        holder = working.logged_in("refresh-token", carrier)
        client = Client(service.send, "refresh-token", carrier, dict(holder.cookies), dict(holder.tokens))
        answers = [client.refresh(), client.log_out(), service.client("none", carrier).log_in(new_user(), PASSWORD)]
        for answer in answers:
            assert (answer.status, answer.reason, answer.cookie_lines) == (503, "store-down", ())
            assert int(answer.header("Retry-After")) > 0
        assert client.get("profile").status == 200
        assert holder.refresh().status == 200
