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
    plan,
    aa,
    soak,
)

SELFCHECKS: Mapping[str, Selfcheck] = {module.CHECK.name: module.CHECK for module in MODULES}
