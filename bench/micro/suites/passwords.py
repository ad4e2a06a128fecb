"""Password hashes at both profiles: what a login costs beside its signature or its session."""

from collections.abc import Callable, Sequence
from secrets import token_urlsafe
from typing import get_args

import pytest
from argon2 import PasswordHasher, extract_parameters

from bench.micro.case import Bare, Case
from services.passwords import Passwords
from services.settings import PasswordProfile

Measure = Callable[[Case], None]

PROFILES: tuple[PasswordProfile, ...] = get_args(PasswordProfile)


@pytest.mark.parametrize("profile", PROFILES)
def test_hash(profile: PasswordProfile, measure: Measure) -> None:
    """A password is set."""
    passwords = Passwords(profile)
    floor = Bare("library", "argon2-cffi hash", _bare(passwords).hash)
    measure(Case("password hash", profile, "argon2id", passwords.hash, _fresh, bares=(floor,)))


@pytest.mark.parametrize("profile", PROFILES)
def test_verify(profile: PasswordProfile, measure: Measure) -> None:
    """A password is right."""
    passwords = Passwords(profile)
    hasher = _bare(passwords)

    def matches(given: tuple[str, str]) -> bool:
        return passwords.matches(*given)

    def bare(given: tuple[str, str]) -> object:
        return hasher.verify(*given)

    def supply(count: int) -> Sequence[tuple[str, str]]:
        return [(passwords.hash(password), password) for password in _fresh(count)]

    floor = Bare("library", "argon2-cffi verify", bare)
    measure(Case("password verify", profile, "argon2id", matches, supply, bares=(floor,)))


def _fresh(count: int) -> Sequence[str]:
    return [token_urlsafe(12) for _ in range(count)]


def _bare(passwords: Passwords) -> PasswordHasher:
    """The library at the same cost."""
    return PasswordHasher.from_parameters(extract_parameters(passwords.hash("")))
