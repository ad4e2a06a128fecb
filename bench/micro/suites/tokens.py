"""Tokens by what makes them dear: the algorithm, how much they say, how long the key is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from bench.micro.bare import decoder, encoder, payload_of
from bench.micro.case import Bare, Case
from bench.micro.laboratory import Laboratory
from services.clock import system_clock
from services.contract import Grant
from services.key_file import Key
from services.key_kinds import KINDS, RSA_EXPONENT
from services.settings import Settings
from services.stores.credentials import new_sid
from services.tokens import AccessTokens
from services.users import User

Measure = Callable[[Case], None]

CLAIMS = (0, 10, 50, 200)
BITS = (2048, 3072, 4096)


@dataclass(frozen=True, slots=True)
class OneKey:
    """A KeySource of one key, which is a strong one of any length."""

    key: Key

    def signing(self, _alg: str) -> Key:
        """The key."""
        return self.key

    def verifying(self, _kid: str) -> Key:
        """The key."""
        return self.key


@dataclass(frozen=True, slots=True)
class Mint:
    """Tokens under one key, and what is compared about them."""

    laboratory: Laboratory
    settings: Settings
    key: Key
    tokens: AccessTokens
    case: str

    def issue(self, user: User) -> Grant:
        """As a login does."""
        return self.tokens.issue(user.id, user.role, new_sid(), {})

    def supply(self, count: int) -> Sequence[str]:
        """Tokens of as many users."""
        return [self.issue(user).credential for user in self.laboratory.people(count)]

    def issuing(self, group: str) -> Case:
        """Signing beside the bare library's."""
        floor = Bare("library", "jwt.encode", encoder(self.key), lambda user: payload_of(self.issue(user).credential))
        people = self.laboratory.people
        return Case(group, self.key.alg, self.case, self.issue, people, is_spent=True, bares=(floor,))

    def verifying(self, group: str) -> Case:
        """Verifying beside the bare library's."""
        floor = Bare("library", "hardened jwt.decode", decoder(self.settings, self.key))
        return Case(group, self.key.alg, self.case, self.tokens.verify, self.supply, bares=(floor,))


@pytest.fixture(scope="module", params=CLAIMS)
def claims(request: pytest.FixtureRequest) -> int:
    """How many permissions a token names."""
    count: int = request.param
    return count


@dataclass(frozen=True, slots=True)
class LongKey:
    """An RSA key of `bits`."""

    bits: int
    key: Key


@pytest.fixture(scope="module", params=BITS)
def rsa(request: pytest.FixtureRequest) -> LongKey:
    """Making it takes a second."""
    bits: int = request.param
    key = generate_private_key(RSA_EXPONENT, bits)
    return LongKey(bits, Key(f"rsa-{bits}", "RS256", "active", "", key, key.public_key()))


@pytest.mark.parametrize("alg", KINDS)
def test_issue_by_claims(alg: str, claims: int, laboratory: Laboratory, measure: Measure) -> None:
    """From none to as many as a token has room for."""
    measure(_with_claims(laboratory, alg, claims).issuing("issue by claims"))


@pytest.mark.parametrize("alg", KINDS)
def test_verify_by_claims(alg: str, claims: int, laboratory: Laboratory, measure: Measure) -> None:
    """As above."""
    measure(_with_claims(laboratory, alg, claims).verifying("verify by claims"))


def test_issue_by_key(rsa: LongKey, laboratory: Laboratory, measure: Measure) -> None:
    """RSA signs in the cube of its length."""
    measure(_of_length(laboratory, rsa).issuing("issue by key size"))


def test_verify_by_key(rsa: LongKey, laboratory: Laboratory, measure: Measure) -> None:
    """And verifies in its square."""
    measure(_of_length(laboratory, rsa).verifying("verify by key size"))


def _with_claims(laboratory: Laboratory, alg: str, claims: int) -> Mint:
    settings = replace(laboratory.settings, login_claims=claims)
    return _mint(laboratory, settings, laboratory.parts.keys.signing(alg), f"{claims} claims")


def _mint(laboratory: Laboratory, settings: Settings, key: Key, case: str) -> Mint:
    tokens = AccessTokens(settings, system_clock, OneKey(key), key.alg, settings.jwt_ttl_s)
    return Mint(laboratory, settings, key, tokens, case)


def _of_length(laboratory: Laboratory, rsa: LongKey) -> Mint:
    return _mint(laboratory, laboratory.settings, rsa.key, f"{rsa.bits} bits")
