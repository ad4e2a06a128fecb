"""The key ring: strong keys only, read again without a restart, never lost to a bad file."""

import base64
import json
import logging
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.keys import RECHECK_S, KeyRing, KeyRingError, generate, main


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A fresh ring."""
    path = tmp_path / "keys.json"
    generate(path)
    return path


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Apply `change` to the document, and put it in place in one step."""
    document = json.loads(path.read_text())
    change(document)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(document))
    part.replace(path)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    """A private key as the ring keeps it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_a_fresh_ring_signs_with_every_algorithm(path: Path) -> None:
    """One active key per algorithm, found by algorithm to sign and by name to verify."""
    ring = KeyRing(path)
    for alg in ("HS256", "RS256"):
        key = ring.signing(alg)
        assert key.alg == alg
        assert ring.verifying(key.kid) is key
    assert len(ring.csrf_secret) >= 32


def test_the_file_is_readable_by_its_owner_alone(path: Path) -> None:
    """Whoever reads the ring can be anybody."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_key_set_holds_public_rsa_members_only(path: Path) -> None:
    """JWKS publishes neither a shared secret nor a private exponent."""
    ring = KeyRing(path)
    (key,) = ring.jwks()["keys"]
    assert key["kid"] == ring.signing("RS256").kid
    assert key.keys() <= {"kty", "n", "e", "kid", "alg", "use", "key_ops"}
    assert key["key_ops"] == ["verify"]


def test_secrets_do_not_show_in_a_repr(path: Path) -> None:
    """A key in a log or traceback tells its name alone."""
    key = KeyRing(path).signing("HS256")
    assert repr(key) == f"Key(kid={key.kid!r}, alg='HS256', state='active')"


def test_an_unknown_name_verifies_nothing(path: Path) -> None:
    """A kid is looked up, never used as a path or statement."""
    assert KeyRing(path).verifying("../../etc/passwd") is None


def weak_hmac(document: dict[str, Any]) -> None:
    """31 bytes."""
    document["keys"][0]["key"] = base64.b64encode(bytes(31)).decode()


def weak_rsa(document: dict[str, Any]) -> None:
    """1024 bits."""
    document["keys"][1]["key"] = pem(rsa.generate_private_key(65537, 1024))  # noqa: S505 - weak on purpose


def foreign_key(document: dict[str, Any]) -> None:
    """An elliptic curve key under an RSA name."""
    document["keys"][1]["key"] = pem(ec.generate_private_key(ec.SECP256R1()))


def weak_csrf(document: dict[str, Any]) -> None:
    """A short secret."""
    document["csrf_secret"] = "YWJj"


def unknown_alg(document: dict[str, Any]) -> None:
    """An algorithm that is none."""
    document["keys"][0]["alg"] = "none"


def unknown_state(document: dict[str, Any]) -> None:
    """A state that is none."""
    document["keys"][0]["state"] = "paused"


def same_kid(document: dict[str, Any]) -> None:
    """One name for two keys."""
    document["keys"][1]["kid"] = document["keys"][0]["kid"]


def two_active(document: dict[str, Any]) -> None:
    """Two keys that would both sign."""
    document["keys"].append({**document["keys"][0], "kid": "second"})


def without_keys(document: dict[str, Any]) -> None:
    """A document of something else."""
    del document["keys"]


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (weak_hmac, "31 bytes"),
        (weak_rsa, "2048 bits"),
        (foreign_key, "not an RSA key"),
        (weak_csrf, "3 bytes"),
        (unknown_alg, "alg 'none'"),
        (unknown_state, "state 'paused'"),
        (same_kid, "two keys with kid"),
        (two_active, "two active keys with alg"),
        (without_keys, "without 'keys'"),
    ],
)
def test_start_up_refuses_a_weak_or_ambiguous_ring(
    path: Path, spoil: Callable[[dict[str, Any]], None], found: str
) -> None:
    """RFC 8725 3.5: HMAC under 32 bytes and RSA under 2048 bits never sign; one name, one key, one algorithm."""
    edit(path, spoil)
    with pytest.raises(KeyRingError, match=found) as refused:
        KeyRing(path)
    assert "\n" not in str(refused.value)


def test_start_up_refuses_a_missing_file(tmp_path: Path) -> None:
    """The message says how to make one."""
    with pytest.raises(KeyRingError, match=r"No such file.*python -m services\.keys"):
        KeyRing(tmp_path / "missing")


def test_a_file_that_went_away_between_look_and_read_is_refused(path: Path) -> None:
    """A directory can be looked at and not read."""
    with pytest.raises(KeyRingError, match="directory"):
        KeyRing(path.parent)


def test_no_active_key_of_an_algorithm_is_an_error(path: Path) -> None:
    """A ring that can only verify cannot issue."""
    edit(path, lambda document: document["keys"].pop())
    with pytest.raises(KeyRingError, match="no active RS256 key"):
        KeyRing(path).signing("RS256")


def test_a_changed_file_is_read_again_within_a_second(path: Path) -> None:
    """Add, promote and retire keys while the service runs; both keys verify during the overlap."""
    now_s = [0.0]
    ring = KeyRing(path, lambda: now_s[0])
    old = ring.signing("HS256")

    def promote(document: dict[str, Any]) -> None:
        document["keys"][0]["state"] = "verify-only"
        document["keys"].append({**document["keys"][0], "kid": "next", "state": "active"})

    edit(path, promote)
    assert ring.signing("HS256").kid == old.kid
    now_s[0] += RECHECK_S
    assert ring.signing("HS256").kid == "next"
    assert ring.verifying(old.kid) is not None


def test_an_unchanged_file_is_not_read_again(path: Path) -> None:
    """A look costs a stat and no parsing: the key objects stay the same."""
    now_s = [0.0]
    ring = KeyRing(path, lambda: now_s[0])
    key = ring.signing("RS256")
    now_s[0] += RECHECK_S
    assert ring.signing("RS256") is key


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text("{")])
def test_a_bad_file_leaves_the_keys_in_force(
    path: Path, spoil: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    """A slip during rotation logs a warning and logs nobody out."""
    now_s = [0.0]
    ring = KeyRing(path, lambda: now_s[0])
    key = ring.signing("HS256")
    spoil(path)
    now_s[0] += RECHECK_S
    with caplog.at_level(logging.WARNING):
        assert ring.signing("HS256") is key
    assert "stay in force" in caplog.text


def test_generating_never_overwrites(path: Path) -> None:
    """Keys in use are not lost to a second call."""
    before = path.read_text()
    assert main([str(path)]) == 2
    assert path.read_text() == before


def test_the_command_writes_a_ring(tmp_path: Path) -> None:
    """`python -m services.keys PATH` is all a deployment needs."""
    path = tmp_path / "new.json"
    subprocess.run([sys.executable, "-m", "services.keys", str(path)], check=True)
    assert KeyRing(path).signing("HS256")


def test_the_command_needs_one_path(capsys: pytest.CaptureFixture[str]) -> None:
    """One line says how to call it."""
    assert main([]) == 2
    assert capsys.readouterr().err == "usage: python -m services.keys PATH\n"
