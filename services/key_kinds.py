"""What a key of each algorithm is: how it is made, kept as text, opened only when it is strong, and published."""

import base64
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt import get_algorithm_by_name

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
SigningMaterial = bytes | PrivateKey
VerificationMaterial = bytes | PublicKey
Opened = tuple[SigningMaterial, VerificationMaterial]

SECRET_MIN_BYTES = 32
RSA_MIN_BITS = 2048
RSA_EXPONENT = 65537
PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e")


@dataclass(frozen=True, slots=True)
class KeyKind:
    """`generate` makes the text that a file keeps; `open` makes objects of it, ValueError for a weak or other key."""

    generate: Callable[[], str]
    open: Callable[[str], Opened]


def secret_text(secret: bytes | None = None) -> str:
    """A secret as text; a fresh one without an argument."""
    return base64.b64encode(secret or secrets.token_bytes(SECRET_MIN_BYTES)).decode("ascii")


def open_secret(text: str) -> bytes:
    """The secret kept as `text`. ValueError when it is short."""
    secret = base64.b64decode(text, validate=True)
    if len(secret) < SECRET_MIN_BYTES:
        message = f"a secret of {len(secret)} bytes, least {SECRET_MIN_BYTES}"
        raise ValueError(message)
    return secret


def public_jwk(alg: str, key: VerificationMaterial) -> Mapping[str, str] | None:
    """The public members of a JWK (RFC 7518 section 6, RFC 8037 section 2); None for a secret: those never appear."""
    if isinstance(key, bytes):
        return None
    members = get_algorithm_by_name(alg).to_jwk(key, as_dict=True)
    return {name: members[name] for name in PUBLIC_MEMBERS if name in members}


def _open_hmac(text: str) -> Opened:
    secret = open_secret(text)
    return secret, secret


def _generate_rsa() -> str:
    return _pem(generate_rsa(RSA_EXPONENT, RSA_MIN_BITS))


def _open_rsa(text: str) -> Opened:
    key = _open_pem(text)
    if not isinstance(key, RSAPrivateKey) or key.key_size < RSA_MIN_BITS:
        message = f"not an RSA key of at least {RSA_MIN_BITS} bits"
        raise ValueError(message)
    return key, key.public_key()


def _generate_p256() -> str:
    return _pem(generate_ec(SECP256R1()))


def _open_p256(text: str) -> Opened:
    key = _open_pem(text)
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        message = "not an elliptic curve key on P-256"
        raise ValueError(message)  # noqa: TRY004 - as below
    return key, key.public_key()


def _generate_ed25519() -> str:
    return _pem(Ed25519PrivateKey.generate())


def _open_ed25519(text: str) -> Opened:
    key = _open_pem(text)
    if not isinstance(key, Ed25519PrivateKey):
        message = "not an Ed25519 key"
        raise ValueError(message)  # noqa: TRY004 - the value of an entry is wrong, whatever class it opens as
    return key, key.public_key()


def _pem(key: PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def _open_pem(text: str) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(text.encode("ascii"), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        message = "no unencrypted private key in PEM"
        raise ValueError(message) from None


KINDS: Mapping[str, KeyKind] = {
    "HS256": KeyKind(secret_text, _open_hmac),
    "RS256": KeyKind(_generate_rsa, _open_rsa),
    "ES256": KeyKind(_generate_p256, _open_p256),
    "EdDSA": KeyKind(_generate_ed25519, _open_ed25519),
}
