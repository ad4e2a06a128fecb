"""A stage holds real visitors; what is done to it stands in its records, which agree with the load balancer."""

from dataclasses import replace

import pytest

from bench.consequences.lab import Deed, Lab
from bench.consequences.reading import failed, logged_out
from loadtests.plan import SlicePlan

QUIET = SlicePlan("latency", 20, 1, pinned=False)
FAULT = SlicePlan("latency", 20, 2, pinned=False)


@pytest.mark.stack
def test_a_deed_is_done_and_told(lab: Lab) -> None:
    """Without deeds nobody notices anything; a killed replica's sessions are gone, told by mark and by samples."""
    plan = lab.arm("memory-session", visitors=8, label="killed")
    other = lab.arm("memory-session", visitors=8, label="left-alone")
    with lab.stage([plan, other], [QUIET, FAULT]) as stage:
        (replica,) = stage.arms[plan.id].replicas
        quiet = stage.load(0)
        assert not any(failed(sample) or logged_out([sample]) for seen in quiet.values() for sample in seen.samples)
        assert [seen.marks for seen in quiet.values()] == [(), ()]
        deeds = [Deed(0.5, "replica killed", replica.kill, plan.id), Deed(0.6, "started", replica.start, plan.id)]
        seen = stage.load(1, deeds)
    hit, spared = seen[plan.id], seen[other.id]
    assert [mark.what for mark in hit.marks] == ["replica killed", "started"]
    assert logged_out(hit.since(hit.marks[1]))
    assert not any(failed(sample) or logged_out([sample]) for sample in spared.samples)
    assert spared.marks == ()
    assert not any("unexpectedly" in reason or "died" in reason for reason in hit.verdict.reasons)
    assert hit.record.startswith("records/consequences/")


@pytest.mark.stack
def test_settings_are_an_arms_own(lab: Lab) -> None:
    """Lifetimes differ from arm to arm of one stage; a stage without slices has nobody to load it."""
    short, plain = lab.arm("jwt-hs256", visitors=1, label="short"), lab.arm("jwt-hs256", visitors=1)
    with lab.stage([short, plain], own={short.id: replace(lab.settings, jwt_ttl_s=7)}) as stage:
        lives = [stage.arms[arm.id].replicas[0]._settings.jwt_ttl_s for arm in (short, plain)]
        with pytest.raises(ValueError, match="no slices"):
            stage.load(0)
    assert lives == [7, 3600]
    assert (short.id, plain.carrier, lab.spec("bff").front) == ("jwt-hs256-bearer-1-short", "bearer", "bff")
