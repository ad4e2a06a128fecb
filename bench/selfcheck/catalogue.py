"""Every selfcheck by name."""

from collections.abc import Mapping

from bench.selfcheck import (
    aa,
    broken_proof,
    cheap,
    clean,
    distributed,
    faulted,
    freeze,
    gate_calls,
    gate_cells,
    gate_change,
    gate_rule,
    generator,
    honest_verdicts,
    metrics,
    plan,
    soak,
    truth,
)
from bench.selfcheck.check import Selfcheck

MODULES = (
    freeze,
    truth,
    generator,
    metrics,
    distributed,
    broken_proof,
    honest_verdicts,
    cheap,
    clean,
    faulted,
    gate_rule,
    gate_change,
    gate_calls,
    gate_cells,
    plan,
    aa,
    soak,
)

SELFCHECKS: Mapping[str, Selfcheck] = {module.CHECK.name: module.CHECK for module in MODULES}
