"""A harness that is killed in the middle of a fault leaves nothing frozen behind."""

import pytest

from bench.selfcheck.faulted import ENDINGS, ended


@pytest.mark.stack
def test_a_frozen_store_does_not_outlive_its_harness() -> None:
    """Kill -9 while all of PostgreSQL stands still: no process, port, directory or shared memory is left."""
    assert [finding for finding in ended(ENDINGS[-1]) if not finding.holds] == []
