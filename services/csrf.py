"""CSRF tokens: signed, bound to one login and checked without a store."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode

_NONCE_BYTES = 16


def make_token(secret: bytes, sid: str) -> str:
    """A fresh token for the login `sid`: `sid.nonce.mac`, mac = HMAC-SHA256(secret, "sid.nonce") in base64url."""
    claim = f"{sid}.{secrets.token_urlsafe(_NONCE_BYTES)}"
    return f"{claim}.{_mac(secret, claim)}"


def login_of(secret: bytes, token: str) -> str | None:
    """The sid `token` was made for; None when it was not made with `secret`."""
    claim, _, mac = token.rpartition(".")
    if not is_same(mac, _mac(secret, claim)):
        return None
    return claim.rpartition(".")[0]


def is_same(one: str, other: str) -> bool:
    """Equality in time that tells nothing about where two texts differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def _mac(secret: bytes, claim: str) -> str:
    digest = hmac.digest(secret, claim.encode(), hashlib.sha256)
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
