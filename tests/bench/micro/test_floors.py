"""Microbenchmarks compare like with like: the floor does the same work, on real servers."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from falcon import testing

from bench.micro import server
from bench.micro.bare import resp
from bench.micro.bare_app import create_app
from bench.micro.case import Bare
from bench.micro.effort import EFFORTS, Equipment, read_equipment, write_equipment
from bench.micro.floors import ISSUE, VERIFY
from bench.micro.laboratory import Laboratory, StoreName, backend, open_laboratory
from bench.micro.store_floors import GET, SET, TAKE, TOUCH
from bench.stack.foundation import Foundation
from bench.stack.supervisor import Supervisor
from bench.stack.valkey import start_valkey
from services.catalogue import SCHEMES
from services.contract import RejectedError
from services.endpoints import PROFILE

PARSED_AT_EVERY_CALL = "jwt-rs256-pem"


@pytest.fixture(scope="module")
def laboratory(supervisor: Supervisor, foundation: Foundation) -> Iterator[Laboratory]:
    """Over a Valkey and a database of its own."""
    valkey = start_valkey(supervisor, "micro-valkey", on_socket=True)
    cluster = foundation.cluster
    cluster.create_database("micro_floors", foundation.template)
    settings = replace(
        foundation.settings,
        redis_url=valkey.url,
        redis_password_file=valkey.password_file,
        database_url=cluster.url("micro_floors"),
    )
    equipment = Equipment(EFFORTS["quick"], valkey.socket_url, valkey.process.pid, Path("told"))
    with open_laboratory(settings, equipment) as laboratory:
        yield laboratory
    cluster.drop_database("micro_floors")


def _does_its_work(bare: Bare, given: object) -> bool:
    """Whether it found what is there: redis answers a miss with None, its wire with a length of -1."""
    found = bare.call(bare.given(given))
    return found is not None and not (isinstance(found, bytes) and found.startswith((b"$-1", b"-")))


@pytest.mark.stack
@pytest.mark.parametrize("name", [name for name in VERIFY if name != PARSED_AT_EVERY_CALL])
def test_a_floor_accepts_what_the_scheme_accepts(name: str, laboratory: Laboratory) -> None:
    """A live credential is live for both sides: the bare library finds the session and accepts the token."""
    scheme = laboratory.scheme(SCHEMES[name])
    credential = scheme.issue(laboratory.people(1)[0]).credential
    assert scheme.verify(credential).user_id
    floors = VERIFY[name](laboratory, scheme)
    assert floors
    assert all(_does_its_work(bare, credential) for bare in floors)


@pytest.mark.stack
@pytest.mark.parametrize("name", [name for name in ISSUE if name != PARSED_AT_EVERY_CALL])
def test_a_floor_signs_what_the_scheme_signs(name: str, laboratory: Laboratory) -> None:
    """The scheme itself accepts the token that the bare library made."""
    scheme = laboratory.scheme(SCHEMES[name])
    (bare,) = ISSUE[name](laboratory, scheme)
    assert scheme.verify(str(bare.call(bare.given(laboratory.people(1)[0])))).user_id


@pytest.mark.stack
@pytest.mark.parametrize("name", get_args(StoreName))
def test_a_floor_does_what_the_store_does(name: StoreName, laboratory: Laboratory) -> None:
    """It reads, notes the use of and ends the store's own sessions, and what it begins is a row or a key."""
    settings = laboratory.settings_of(name)
    store, servers = laboratory.store(name, settings)
    assert (name == "memory") == (not servers)
    credential = store.create(*_person(laboratory)).credential
    for floors in (GET, TOUCH, TAKE):
        assert all(_does_its_work(bare, credential) for bare in floors[name](laboratory, settings))
    assert all(_does_its_work(bare, laboratory.people(1)[0]) for bare in SET[name](laboratory, settings))
    if name != "memory":
        with pytest.raises(RejectedError):
            store.read(credential)


@pytest.mark.stack
def test_every_step_knows_whom_it_asks(laboratory: Laboratory) -> None:
    """By process: nobody for a signature, Valkey for a lookup, both stores for a BFF's login."""
    valkey, postgres = laboratory.equipment.valkey_pid, backend(laboratory.parts)
    assert laboratory.servers(SCHEMES["jwt-hs256"], "verify") == ()
    assert laboratory.servers(SCHEMES["redis-session"], "verify") == (valkey,)
    assert set(laboratory.servers(SCHEMES["bff"], "issue")) == {valkey, postgres}
    assert laboratory.servers(SCHEMES["postgres-session"], "verify", aged=True) == (backend(laboratory.aged),)


@pytest.mark.stack
def test_nobody_is_met_twice(laboratory: Laboratory) -> None:
    """People come one after the other, and time passes for them as it is told to."""
    first, second = laboratory.people(3), laboratory.people(3)
    assert len({user.id for user in (*first, *second)}) == 6
    laboratory.clock.offset_s = 1000.0
    assert laboratory.clock() - laboratory.parts.clock() > 999
    laboratory.clock.offset_s = 0.0


def test_a_command_is_spelled_as_the_protocol_has_it() -> None:
    """An array of bulk strings, each after its length in bytes."""
    assert resp(b"GETEX", b"a\r\nb") == b"*2\r\n$5\r\nGETEX\r\n$4\r\na\r\nb\r\n"


def test_the_suites_are_told_what_was_written(tmp_path: Path) -> None:
    """Effort, stores and all."""
    equipment = Equipment(EFFORTS["standard"], "unix:///run/valkey.sock", 17, tmp_path / "told")
    write_equipment(tmp_path / "equipment.json", equipment)
    assert read_equipment(tmp_path / "equipment.json") == equipment


def _person(laboratory: Laboratory) -> tuple[str, str]:
    (user,) = laboratory.people(1)
    return user.id, user.role


def test_the_bare_app_answers_what_the_service_does() -> None:
    """The same bytes for the hot read, and a login that lets a visitor in."""
    client = testing.TestClient(create_app())
    assert client.simulate_get("/none/bearer/profile").content == PROFILE
    assert client.simulate_post("/none/bearer/login").json["expires_in"] > 0


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
