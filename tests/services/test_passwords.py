"""Passwords: Argon2id, and an unknown user takes the path of a wrong password."""

import pytest
from argon2 import extract_parameters

from services.passwords import Passwords


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    """The cheap profile."""
    return Passwords("harness")


def test_a_password_matches_its_own_hash_only(passwords: Passwords) -> None:
    """The right one, and no other."""
    hashed = passwords.hash("secret")
    assert passwords.matches(hashed, "secret")
    assert not passwords.matches(hashed, "Secret")


def test_an_unknown_user_never_matches(passwords: Passwords) -> None:
    """ASVS 6.3.8: a hash is computed all the same, and the answer is no."""
    assert not passwords.matches(None, "secret")


def test_the_dummy_hash_costs_what_a_real_one_does(passwords: Passwords) -> None:
    """Both have the same Argon2 parameters, so timing tells nobody who exists."""
    assert extract_parameters(passwords._nobody) == extract_parameters(passwords.hash("secret"))


def test_a_hash_that_is_none_matches_nothing(passwords: Passwords) -> None:
    """A broken row refuses; it does not fail."""
    assert not passwords.matches("no hash", "secret")


def test_what_utf8_cannot_spell_is_a_password_like_any_other(passwords: Passwords) -> None:
    """A lone surrogate, which JSON may carry, is compared and not an error."""
    assert passwords.matches(passwords.hash("\ud800"), "\ud800")


def test_the_default_profile_is_at_the_owasp_floor() -> None:
    """Argon2id with at least 19 MiB and two passes."""
    parameters = extract_parameters(Passwords("owasp").hash("secret"))
    assert (parameters.type.name, parameters.memory_cost, parameters.time_cost) == ("ID", 19 * 1024, 2)


def test_equal_passwords_have_unlike_hashes(passwords: Passwords) -> None:
    """Every hash has its own salt."""
    assert passwords.hash("secret") != passwords.hash("secret")
