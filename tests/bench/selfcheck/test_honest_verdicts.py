"""A spoilt cell is INVALID for the reason it was spoilt by, and an undisturbed one is not."""

import pytest

from bench.selfcheck import honest_verdicts
from bench.selfcheck.honest_verdicts import DISTURBANCES


@pytest.mark.stack
def test_losses_and_restarts_are_named() -> None:
    """A lost sample and a restarted store; the disturbances that depend on a quiet machine are the selfcheck's own."""
    chosen = [one for one in DISTURBANCES if one.what in {"a lost sample", "a restarted store"}]
    findings = list(honest_verdicts.run(chosen, seconds=1))
    assert len(findings) == 4
    assert [finding for finding in findings if not finding.holds] == []
