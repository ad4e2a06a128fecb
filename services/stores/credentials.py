"""Opaque credentials: made from 256 random bits, kept only as their hash."""

import hashlib
import secrets

CREDENTIAL_BYTES = 32
SID_BYTES = 12


def new_credential() -> str:
    """A secret no one can guess, in URL-safe characters."""
    return secrets.token_urlsafe(CREDENTIAL_BYTES)


def new_sid() -> str:
    """A unique name for a login; no secret."""
    return secrets.token_urlsafe(SID_BYTES)


def digest(credential: str) -> bytes:
    """What a store keeps. A fast hash is enough: nobody can try 2^256 credentials."""
    return hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()
