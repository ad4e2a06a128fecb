"""Every row of the security checklist has a named test, and each reaches every scheme the row concerns."""

import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.services.web.mounts import (
    BFF,
    COOKIES,
    GUARDED,
    JWT,
    MOUNTS,
    OPAQUE,
    RENEWABLE,
    SIGNED,
    SLIDING,
    Mount,
)

NAMED = re.compile(r"test_row_(\d\d)_")
ROWS = range(1, 33)
AT_ITS_OWN_LEVEL: list[Mount] = []
"""What no client sees of one scheme rather than another: the start, the making of ids, all schemes in one test."""
CONCERNED: Mapping[int, list[Mount]] = {
    1: SIGNED,
    2: SIGNED,
    3: AT_ITS_OWN_LEVEL,
    4: JWT,
    5: JWT,
    6: SIGNED,
    7: [*JWT, *RENEWABLE],
    8: JWT,
    9: SIGNED,
    10: RENEWABLE,
    11: RENEWABLE,
    12: RENEWABLE,
    13: [*RENEWABLE, *OPAQUE],
    14: GUARDED,
    15: [*OPAQUE, *RENEWABLE],
    16: [*RENEWABLE, *BFF],
    17: MOUNTS,
    18: COOKIES,
    19: GUARDED,
    20: [mount for mount in SIGNED if mount[1] == "cookie"],
    21: MOUNTS,
    22: BFF,
    23: BFF,
    24: AT_ITS_OWN_LEVEL,
    25: GUARDED,
    26: [*OPAQUE, *SLIDING],
    27: GUARDED,
    28: AT_ITS_OWN_LEVEL,
    29: MOUNTS,
    30: MOUNTS,
    31: SIGNED,
    32: SIGNED,
}


def named_tests() -> Iterator[tuple[int, set[Mount]]]:
    """The number in the name of each test, and the mounts it runs under."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        module = importlib.import_module(f"tests.services.web.{path.stem}")
        for name, function in vars(module).items():
            if found := NAMED.match(name):
                marks = [mark.args for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"]
                yield int(found[1]), {mount for names, mounts, *_ in marks if names == "mount" for mount in mounts}


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_tested_under_every_scheme_it_concerns(row: int) -> None:
    """By a test that is named after it."""
    reached = [mounts for number, mounts in named_tests() if number == row]
    assert reached
    assert set().union(*reached) >= set(CONCERNED[row])


def test_no_name_claims_a_row_that_is_none() -> None:
    """The checklist has 32."""
    assert {number for number, _ in named_tests()} == set(ROWS) == set(CONCERNED)


def test_every_mount_is_somebodys_concern() -> None:
    """What joins the catalogue joins these tests."""
    assert {mount for mounts in CONCERNED.values() for mount in mounts} == set(MOUNTS)
    assert not set(SIGNED) & set(OPAQUE)
    assert {*SIGNED, *OPAQUE} == set(GUARDED)
