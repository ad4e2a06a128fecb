"""Counts of instructions are read from callgrind, told as hints, and never block."""

import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from bench.gates import instructions
from bench.gates.instructions import Counted, Traced, advice, judge_instructions, total, traced
from bench.gates.model import InstructionsGate
from bench.gates.protocol import Benchmark, Errand, Worker
from bench.gates.rig import Rig, open_rig
from bench.gates.tree import Trees
from bench.stack.errors import NotReadyError
from bench.stack.supervisor import Supervisor
from tests.bench.gates.trees import OURS

GATE = InstructionsGate("verify stays lean", "jwt-hs256")
TREES = Trees(OURS, OURS)


def silent(_text: str) -> None:
    """Nobody looks on."""


def test_a_profile_tells_its_total() -> None:
    """Both names of the line that callgrind has had are known."""
    assert total("version: 1\nevents: Ir\nsummary: 4711\n\nfn=(1) main\n1 4711\n") == 4711
    assert total("events: Ir\ntotals: 12\n") == 12


def test_a_profile_without_a_total_is_told() -> None:
    """What was cut short is no count of zero."""
    with pytest.raises(ValueError, match="found 'version: 1', expected a callgrind profile"):
        total("version: 1")


@pytest.mark.parametrize(("candidate", "has_next_step"), [(100_900.0, False), (101_100.0, True), (50_000.0, False)])
def test_a_count_is_a_hint_and_never_blocks(candidate: float, *, has_next_step: bool) -> None:
    """Beyond the margin it says where to look; whatever it says, no run fails for it."""
    judged = advice(GATE, TREES, Counted(100_000.0, candidate))
    assert (judged.status, judged.blocking, bool(judged.next_step)) == ("advice", False, has_next_step)
    assert judged.found == f"{candidate / 100_000:.4f}x ({candidate:,.0f} instructions)"
    assert judged.bar == "<= 1.01x"
    assert judged.raw == {"base": 100_000.0, "candidate": candidate}


def test_without_a_base_there_is_nothing_to_count() -> None:
    """It is void, and says how to name one."""
    (judged,) = judge_instructions([GATE], None, silent)
    assert (judged.status, judged.next_step) == ("void", "name one: --base REF")


def test_without_valgrind_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is void, and says what to install."""
    monkeypatch.setenv("PATH", "")
    (judged,) = judge_instructions([GATE], TREES, silent)
    assert (judged.status, judged.blocking) == ("void", False)
    assert judged.why == "valgrind is not on PATH"
    assert judged.next_step == "install it: apt install valgrind"


def test_no_gates_are_no_work() -> None:
    """Nothing is started for nothing."""
    assert judge_instructions([], TREES, silent) == ()


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """One for calls that ask no store."""
    with open_rig(TREES, [Benchmark("none", "verify")]) as rig:
        yield rig


@pytest.fixture
def traceable(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has the tracer, and a rig that is there already."""
    monkeypatch.setattr(instructions, "TRACER", "sh")
    monkeypatch.setattr(instructions, "open_rig", lambda _trees, _benchmarks: nullcontext(rig))


@pytest.mark.usefixtures("traceable")
def test_a_call_that_a_commit_lacks_is_void() -> None:
    """Nothing is traced for what cannot be called."""
    (judged,) = judge_instructions([InstructionsGate("renewals stay lean", "none", step="renew")], TREES, silent)
    assert (judged.status, judged.why) == ("void", "here does not have none renew")


@pytest.mark.usefixtures("traceable")
def test_counts_are_told_and_what_cannot_be_counted_is_void(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that forbids tracing costs a hint and no more; the rest is judged."""
    counts = iter([Counted(10.0, 10.0)])

    def counted(_rig: Rig, _trees: Trees, _benchmark: Benchmark) -> Counted:
        for one in counts:
            return one
        message = "callgrind_control: found nothing"
        raise NotReadyError(message)

    monkeypatch.setattr(instructions, "count", counted)
    told: list[str] = []
    advised, void = judge_instructions([GATE, GATE], TREES, told.append)
    assert (advised.status, advised.ratio) == ("advice", None)
    assert (void.status, void.why) == ("void", "callgrind_control: found nothing")
    assert told == ["jwt-hs256 verify: counting instructions"] * 2


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not on PATH")
def test_a_call_takes_the_instructions_callgrind_counts(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round of four times the calls counts more; the difference is that of calls alone: some, and not a start's."""
    monkeypatch.setattr(instructions, "FEW", 10)
    monkeypatch.setattr(instructions, "MANY", 40)
    errand = traced(Errand("base", {}), tmp_path)
    with Worker(supervisor, OURS, errand) as worker:
        assert 100 < Traced(worker, tmp_path).count(Benchmark("none", "verify")) < 100_000


TRACER = """#!/bin/sh
echo "${{3#*=}}" > {folder}/$$
shift 3
exec "$@"
"""
CONTROL = """#!/bin/sh
echo "  OK."
[ "$1" = --dump ] || exit 0
profile=$(cat {folder}/$2)
if [ -e "$profile.1" ]; then echo "totals: 1300" > "$profile.2"; else echo "totals: 1000" > "$profile.1"; fi
"""


def test_a_call_is_what_two_rounds_differ_by(rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Base and candidate run under the tracer, and each one's newest profile is read: 300 more for 30 calls more."""
    for name, text in (("TRACER", TRACER), ("CONTROL", CONTROL)):
        monkeypatch.setattr(instructions, name, str(executable(tmp_path / name, text.format(folder=tmp_path))))
    monkeypatch.setattr(instructions, "FEW", 10)
    monkeypatch.setattr(instructions, "MANY", 40)
    assert instructions.count(rig, TREES, Benchmark("none", "verify")) == Counted(10.0, 10.0)


def executable(path: Path, text: str) -> Path:
    """A script at `path`."""
    path.write_text(text)
    path.chmod(0o700)
    return path


@pytest.mark.parametrize(("script", "found"), [("exec sleep 60", "nothing"), ("echo not detected >&2", "not detected")])
def test_a_process_that_cannot_be_reached_is_told(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, found: str
) -> None:
    """A control that hangs or refuses is one line, with what to do."""
    control = executable(tmp_path / "control", f"#!/bin/sh\n{script}\n")
    monkeypatch.setattr(instructions, "CONTROL", str(control))
    monkeypatch.setattr(instructions, "CONTROL_S", 0.5)
    with (
        Worker(supervisor, OURS, Errand("base", {})) as worker,
        pytest.raises(NotReadyError, match="allow ptrace") as no,
    ):
        Traced(worker, tmp_path).count(Benchmark("none", "verify"))
    assert f"found {found!r}, expected it to reach" in str(no.value)
