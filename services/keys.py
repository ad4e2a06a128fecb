"""The key ring: signing and verification keys as prepared objects, re-read from one file without a restart."""

import base64
import json
import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import RSAAlgorithm

from services.settings import SettingsError

State = Literal["active", "verify-only"]
SigningMaterial = bytes | RSAPrivateKey
VerificationMaterial = bytes | RSAPublicKey

STATES: tuple[State, ...] = ("active", "verify-only")
HMAC_MIN_BYTES = 32
RSA_MIN_BITS = 2048
CSRF_MIN_BYTES = 32
RECHECK_S = 1.0

log = logging.getLogger(__name__)


class KeyRingError(SettingsError):
    """The key file is unusable; the message says what was found, what was expected and what to do."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key for one algorithm. `active` signs and verifies; `verify-only` is being added or retired."""

    kid: str
    alg: str
    state: State
    signing: SigningMaterial = field(repr=False)
    verification: VerificationMaterial = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Algorithm:
    """How keys of one algorithm are made, kept as text, and published; `open` raises ValueError on a weak one."""

    generate: Callable[[], str]
    open: Callable[[str], tuple[SigningMaterial, VerificationMaterial]]
    jwk: Callable[[VerificationMaterial], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class _Ring:
    by_kid: Mapping[str, Key]
    active: Mapping[str, Key]
    csrf_secret: bytes = field(repr=False)


class KeyRing:
    """The keys in `path`; the file is looked at no more than once a second and re-read when it changed.

    KeyRingError when the file cannot be used at start-up; later a bad file is logged and the keys held stay in force.
    """

    def __init__(self, path: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._looked_at = monotonic()
        self._version = _version(path)
        self._ring = _read(path)

    @property
    def csrf_secret(self) -> bytes:
        """The secret all replicas bind CSRF tokens with."""
        return self._current().csrf_secret

    def signing(self, alg: str) -> Key:
        """The active key of `alg`. KeyRingError when there is none."""
        key = self._current().active.get(alg)
        if key is None:
            raise _unusable(self._path, f"no active {alg} key", f"one key with alg {alg} and state active")
        return key

    def verifying(self, kid: str) -> Key | None:
        """The key called `kid`, active or not; None when the ring does not hold it."""
        return self._current().by_kid.get(kid)

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The public keys as a JSON Web Key Set (RFC 7517); symmetric keys never appear."""
        published = ((key, _ALGORITHMS[key.alg].jwk(key.verification)) for key in self._current().by_kid.values())
        return {
            "keys": [{**jwk, "kid": key.kid, "alg": key.alg, "use": "sig"} for key, jwk in published if jwk is not None]
        }

    def _current(self) -> _Ring:
        if self._monotonic() - self._looked_at >= RECHECK_S and self._lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._lock.release()
        return self._ring

    def _look(self) -> None:
        self._looked_at = self._monotonic()
        try:
            version = _version(self._path)
            if version != self._version:
                self._ring = _read(self._path)
                self._version = version
        except KeyRingError as error:
            log.warning("%s; the keys read before stay in force", error)


def generate(path: Path, algs: Iterable[str] = ("HS256", "RS256")) -> None:
    """Write a fresh ring to `path`, readable by its owner alone. KeyRingError when the file is there or cannot be."""
    keys = [
        {
            "kid": f"{alg.lower()}-{secrets.token_hex(4)}",
            "alg": alg,
            "state": "active",
            "key": _ALGORITHMS[alg].generate(),
        }
        for alg in algs
    ]
    text = json.dumps({"csrf_secret": _secret_text(), "keys": keys}, indent=2)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(text + "\n")
    except OSError as error:
        message = f"{path}: {error.strerror}, expected a new file; name another path or remove it"
        raise KeyRingError(message) from error


def main(arguments: list[str]) -> int:
    """`python -m services.keys PATH`: write a fresh key ring; 0, or 2 with one line on stderr."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m services.keys PATH\n")
        return 2
    try:
        generate(Path(arguments[0]))
    except KeyRingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _version(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise _unusable(path, str(error.strerror), "a key ring") from error
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read(path: Path) -> _Ring:
    try:
        document = json.loads(path.read_text(encoding="ascii"))
        keys = [_key(entry) for entry in document["keys"]]
        csrf_secret = _secret(document["csrf_secret"], CSRF_MIN_BYTES)
        return _Ring(_distinct(keys, "kid"), _distinct([k for k in keys if k.state == "active"], "alg"), csrf_secret)
    except OSError as error:
        raise _unusable(path, str(error.strerror), "a key ring") from error
    except (KeyError, TypeError) as error:
        raise _unusable(path, f"an entry without {error}", "csrf_secret and keys of kid, alg, state, key") from error
    except ValueError as error:
        raise _unusable(path, str(error), "a key ring of strong, distinct keys") from error


def _key(entry: Mapping[str, Any]) -> Key:
    kid, alg, state = entry["kid"], entry["alg"], entry["state"]
    if alg not in _ALGORITHMS or state not in STATES:
        message = f"key {kid!r} with alg {alg!r} and state {state!r}"
        raise ValueError(message)
    return Key(kid, alg, state, *_ALGORITHMS[alg].open(entry["key"]))


def _distinct(keys: Iterable[Key], name: Literal["kid", "alg"]) -> dict[str, Key]:
    held: dict[str, Key] = {}
    for key in keys:
        value = getattr(key, name)
        if value in held:
            message = f"two{' active' if name == 'alg' else ''} keys with {name} {value!r}"
            raise ValueError(message)
        held[value] = key
    return held


def _unusable(path: Path, found: str, expected: str) -> KeyRingError:
    return KeyRingError(f"{path}: found {found}, expected {expected}; write one with python -m services.keys PATH")


def _secret_text() -> str:
    return base64.b64encode(secrets.token_bytes(HMAC_MIN_BYTES)).decode("ascii")


def _secret(text: str, least_bytes: int) -> bytes:
    secret = base64.b64decode(text, validate=True)
    if len(secret) < least_bytes:
        message = f"a secret of {len(secret)} bytes, least {least_bytes}"
        raise ValueError(message)
    return secret


def _open_hmac(text: str) -> tuple[SigningMaterial, VerificationMaterial]:
    secret = _secret(text, HMAC_MIN_BYTES)
    return secret, secret


def _generate_rsa() -> str:
    key = generate_private_key(public_exponent=65537, key_size=RSA_MIN_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def _open_rsa(text: str) -> tuple[SigningMaterial, VerificationMaterial]:
    key = load_pem_private_key(text.encode("ascii"), password=None)
    if not isinstance(key, RSAPrivateKey) or key.key_size < RSA_MIN_BITS:
        message = f"not an RSA key of at least {RSA_MIN_BITS} bits"
        raise ValueError(message)
    return key, key.public_key()


def _rsa_jwk(key: VerificationMaterial) -> dict[str, Any] | None:
    return None if isinstance(key, bytes) else RSAAlgorithm.to_jwk(key, as_dict=True)


def _no_jwk(_key: VerificationMaterial) -> None:
    return None


_ALGORITHMS: Mapping[str, _Algorithm] = {
    "HS256": _Algorithm(_secret_text, _open_hmac, _no_jwk),
    "RS256": _Algorithm(_generate_rsa, _open_rsa, _rsa_jwk),
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
