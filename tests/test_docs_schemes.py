"""docs/schemes.md says of every scheme what the scheme says of itself."""

import re
from pathlib import Path

import pytest

from authbench import listing
from services.carriers import CSRF_HEADER, NEW_LIFE_HEADER, NEW_TOKEN_HEADER
from services.catalogue import SCHEMES
from services.settings import Settings

TEXT = (Path(__file__).parents[1] / "docs" / "schemes.md").read_text(encoding="utf-8")
TABLE = TEXT.split("\n\n")[2]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TABLE.splitlines()[2:]]


def test_every_scheme_has_its_row() -> None:
    """All of the catalogue, in the order of the story."""
    assert [row[0].strip("`") for row in ROWS] == list(SCHEMES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip("`"))
def test_a_row_is_the_scheme_s_own_claim(row: list[str]) -> None:
    """State, revocation, lists and limits are the traits'; an anti-pattern is called one."""
    spec = SCHEMES[row[0].strip("`")]
    claims = listing._claims(spec)
    assert row[1:5] == [listing._cell(claims[name]) for name in listing.COLUMNS if name != "carriers"]
    assert ("anti-pattern" in row[5]) == bool(spec.traits.antipattern)
    assert row[5].endswith(".")


def test_the_words_are_the_code_s() -> None:
    """Headers and lifetimes are those the services have."""
    assert all(f"`{name}`" in TEXT for name in (NEW_TOKEN_HEADER, NEW_LIFE_HEADER, CSRF_HEADER))
    told = Settings()
    assert told.sliding_left_s == int(re.findall(r"with (\d+) minutes or less to live", TEXT)[0]) * 60
    assert told.session_absolute_s == int(re.findall(r"absolute limit of (\d+) hours", TEXT)[0]) * 3600
    assert (told.jwt_ttl_s, told.access_ttl_s) == (3600, 1800)
