"""Tapes: what is played is what was added, whatever it was and however much."""

from dataclasses import astuple
from io import BytesIO
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from loadtests import tape
from loadtests.record import Sample
from loadtests.tape import Tape, keep, played, played_at

NS = st.integers(-(2**63), 2**63 - 1)
COUNT = st.integers(0, 2**32 - 1)
SAMPLES = st.builds(
    Sample,
    visitor=COUNT,
    step=st.sampled_from(["login", "read", "write", "refresh", "logout"]),
    intended_ns=NS,
    sent_ns=NS,
    done_ns=NS,
    status=st.integers(0, 999),
    reason=st.text(max_size=20),
    replica=st.text(max_size=20),
    had_valid_credential=st.booleans(),
    bytes_up=COUNT,
    bytes_down=COUNT,
)


@given(st.lists(SAMPLES))
def test_what_is_played_is_what_was_added(samples: list[Sample]) -> None:
    """Every field of every sample, in their order."""
    file = BytesIO()
    keep(file, map(astuple, samples))
    assert list(played(file)) == samples


def test_a_tape_is_played_in_pieces(tmp_path: Path) -> None:
    """More rows than are read at once, from a file; playing it twice gives the same."""
    count = 2 * tape._ROWS_AT_ONCE + 1
    one = Sample(3, "read", 1, 2, 3, 200, "", "r1", had_valid_credential=True, bytes_up=1, bytes_down=2)
    with (tmp_path / "tape").open("w+b") as file:
        written = Tape(file)
        for _ in range(count):
            written.add(astuple(one))
        written.finish()
    assert written.rows == count
    assert list(played_at(tmp_path / "tape")) == list(played_at(tmp_path / "tape")) == [one] * count
