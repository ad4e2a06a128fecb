"""Seals a successor token so that only the bearer of its parent can open it: the database alone yields nothing."""

import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
KEY_BYTES = 32


def seal(successor: str, parent: str, sid: str) -> bytes:
    """`successor` encrypted under a key that only `parent` yields, bound to the login `sid`."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher(parent).encrypt(nonce, successor.encode(), sid.encode())


def unseal(sealed: bytes, parent: str, sid: str) -> str:
    """The successor. cryptography's InvalidTag under another parent or login."""
    nonce, text = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    return _cipher(parent).decrypt(nonce, text, sid.encode()).decode()


def _cipher(parent: str) -> AESGCM:
    key = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"authbench refresh successor").derive(parent.encode())
    return AESGCM(key)
