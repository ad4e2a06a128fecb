"""A search on real servers, short: every probe is a record, and an arm that is not proven is not offered anything."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.analysis.ladder import START, TRIES_MAX, Probe
from bench.measure import environment, max_rate, rate_search, rundir
from bench.measure.block import refused_record
from bench.measure.crew import LoadLostError
from bench.measure.generator import Alone
from bench.measure.max_rate import search
from bench.measure.rate_search import RECORDS, Choices, Search, plan_search, recalled
from bench.measure.rundir import MAX_RATE
from bench.stack.supervisor import Supervisor
from loadtests.record import Record
from services.catalogue import SCHEMES
from tests.bench.measure.conftest import Watched, lying

CHOICES = Choices(1.0, schemes=("memory-session", "jwt-hs256"), replicas=(1, 2), seconds=1, seed=5)
ARMS = ("jwt-hs256-bearer-1", "memory-session-cookie-2")


def _search(folder: "rundir.RunDirectory") -> Search:
    catalogue = {**SCHEMES, "jwt-hs256": lying()}
    arms = tuple(arm for arm in plan_search(CHOICES, catalogue) if arm.id in ARMS)
    return Search(folder, CHOICES, catalogue, arms, "", environment.describe({}), sets=1)


def _one_probe(probes: Sequence[Probe], _start: int = START) -> int | None:
    """Searching and verifying for those who have no time: at most a single rate, and no more."""
    return None if probes else START


def _is_timed(probes: Sequence[Probe]) -> int | None:
    """Whoever was offered anything goes on to verify."""
    return START if any(probe.scheduled for probe in probes) else None


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Search, Watched]:
    """Both rounds over both arms with slices of a second, and what was told of it."""
    progress = Watched()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rate_search, "VISITORS_MIN", 24)
        patch.setattr(rate_search, "SAMPLES", 20)
        run = _search(rundir.create_at(tmp_path_factory.mktemp("run")))
        patch.setattr(rate_search, "next_to_search", _one_probe)
        patch.setattr(rate_search, "next_to_verify", _one_probe)
        patch.setattr(rate_search, "start_of", _is_timed)
        search(run, progress)
    return run, progress


@pytest.mark.stack
def test_every_probe_is_a_record(finished: tuple[Search, Watched]) -> None:
    """Searching and verifying set, each from its own folder; from them alone comes what the search knows."""
    run, _ = finished
    kept = sorted(str(path.relative_to(run.directory.path)) for path in run.directory.path.glob("records/**/*.gz"))
    assert kept == [
        f"records/max-rate/{arm}/set-{number}/probe-00/{arm}.latency-78.4.jsonl.gz"
        for arm, number in ((ARMS[0], 0), (ARMS[1], 0), (ARMS[1], 1))
    ]
    assert recalled(run.directory.records(RECORDS), run.arms, 1.0, run.sets) == run.outcomes


@pytest.mark.stack
def test_half_refused_is_seen(finished: tuple[Search, Watched]) -> None:
    """A session in one of two replicas' memory meets no SLO: no rate, and the share that was refused."""
    run, _ = finished
    probes = run.probes["memory-session-cookie-2"]
    assert [probe.process_set for probe in probes] == [0, 1]
    for probe in probes:
        assert probe.scheduled == probe.succeeded + probe.refused > 0
        assert 0.2 < probe.refused / probe.scheduled < 0.8
        assert not probe.meets


@pytest.mark.stack
def test_what_is_not_proven_is_not_offered(finished: tuple[Search, Watched]) -> None:
    """Its record holds the reason and no sample; its outcome is INVALID for it."""
    run, progress = finished
    liar = next(outcome for outcome in run.outcomes if outcome.arm.scheme == "jwt-hs256")
    assert liar.verdict.status == "INVALID"
    assert liar.verdict.reasons[0].startswith("not timed, its proof does not hold: a revoked credential")
    assert {probe.scheduled for probe in liar.probes} == {0}
    assert {proof.arm for proof in progress.proofs} == {arm.id for arm in run.arms}


@pytest.mark.stack
def test_the_document_tells_the_whole_search(finished: tuple[Search, Watched]) -> None:
    """Complete, with its arms, choices, proofs and rounds; progress named the set and the rate."""
    run, progress = finished
    document = run.directory.document(MAX_RATE)
    assert (document["status"], document["sets_done"], document["workers"]) == ("complete", 1, 1)
    assert document["choices"]["slo_ms"] == 1.0
    assert {proof["arm"] for proof in document["proofs"]} == {arm["id"] for arm in document["arms"]}
    assert "searching, memory-session-cookie-2: 78.4 requests/s 1" in progress.stages
    assert "verifying 1/1, memory-session-cookie-2: logging in 24 visitors 0" in progress.stages


def test_a_disturbed_machine_is_given_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a disturbed probe, and only then, there is a pause before the same rate is offered again."""
    run, paused = _search(rundir.create_at(tmp_path / "run")), []
    monkeypatch.setattr(max_rate.time, "sleep", paused.append)
    (_, arm) = run.arms
    plan = run.block(arm, 0)
    (cell,) = plan.cells(plan.slices[START])
    spoilt = refused_record(cell, plan, {}, ("other programs",))
    assert spoilt.footer is not None
    spoilt = replace(spoilt, footer=replace(spoilt.footer, disturbed=True))
    offered: list[int] = []

    class Spoilt:
        """A machine that never calms down."""

        def measure(self, number: int) -> list[Record]:
            offered.append(number)
            return [spoilt]

    max_rate._offer(run, plan, Spoilt(), Watched())  # type: ignore[arg-type] # nothing else of it is asked for
    assert (offered, paused) == ([START] * TRIES_MAX, [max_rate.CALM_S] * (TRIES_MAX - 1))


def test_a_lost_worker_ends_the_search(
    supervisor: Supervisor, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the set that lost it, with its name."""
    run = _search(rundir.create_at(tmp_path_factory.mktemp("lost")))
    source = Alone(supervisor)
    source.lost = ("worker 1 of 2 (a) ended",)
    begun: list[str] = []
    monkeypatch.setattr(max_rate, "_measure_set", lambda _run, arm, *_: begun.append(arm.id))
    around = max_rate.Surroundings(source, SCHEMES, {}, "")
    rig = max_rate._Rig(None, around)  # type: ignore[arg-type] # no set is begun on it
    with pytest.raises(LoadLostError, match=r"^worker 1 of 2 \(a\) ended$"):
        max_rate._measure_round(run, 0, rig, Watched())
    assert len(begun) == 1
