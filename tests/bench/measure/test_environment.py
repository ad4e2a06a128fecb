"""What a run says about its machine, and which machines are too unlike to compare."""

import json
import platform
from dataclasses import replace
from pathlib import Path

import pytest

from bench.measure import environment
from bench.measure.environment import (
    Conditions,
    Environment,
    cpu_model,
    describe,
    from_jsonable,
    likeness,
    machine_busy_ns,
    other_load_ratio,
    read_busy_ns,
    to_jsonable,
)

HERE = Environment(
    cpu_model="Example CPU 3000",
    cores=2,
    memory_bytes=8 << 30,
    architecture="x86_64",
    system="Example Linux 12",
    kernel="Linux 6.1.0-18",
    python="CPython 3.11.2",
    libraries={"falcon": "4.2.0"},
    servers={"haproxy": "2.8.20", "postgres": "18.1"},
)
RUN = Conditions(HERE, ("none-1", "redis-session-1"))


def test_this_machine_is_described_whole() -> None:
    """No field is left empty, the libraries under test are named, and JSON gives the equal environment back."""
    here = describe({"haproxy": "2.8.20"})
    assert [name for name, value in to_jsonable(here).items() if not value] == ["target"]
    assert {"falcon", "locust", "pyjwt"} <= set(here.libraries)
    assert from_jsonable(json.loads(json.dumps(to_jsonable(here)))) == here


def test_a_machine_that_tells_little_is_described_all_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without /proc/cpuinfo, os-release or a library the description falls back to what is known."""

    def absent() -> dict[str, str]:
        raise OSError

    monkeypatch.setattr(environment, "CPUINFO", tmp_path / "missing")
    monkeypatch.setattr(platform, "freedesktop_os_release", absent)
    monkeypatch.setattr(environment, "LIBRARIES", ("falcon", "no-such-library-of-ours"))
    here = describe({})
    assert (here.cpu_model, here.system) == (here.architecture, "Linux")
    assert list(here.libraries) == ["falcon"]


def test_cpu_model_is_the_first_one_named() -> None:
    """Every core repeats it; some architectures do not name one."""
    assert cpu_model("processor\t: 0\nmodel name\t: Example: CPU\nmodel name\t: Other\n") == "Example: CPU"
    assert cpu_model("processor\t: 0\nBogoMIPS\t: 50\n") == ""


def test_another_shape_is_refused() -> None:
    """A header of another tool is not an environment."""
    with pytest.raises(ValueError, match=r"found no environment .* expected"):
        from_jsonable({"host": "example"})


def test_equal_conditions_have_no_difference() -> None:
    """A run is like itself, whatever the order of its arms."""
    assert likeness(RUN, Conditions(HERE, RUN.company[::-1])) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"cpu_model": "Other"}, "CPU: Example CPU 3000 against Other"),
        ({"cores": 4}, "cores: 2 against 4"),
        ({"kernel": "Linux 5.15.0"}, "kernel: Linux 6 against Linux 5"),
        ({"python": "CPython 3.12.1"}, "Python: CPython 3.11 against CPython 3.12"),
        ({"servers": {"haproxy": "3.0", "postgres": "18.1"}}, "server haproxy: 2.8.20 against 3.0"),
        ({"servers": {"haproxy": "2.8.20"}}, "server postgres: 18.1 against none"),
    ],
)
def test_what_makes_environments_unlike(change: dict[str, object], told: str) -> None:
    """Each is told in one line, both sides named."""
    other = from_jsonable({**to_jsonable(HERE), **change})
    assert likeness(RUN, Conditions(other, RUN.company)) == [told]


def test_of_a_target_nothing_is_known() -> None:
    """This machine only generates the load there, so only that software is named; its runs are unlike ours."""
    away = describe({}, target="http://lb:8080")
    assert set(away.libraries) == {"locust", "gevent", "httptools"}
    other = replace(HERE, target="http://lb:8080")
    assert likeness(RUN, Conditions(other, RUN.company)) == ["target: a stack of its own against http://lb:8080"]


def test_another_company_makes_runs_unlike() -> None:
    """A cell's cost depends on the arms loaded beside it."""
    assert likeness(RUN, Conditions(HERE, ("none-1",))) == ["arms: none-1, redis-session-1 against none-1"]


def test_patches_and_libraries_may_differ() -> None:
    """A kernel's or Python's patch release, memory and libraries do not forbid a comparison."""
    other = replace(HERE, kernel="Linux 6.8.0", python="CPython 3.11.9", memory_bytes=1, libraries={"falcon": "5.0"})
    assert likeness(RUN, Conditions(other, RUN.company)) == []


def test_busy_time_by_hand() -> None:
    """User 100, nice 1, system 50, irq 2, softirq 3, steal 4 ticks of 10 ms: 160 ticks are 1.6 s; idle is not busy."""
    stat = "cpu  100 1 50 9000 70 2 3 4 5 6\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
    assert machine_busy_ns(stat, 100) == 1_600_000_000


def test_busy_time_of_this_machine_only_grows() -> None:
    """Two readings of the kernel's own counter, the second never below the first."""
    first = read_busy_ns()
    assert 0 <= first <= read_busy_ns()


def test_busy_time_unknown() -> None:
    """A text without the line of all cores says so."""
    with pytest.raises(ValueError, match="expected /proc/stat"):
        machine_busy_ns("intr 1 2 3", 100)


def test_other_load_by_hand() -> None:
    """2 cores over 10 s: 12 s busy of which 8 s ours leave 4 of 20 s: 20 %; less than nothing is nothing."""
    assert other_load_ratio(12e9, 8e9, 10e9, 2) == pytest.approx(0.2)
    assert other_load_ratio(7.9e9, 8e9, 10e9, 2) == 0
