"""Argon2id password hashes; an unknown user costs a login exactly what a wrong password does."""

import secrets
from collections.abc import Mapping

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from services.settings import PasswordProfile


class Passwords:
    """Hashes with one cost profile and checks hashes of any; blocks for the cost of one hash, without the GIL."""

    def __init__(self, profile: PasswordProfile) -> None:
        self._hasher = _HASHERS[profile]
        self._nobody = self.hash(secrets.token_urlsafe())

    def hash(self, password: str) -> str:
        """The Argon2id hash of `password` under a fresh salt, in PHC format."""
        hashed: str = self._hasher.hash(_encoded(password))
        return hashed

    def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether `password` made `password_hash`; never for None, an unknown user, at the same cost."""
        try:
            matched = self._hasher.verify(password_hash or self._nobody, _encoded(password))
        except (VerificationError, InvalidHashError):
            return False
        return matched and password_hash is not None


def _encoded(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")  # JSON can spell what UTF-8 cannot


_HASHERS: Mapping[PasswordProfile, PasswordHasher] = {
    "owasp": PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID),
    "harness": PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1, type=Type.ID),
}
