"""`authbench list` and `authbench doctor`: what there is, and whether it can be used."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from authbench import doctor, listing
from authbench.exits import Exit
from bench.stack import binaries
from services.catalogue import SCHEMES, CatalogueError
from services.contract import Bound
from tests.authbench.conftest import Ask


def test_every_scheme_is_listed(ask: Ask) -> None:
    """The table and the JSON hold the whole catalogue in its order."""
    told = json.loads(ask("list", "--json").out)
    assert [scheme["name"] for scheme in told] == list(SCHEMES)
    names = [line.split(" ")[0] for line in ask("list").out.splitlines()]
    assert [name for name in names if name] == ["scheme", *SCHEMES]


def test_a_claim_is_the_scheme_s_own(ask: Ask) -> None:
    """What a scheme is said to do is what its traits say."""
    told = {scheme["name"]: scheme for scheme in json.loads(ask("list", "--json").out)}
    assert told["memory-session"]["needs_affinity"] is True
    assert told["memory-session"]["revoked"] == "at once, this replica"
    assert told["jwt-rs256"]["revoked"] == "at expiry"
    assert told["redis-session"] | {"stores": "redis", "revoked": "at once"} == told["redis-session"]
    assert told["jwt-hs256"]["carriers"] == "bearer, cookie"
    assert told["refresh-token"]["revoked"] == "at expiry, renewal at once"
    assert told["none"]["revoked"] == "nothing to end"
    for name, spec in SCHEMES.items():
        assert told[name]["can_list_sessions"] is spec.traits.can_list_sessions
        assert told[name]["can_limit_sessions"] is spec.traits.can_limit_sessions
        assert told[name]["antipattern"] == spec.traits.antipattern


@pytest.mark.parametrize("columns", ["20", "80", "300"])
def test_the_table_shows_what_a_scheme_cannot_do(ask: Ask, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    """Whatever the width of the terminal, no column is lost, and every anti-pattern is marked as one."""
    monkeypatch.setenv("COLUMNS", columns)
    lines = ask("list").out.splitlines()
    assert max(map(len, lines)) <= {"20": 80, "80": 80, "300": 120}[columns]
    rows = {line.split(" ")[0]: line.split() for line in lines if not line.startswith(" ")}
    assert rows["scheme"][-2:] == ["logins", "logins"]
    for name, spec in SCHEMES.items():
        can = (spec.traits.can_list_sessions, spec.traits.can_limit_sessions)
        assert rows[name][-2:] == ["yes" if one else "no" for one in can]
    marked = sum("ANTI-PATTERN" in line for line in lines)
    assert marked == sum(bool(spec.traits.antipattern) for spec in SCHEMES.values())


@pytest.mark.parametrize(
    ("bound", "told"), [(None, "never"), (Bound(30), "in 30 s"), (Bound(0, "this replica"), "at once, this replica")]
)
def test_a_bound_is_told_in_words(bound: Bound | None, told: str, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin may promise any bound, or none."""
    traits = replace(SCHEMES["none"].traits, revoked_within={"logout": bound} if bound else {})
    spec = replace(SCHEMES["none"], name="plugin", summary="a [bold] one", traits=traits)
    monkeypatch.setattr(listing, "schemes", lambda: {"plugin": spec})
    (claims,) = json.loads(ask("list", "--json").out)
    assert claims["revoked"] == told
    assert "a [bold] one" in ask("list").out


def test_doctor_names_what_a_run_would_use(ask: Ask) -> None:
    """Every server with its version, and that this machine can run them."""
    answer = ask("doctor")
    for binary in binaries.found():
        assert f"{binary.name} " in answer.out
        assert binary.version in answer.out
    assert answer.code == Exit.OK


def test_doctor_says_what_is_missing(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that cannot be had blocks: it is told with what to do, and the exit code is 3."""
    monkeypatch.setenv("AUTHBENCH_HAPROXY", "/nope")
    answer = ask("doctor")
    assert answer.code == Exit.NOT_READY
    (line,) = (line for line in answer.out.splitlines() if line.startswith("no "))
    assert line.split() == ["no", "haproxy", "missing"]
    assert "AUTHBENCH_HAPROXY: found '/nope', expected an executable" in " ".join(answer.out.split())


def test_doctor_survives_a_broken_plugin(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin that cannot be loaded is a finding, not the end."""

    def broken() -> None:
        message = "plugin 'x': found nothing"
        raise CatalogueError(message)

    monkeypatch.setattr(doctor, "schemes", broken)
    answer = ask("doctor")
    assert answer.code == Exit.NOT_READY
    assert "plugin 'x': found nothing" in answer.out


def test_doctor_tells_a_small_machine_from_one_that_cannot(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """One core and busy neighbours make figures weak; too little memory, disk or files stops a run."""
    monkeypatch.setattr(doctor, "CORES_MIN", 10_000)
    monkeypatch.setattr(doctor, "OTHERS_MAX_RATIO", -1.0)
    monkeypatch.setattr(doctor, "LOOK_S", 0.01)
    weak = ask("doctor")
    assert weak.code == Exit.OK
    assert [line.split()[1] for line in weak.out.splitlines() if line.startswith("weak")] == ["cores", "other"]
    for least in ("MEMORY_MIN_BYTES", "DISK_MIN_BYTES", "FILES_MIN"):
        monkeypatch.setattr(doctor, least, 2**70)
    lacking = ask("doctor")
    assert lacking.code == Exit.NOT_READY
    found = [line.split()[1] for line in lacking.out.splitlines() if line.startswith("no ")]
    assert {"memory", "disk"} <= set(found) <= {"memory", "disk", "open"}  # some machines have no limit on files


def test_memory_counts_what_the_cache_would_give_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose memory is full of cached files has memory for a run."""
    text = "MemTotal:  8000000 kB\nMemFree:  100 kB\nMemAvailable:  5000000 kB\nCached:  4999900 kB\n"
    (tmp_path / "meminfo").write_text(text, encoding="ascii")
    monkeypatch.setattr(doctor, "MEMINFO", tmp_path / "meminfo")
    (memory,) = (finding for finding in doctor._machine() if finding.what == "memory")
    assert memory.found == "4.8 GiB free"
    assert memory.todo == ""
