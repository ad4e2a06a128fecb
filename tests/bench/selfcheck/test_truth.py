"""The server that knows the truth: its stamps are complete, and figures that disagree with them are missed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.selfcheck import truth
from loadtests.record import Sample

TIMES = st.lists(st.floats(0.1, 50), min_size=1, max_size=50)


@given(TIMES, st.floats(-0.14, 0.14))
def test_what_is_close_to_the_truth_holds(true_ms: list[float], off_ms: float) -> None:
    """A constant 0.14 ms is within 2 % + 0.15 ms at every percentile."""
    true = np.array(true_ms)
    findings = list(truth._compare("time", true + off_ms, true))
    assert len(findings) == len(truth.PERCENTILES)
    assert all(finding.holds for finding in findings)


@given(TIMES, st.sampled_from([-1.0, 1.0]))
def test_what_is_far_from_the_truth_is_missed(true_ms: list[float], sign: float) -> None:
    """Off by 5 % and half a millisecond is found at every percentile, whichever way."""
    true = np.array(true_ms)
    findings = list(truth._compare("time", true * (1 + sign * 0.05) + sign * 0.5, true))
    assert not any(finding.holds for finding in findings)


@pytest.mark.stack
def test_every_request_finds_its_stamp(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short load: as many recorded, answered and counted; each answer left after it came, inside its own sample."""
    for name, value in {"RATE_RPS": 50, "SECONDS": 1, "VISITORS": 6}.items():
        monkeypatch.setattr(truth, name, value)
    slices, stamps = truth._measure()
    samples = [sample for piece in slices for sample in piece]
    assert len(slices) == truth.SLICES
    assert len(stamps) - truth.VISITORS == len(samples) > 0
    served = [(sample, stamps[int(sample.replica)]) for sample in samples]
    assert all(sample.status == 200 for sample in samples)
    assert len({sample.replica for sample in samples}) == len(samples)
    assert all(one.sent_ns <= stamp.arrival_ns <= stamp.departure_ns <= one.done_ns for one, stamp in served)


def test_every_figure_has_its_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts, three percentiles of either time, and the lateness: eight findings, of the calmest slice."""
    stamp = truth.Stamp(1_000_000, 5_000_000)
    sample = Sample(0, "read", 900_000, 950_000, 5_100_000, 200, "", "0", True, 1, 1)  # noqa: FBT003 - a record's row
    late = replace(sample, intended_ns=0, replica="1")
    login = dict.fromkeys(range(2, truth.VISITORS + 2), stamp)
    monkeypatch.setattr(truth, "_measure", lambda: ([(sample,), (late,)], {0: stamp, 1: stamp, **login}))
    findings = list(truth.run())
    assert len(findings) == 8
    assert all(finding.holds for finding in findings)
    assert findings[-1].figure == "dispatch lateness p99 0.050 ms (of the other slices: 0.950)"
    monkeypatch.setattr(truth, "_measure", lambda: ([(sample,)], {0: stamp}))
    assert not next(iter(truth.run())).holds
