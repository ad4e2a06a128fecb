"""Seals a text so that only the bearer of a secret can open it: the store alone yields nothing."""

import os
from typing import Literal

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
KEY_BYTES = 32

Purpose = Literal["refresh successor", "bff tokens"]
"""What is sealed. A secret yields a key of its own for each, so that none opens what another sealed."""


def seal(text: str, secret: str, sid: str, purpose: Purpose = "refresh successor") -> bytes:
    """`text` encrypted under a key that only `secret` yields, bound to the login `sid`."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher(secret, purpose).encrypt(nonce, text.encode(), sid.encode())


def unseal(sealed: bytes, secret: str, sid: str, purpose: Purpose = "refresh successor") -> str:
    """The text. cryptography's InvalidTag under another secret, login or purpose."""
    nonce, text = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    return _cipher(secret, purpose).decrypt(nonce, text, sid.encode()).decode()


def _cipher(secret: str, purpose: Purpose) -> AESGCM:
    key = HKDF(SHA256(), KEY_BYTES, salt=None, info=f"authbench {purpose}".encode()).derive(secret.encode())
    return AESGCM(key)
