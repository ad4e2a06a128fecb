"""What a key may hold, and what is said of anything else."""

import pytest

from bench.gates.config_values import Number


@pytest.mark.parametrize(
    ("values", "has", "has_not"),
    [
        (Number(0), [0, 0.5, 10**300], [-1, -0.1, True, float("nan"), float("inf"), 10**400, "1", None]),
        (Number(0, below=1, is_open=True), [0.5, 5e-324], [0, 0.0, 1, 1.0, -0.0]),
        (Number(1, is_whole=True), [1, 2], [0, 1.0, False, True]),
    ],
)
def test_a_range_holds_what_it_says(values: Number, has: list[object], has_not: list[object]) -> None:
    """Its ends count as stated; booleans, texts and what is not finite are no numbers."""
    assert [values.mistake("key", one) for one in has] == [""] * len(has)
    assert all(values.mistake("key", one) for one in has_not)


def test_a_long_value_is_cut() -> None:
    """What is found is shown on one line of a bounded length, though it may be a whole table."""
    mistake = Number(0).mistake("most", {"key": ["value"] * 99})
    assert len(mistake) < 100
    assert "...," in mistake
