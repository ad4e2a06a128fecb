"""The proof bites, on schemes that are broken on purpose."""

import pytest

from bench.selfcheck import broken_proof


@pytest.mark.stack
def test_every_broken_scheme_is_refused_before_timing() -> None:
    """A real run over all of them: each fails the check its fault calls for, none is timed, the control is."""
    assert [finding for finding in broken_proof.CHECK.run() if not finding.holds] == []
