"""Keys as PEM text: the same keys, in the form in which they cost most."""

import jwt
import pytest

from services.keys import KeyRing, generate
from services.pem_keys import PemKeys


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    """Keys of every algorithm."""
    path = tmp_path_factory.mktemp("pem") / "keys.json"
    generate(path)
    return KeyRing(path)


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_text_and_object_are_the_same_key(ring: KeyRing, alg: str) -> None:
    """What one signs the other verifies, and the private part stays with the signer."""
    held, text = ring.signing(alg), PemKeys(ring).signing(alg)
    assert isinstance(text.signing, bytes)
    assert isinstance(text.verification, bytes)
    assert b"PRIVATE" in text.signing
    assert b"PUBLIC" in text.verification
    assert jwt.decode(jwt.encode({}, text.signing, alg), held.verification, [alg]) == {}
    assert jwt.decode(jwt.encode({}, held.signing, alg), text.verification, [alg]) == {}


def test_text_is_made_once(ring: KeyRing) -> None:
    """A program keeps the text; it is the library that parses it again and again."""
    key = PemKeys(ring).signing("RS256")
    assert PemKeys(ring).verifying(key.kid) is key


def test_secrets_and_unknown_names_stay_what_they_are(ring: KeyRing) -> None:
    """There is no PEM of either."""
    secret = ring.signing("HS256")
    assert PemKeys(ring).verifying(secret.kid) is secret
    assert PemKeys(ring).verifying("nobody") is None
