"""CSRF tokens are signed and name one login."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.csrf import is_same, login_of, make_token

SECRET = secrets.token_bytes(32)
SIDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)


@given(SIDS)
def test_a_token_names_the_login_it_was_made_for(sid: str) -> None:
    """Whatever the sid looks like, dots included, the token gives it back."""
    assert login_of(SECRET, make_token(SECRET, sid)) == sid


@given(SIDS, st.data())
def test_a_changed_token_is_not_ours(sid: str, data: st.DataObject) -> None:
    """Any one character replaced: the token names nobody."""
    token = make_token(SECRET, sid)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(min_codepoint=33, max_codepoint=126).filter(lambda one: one != token[at]))
    assert login_of(SECRET, token[:at] + other + token[at + 1 :]) is None


@given(st.text())
def test_any_text_is_refused_and_never_fails(text: str) -> None:
    """A token an attacker made up names nobody, however it is spelled."""
    assert login_of(SECRET, text.encode("utf-8", "replace").decode()) is None


def test_another_secret_makes_no_token_of_ours() -> None:
    """Replicas agree only when they share the secret."""
    assert login_of(SECRET, make_token(b"x" * 32, "sid")) is None


def test_every_token_is_fresh() -> None:
    """Two tokens of one login differ: a token tells nothing about the next one."""
    assert make_token(SECRET, "sid") != make_token(SECRET, "sid")


@pytest.mark.parametrize(
    ("one", "other", "expected"), [("", "", True), ("a", "a", True), ("a", "b", False), ("é", "e", False)]
)
def test_is_same_is_equality(one: str, other: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    """Constant time changes nothing about what is equal, also beyond ASCII."""
    assert is_same(one, other) is expected
