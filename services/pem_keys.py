"""The keys of a ring as PEM text, the way they lie in a file or a setting, which has to be parsed at every use."""

from dataclasses import replace
from functools import lru_cache

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.keys import Key, KeySource

KEYS_KEPT = 16


class PemKeys:
    """A KeySource that hands out the keys of `source` as text. Secrets stay as they are."""

    def __init__(self, source: KeySource) -> None:
        self._source = source

    def signing(self, alg: str) -> Key:
        """The active key of `alg`. KeyRingError when there is none."""
        return _as_text(self._source.signing(alg))

    def verifying(self, kid: str) -> Key | None:
        """The key called `kid`; None when there is none."""
        key = self._source.verifying(kid)
        return _as_text(key) if key else None


@lru_cache(maxsize=KEYS_KEPT)
def _as_text(key: Key) -> Key:
    if isinstance(key.verification, bytes):
        return key
    public = key.verification.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return replace(key, signing=key.text.encode("ascii"), verification=public)
