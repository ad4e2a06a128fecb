"""Keys of every algorithm: what is made is strong, what is opened is strong too, what is published is public."""

import base64
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from services.key_kinds import KINDS, open_secret, public_jwk, secret_text

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey

RSA_WEAK = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
K256 = ec.generate_private_key(ec.SECP256K1())
ED25519 = ed25519.Ed25519PrivateKey.generate()
ED448 = ed448.Ed448PrivateKey.generate()


def pem(key: Private, encryption: KeySerializationEncryption | None = None) -> str:
    """A private key as a ring keeps it, or under a password."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()).decode()


def public_pem(key: Private) -> str:
    """What is left when the private part was not put in."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize("alg", KINDS)
def test_what_is_made_can_be_opened_and_signs(alg: str) -> None:
    """Text in, key objects out, and the library takes them for that algorithm."""
    signing, verification = KINDS[alg].open(KINDS[alg].generate())
    token = jwt.encode({"sub": "1"}, signing, alg)
    assert jwt.decode(token, verification, [alg]) == {"sub": "1"}


@pytest.mark.parametrize("alg", KINDS)
def test_no_key_is_made_twice(alg: str) -> None:
    """From a CSPRNG, every one of them."""
    assert len({KINDS[alg].generate() for _ in range(3)}) == 3


@pytest.mark.parametrize(
    ("alg", "text", "found"),
    [
        ("HS256", base64.b64encode(bytes(31)).decode(), "31 bytes"),
        ("HS256", "not base64!", "base64"),
        ("RS256", pem(RSA_WEAK), "2048 bits"),
        ("RS256", pem(P256), "2048 bits"),
        ("ES256", pem(P384), "P-256"),
        ("ES256", pem(K256), "P-256"),
        ("ES256", pem(ED25519), "P-256"),
        ("EdDSA", pem(ED448), "Ed25519"),
        ("EdDSA", pem(P256), "Ed25519"),
        ("EdDSA", public_pem(ED25519), "private key"),
        ("ES256", public_pem(P256), "private key"),
        ("ES256", pem(P256, BestAvailableEncryption(b"password")), "unencrypted"),
        ("RS256", "-----BEGIN PRIVATE KEY-----", "private key"),
        ("RS256", "Schl\u00fcssel", "private key"),
    ],
)
def test_a_weak_or_other_key_is_not_opened(alg: str, text: str, found: str) -> None:
    """RFC 8725 3.5, RFC 7518 3.4, RFC 8037 3.1: HMAC from 32 bytes, RSA from 2048 bits, P-256, Ed25519; private."""
    with pytest.raises(ValueError, match=found) as refused:
        KINDS[alg].open(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("alg", "fixed", "members"),
    [
        ("RS256", {"kty": "RSA", "e": "AQAB"}, {"kty", "n", "e"}),
        ("ES256", {"kty": "EC", "crv": "P-256"}, {"kty", "crv", "x", "y"}),
        ("EdDSA", {"kty": "OKP", "crv": "Ed25519"}, {"kty", "crv", "x"}),
    ],
)
def test_only_public_members_are_published(alg: str, fixed: dict[str, str], members: set[str]) -> None:
    """RFC 7518 6.2.1, 6.3.1, RFC 8037 2: exactly those, and no private one even of a private key."""
    signing, verification = KINDS[alg].open(KINDS[alg].generate())
    jwk = public_jwk(alg, verification)
    assert jwk is not None
    assert jwk.keys() == members
    assert jwk.items() >= fixed.items()
    for name in jwk.keys() & {"x", "y"}:
        assert len(base64.urlsafe_b64decode(jwk[name] + "=")) == 32
    private = public_jwk(alg, signing)  # type: ignore[arg-type] # what a slip would hand over
    assert private is None or private.keys() == members


def test_a_secret_is_never_published() -> None:
    """A symmetric key has no public part."""
    _, verification = KINDS["HS256"].open(KINDS["HS256"].generate())
    assert public_jwk("HS256", verification) is None


def test_a_secret_survives_as_text() -> None:
    """What is written is what is read."""
    assert open_secret(secret_text(bytes(range(32)))) == bytes(range(32))


def test_the_library_and_the_ring_mean_the_same_file(tmp_path: Path) -> None:
    """PEM as any other tool reads it."""
    path = tmp_path / "key.pem"
    path.write_text(KINDS["ES256"].generate(), encoding="ascii")
    assert path.read_text(encoding="ascii").startswith("-----BEGIN PRIVATE KEY-----\n")
