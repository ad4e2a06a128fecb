"""SECURITY rows 1, 2, 6, 9 and 32 through the load balancer: what we did not sign as it stands is 401."""

import hmac
import secrets
import socket
from collections.abc import Callable, Mapping
from functools import cache
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.keys import KeyRing
from tests.services.web.conftest import Holders
from tests.services.web.forging import alg_of, encoded, keep, parts_of, put, raw, read_with, signed, token
from tests.services.web.mounts import JWT, SIGNED, Mount, under

ALGS = [
    *("none", "nOnE", "None", "NONE", "HS256", "HS384", "HS512"),
    *("RS256", "RS512", "PS256", "ES256", "ES512", "EdDSA", "", None, 1),
]
FLIPS = 60

every_signed_scheme = under(SIGNED)
every_jwt_scheme = under(JWT)


@every_signed_scheme
@pytest.mark.parametrize("alg", ALGS)
def test_row_01_an_alg_off_the_list_is_401(holder: Holders, ring: KeyRing, mount: Mount, alg: object) -> None:
    """Whatever the header asks for: unsigned, signed as before, or with a public key as HMAC secret."""
    client = holder(mount)
    header, payload = parts_of(client)
    if alg == header["alg"]:
        alg = "none"
    put("alg", alg)(header)
    message = f"{encoded(header)}.{encoded(payload)}"
    confused = encoded(hmac.digest(_public(ring, alg_of(client)), message.encode(), "sha256"))
    for signature in ("", client.credential.split(".")[2], confused):
        assert read_with(client, f"{message}.{signature}").status == 401


def _public(ring: KeyRing, alg: str) -> bytes:
    """What a key-confusion attack uses as the HMAC secret: everybody can fetch it."""
    key = ring.signing("RS256" if alg.startswith("HS") else alg).verification
    assert not isinstance(key, bytes)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@every_signed_scheme
def test_row_01_a_key_of_one_alg_verifies_no_other(holder: Holders, ring: KeyRing, mount: Mount) -> None:
    """The kid of another algorithm's key, rightly signed with that key, is 401: one key, one alg, one scheme."""
    client = holder(mount)
    header, payload = parts_of(client)
    other = ring.signing("RS256" if alg_of(client) == "HS256" else "HS256")
    forged = token({**header, "alg": other.alg, "kid": other.kid}, payload, other.alg, other.signing)
    assert read_with(client, forged).status == 401


@every_signed_scheme
def test_row_02_a_flipped_bit_is_401(holder: Holders, mount: Mount) -> None:
    """Header, payload or signature, at a place drawn by a seed."""
    client, random = holder(mount), Random("/".join(mount))  # noqa: S311 - repeatable, no secret
    for number in range(FLIPS):
        segments = [bytearray(raw(part)) for part in client.credential.split(".")]
        segment = segments[number % 3]
        segment[random.randrange(len(segment))] ^= 1 << random.randrange(8)
        assert read_with(client, ".".join(encoded(bytes(part)) for part in segments)).status == 401


SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "padded": lambda text: text + "=",
    "padded inside": lambda text: text.replace(".", "=.", 1),
    "four segments": lambda text: text + ".",
    "empty segment": lambda text: "." + text,
    "two segments": lambda text: text.rpartition(".")[0],
    "standard alphabet": lambda text: text + "+/",
    "line break": lambda text: text + "%0A",
}


@every_jwt_scheme
@pytest.mark.parametrize("change", SPELLINGS.values(), ids=SPELLINGS)
def test_row_02_a_token_has_one_spelling(holder: Holders, mount: Mount, change: Callable[[str], str]) -> None:
    """Padding and extra dots are 401, so that a token cannot be spelled past a list of revoked ones."""
    client = holder(mount)
    assert read_with(client, change(client.credential)).status == 401


@every_signed_scheme
@pytest.mark.parametrize("kid", ["'; DROP TABLE users; --", "../../etc/passwd", "a\0b", "x" * 5000, "", None, 7, []])
def test_row_06_a_hostile_kid_is_401(holder: Holders, mount: Mount, kid: object) -> None:
    """Never 500: a kid is looked up in a dict and nowhere else."""
    client = holder(mount)
    header, _, rest = client.credential.partition(".")
    fields, _ = parts_of(client)
    put("kid", kid)(fields)
    assert header != encoded(fields)
    assert read_with(client, f"{encoded(fields)}.{rest}").status == 401


@every_signed_scheme
def test_row_06_an_endless_kid_is_refused_before_it_is_read(holder: Holders, mount: Mount) -> None:
    """10 KB in a token, and so more than a header line may hold: the server itself refuses."""
    client = holder(mount)
    header, payload = parts_of(client)
    assert read_with(client, f"{encoded({**header, 'kid': 'x' * 10_000})}.{encoded(payload)}.").status in {400, 431}


@every_signed_scheme
@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c"])
def test_row_06_a_key_named_by_the_token_is_ignored_and_not_fetched(holder: Holders, mount: Mount, name: str) -> None:
    """A token signed with the key it brings or points to is 401, and nobody asks where it points."""
    client = holder(mount)
    _, payload = parts_of(client)
    secret = secrets.token_bytes(32)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/keys"
        told = {"jwk": {"kty": "oct", "k": encoded(secret), "alg": "HS256"}, "x5c": [encoded(secret)]}
        header = {"typ": "at+jwt", "alg": "HS256", "kid": "mine", name: told.get(name, url)}
        for _ in range(2):  # each replica once
            assert read_with(client, token(header, payload, "HS256", secret)).status == 401
        with pytest.raises(BlockingIOError):
            listener.accept()


@every_signed_scheme
@pytest.mark.parametrize("crit", [["exp2"], ["b64"], ["exp"], [], "exp2", 1])
def test_row_09_an_unknown_crit_is_401(holder: Holders, ring: KeyRing, mount: Mount, crit: object) -> None:
    """An extension the issuer calls critical and we do not know ends the matter, rightly signed or not."""
    client = holder(mount)
    forged = signed(ring, client, lambda header: header.update(crit=crit, exp2=1), keep)
    assert read_with(client, forged).status == 401


@every_signed_scheme
@pytest.mark.parametrize("name", ["role", "sub", "sid", "jti", "exp"])
def test_row_32_a_claim_cannot_be_written_by_hand(holder: Holders, mount: Mount, name: str) -> None:
    """An administrator's role, another user or a later end, re-encoded under the old signature, is 401."""
    client = holder(mount)
    header, _, signature = client.credential.split(".")
    _, payload = parts_of(client)
    payload[name] = 4_000_000_000 if name == "exp" else "admin"
    assert read_with(client, f"{header}.{encoded(payload)}.{signature}").status == 401


@every_signed_scheme
@pytest.mark.parametrize("secret", [b"secret", b"", b"\0" * 32, b"authbench" * 4])
def test_row_32_a_guessed_or_other_key_signs_nothing(holder: Holders, mount: Mount, secret: bytes) -> None:
    """Under the service's own kid, with a guessed secret or a fresh key of the right kind."""
    client = holder(mount)
    header, payload = parts_of(client)
    alg = alg_of(client)
    key = secret if alg == "HS256" else _foreign(alg)
    assert read_with(client, token(header, {**payload, "role": "admin"}, alg, key)).status == 401


@cache
def _foreign(alg: str) -> Any:  # noqa: ANN401 - one of three libraries' kinds of keys
    """A key of the attacker's."""
    match alg:
        case "RS256":
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case _:
            return ed25519.Ed25519PrivateKey.generate()
