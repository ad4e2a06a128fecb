"""A whole gate run: what it silences, what it leaves void, and every gate in its place."""

from pathlib import Path

import pytest

from bench.analysis.model import Estimate
from bench.gates.model import Canary, CellGate, CellName, Config, GateStatus, Judged, MicroGate
from bench.gates.run import Asked, judge, silenced

SLOW = Judged(
    MicroGate("verify", "jwt-hs256", "verify"), "fail", "1.1x", "<= 1.05x", "slower", ratio=Estimate(1.1, 1.08, 1.12)
)
NOISY = Canary("micro", "inconclusive", Estimate(1.0, 0.8, 1.2), "it knows itself only to +/- 20 %")
CALM = Canary("micro", "pass", Estimate(1.0, 0.99, 1.01), "no difference")


@pytest.mark.parametrize("status", ["pass", "fail", "inconclusive"])
def test_a_noisy_machine_tells_nothing(status: GateStatus) -> None:
    """Neither red nor green where the base differs from itself; the figure stays, the reason is the canary's."""
    judged = Judged(SLOW.gate, status, SLOW.found, SLOW.bar, SLOW.why, ratio=SLOW.ratio)
    told = silenced(judged, NOISY)
    assert told.status == "inconclusive"
    assert NOISY.why in told.why
    assert told.ratio == SLOW.ratio
    assert silenced(judged, CALM) is judged


def test_what_was_not_measured_stays_so() -> None:
    """A gate the base has nothing for is void, whatever the canary says."""
    void = Judged(SLOW.gate, "void", "", SLOW.bar, "the base does not have it")
    assert silenced(void, NOISY) is void


def test_without_a_base_nothing_is_compared(tmp_path: Path) -> None:
    """Relative gates are void, each with what to do, in the order of the configuration; nothing is started."""
    gates = (CellGate("cell", CellName("none"), "cpu", 0.1), SLOW.gate)
    found = judge(Asked(Config(gates, tmp_path / "gates.toml"), tmp_path), lambda _: None)
    assert [judged.gate for judged in found.judged] == list(gates)
    assert {judged.status for judged in found.judged} == {"void"}
    assert {judged.next_step for judged in found.judged} == {"name one: --base REF"}
    assert (found.base, found.canaries, found.status) == (None, (), "void")


def test_a_base_that_nothing_asks_for_is_not_built(tmp_path: Path) -> None:
    """Not even looked for: gates that count need no git."""
    asked = Asked(Config((), tmp_path / "gates.toml"), tmp_path, base="no-such-commit")
    assert judge(asked, lambda _: None).judged == ()
