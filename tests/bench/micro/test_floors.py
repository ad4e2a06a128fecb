"""Microbenchmarks compare like with like: the floor does the same work, on real servers."""

from collections.abc import Callable, Sequence

import pytest
from falcon import testing

from bench.analysis.model import Estimate
from bench.micro import server, verify
from bench.micro.bare_app import create_app
from bench.micro.pairing import Call
from bench.stack.foundation import Foundation
from bench.stack.supervisor import Supervisor
from services.endpoints import PROFILE

EXACTLY = Estimate(1.0, 1.0, 1.0)


def test_the_bare_app_answers_what_the_service_does() -> None:
    """The same bytes for the hot read, and a login that lets a visitor in."""
    client = testing.TestClient(create_app())
    assert client.simulate_get("/none/bearer/profile").content == PROFILE
    assert client.simulate_post("/none/bearer/login").json["expires_in"] > 0


@pytest.mark.stack
def test_a_floor_accepts_what_the_scheme_accepts(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every credential is live for both sides: the bare library finds the session and accepts the token."""
    compared: list[int] = []

    def compare(call: Call, floor: Call, credentials: Sequence[str]) -> Estimate:
        found = [(call(credential), floor(credential)) for credential in credentials]
        compared.append(sum(bool(ours) and bool(theirs) for ours, theirs in found))
        return EXACTLY

    monkeypatch.setattr(verify, "CREDENTIALS", 12)
    monkeypatch.setattr(verify, "ratio_to_floor", compare)
    found = {one.scheme: one.floor for one in verify.ratios(supervisor)}
    hardened = "hardened jwt.decode"
    assert found == {"jwt-hs256": hardened, "jwt-rs256": hardened, "redis-session": "redis-py GETEX"}
    assert compared == [12, 12, 12]


@pytest.mark.stack
def test_both_servers_are_loaded_and_accounted_for(foundation: Foundation, monkeypatch: pytest.MonkeyPatch) -> None:
    """One short pair: both answer, both have cost something, and nothing of them runs on."""
    _shorten(monkeypatch.setattr)
    before = len(foundation.supervisor._processes)
    ratio = server.ratio_to_bare(foundation)
    assert ratio.value > 0
    started = foundation.supervisor._processes[before:]
    assert {process.command.name.split("-")[0] for process in started} == {"service", "bare", "generator"}
    assert not any(process.alive for process in started)


def _shorten(put: Callable[[object, str, object], None]) -> None:
    for name, value in {"PAIRS": 1, "SECONDS": 1, "RATE_RPS": 20, "VISITORS": 8}.items():
        put(server, name, value)
