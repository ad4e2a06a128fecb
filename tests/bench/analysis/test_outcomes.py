"""What counts as success and refusal, and the theory of lost affinity."""

from types import SimpleNamespace

import pytest

from bench.analysis.outcomes import predicted_refused_ratio, refusals, refused, succeeded
from loadtests.plan import Balancing


@pytest.mark.parametrize(
    ("status", "valid", "success", "refusal"),
    [
        (200, True, True, False),
        (204, True, True, False),
        (302, True, False, False),
        (401, True, False, True),
        (401, False, False, False),
        (503, True, False, False),
        (0, True, False, False),
    ],
)
def test_how_a_request_ended(
    synthetic: SimpleNamespace, status: int, *, valid: bool, success: bool, refusal: bool
) -> None:
    """Only 2xx succeeds; only a 401 in spite of a valid credential is a refusal."""
    sample = synthetic.sample(status=status, had_valid_credential=valid)
    assert (succeeded(sample), refused(sample)) == (success, refusal)


@pytest.mark.parametrize(
    ("replicas", "balancing", "needs_affinity", "expected"),
    [
        (1, "roundrobin", True, 0.0),
        (2, "roundrobin", True, 0.5),
        (4, "roundrobin", True, 0.75),
        (4, "sticky", True, 0.0),
        (4, "source", True, 0.0),
        (4, "leastconn", True, None),
        (2, "roundrobin-l4", True, None),
        (4, "roundrobin", False, 0.0),
        (4, "leastconn", False, 0.0),
    ],
)
def test_predicted_refusals(
    synthetic: SimpleNamespace, replicas: int, balancing: Balancing, *, needs_affinity: bool, expected: float | None
) -> None:
    """1 - 1/N under roundrobin where affinity is needed; no guess where no theory is known."""
    cell = synthetic.cell("memory-session", replicas=replicas, balancing=balancing)
    assert predicted_refused_ratio(cell, needs_affinity=needs_affinity) == expected


def test_refusals_are_counted_by_visitor_and_block(synthetic: SimpleNamespace) -> None:
    """Visitor 1 of two blocks is two visitors.

    Block 0: visitor 1 sends 3, two refused; visitor 2 sends 1, none. Block 1: visitor 1 sends 2, one refused.
    3 of 6 refused, 2 of 3 logged out; predicted with N = 2: (1-1/8) + (1-1/2) + (1-1/4) = 2.125.
    """
    cell = synthetic.cell("memory-session", replicas=2)
    first = [
        synthetic.sample(n, visitor=v, status=s) for n, (v, s) in enumerate([(1, 401), (1, 200), (1, 401), (2, 200)])
    ]
    second = [synthetic.sample(n, visitor=1, status=s) for n, s in enumerate([401, 200])]
    records = [synthetic.record(cell, 0, samples=first), synthetic.record(cell, 1, samples=second)]
    found = refusals(cell, records, needs_affinity=True)
    assert found.ratio.value == 0.5
    assert (found.visitors, found.logged_out) == (3, 2)
    assert (found.predicted_ratio, found.predicted_logged_out) == (0.5, 2.125)


def test_without_theory_nothing_is_predicted(synthetic: SimpleNamespace) -> None:
    """A prediction that does not exist is None, not zero."""
    cell = synthetic.cell("memory-session", replicas=2, balancing="leastconn")
    found = refusals(cell, [synthetic.record(cell)], needs_affinity=True)
    assert (found.predicted_ratio, found.predicted_logged_out) == (None, None)
