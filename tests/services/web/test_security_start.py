"""SECURITY row 3: a service with a weak key refuses to start, whatever schemes it is to serve."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services import keys
from services.key_kinds import secret_text
from services.settings import Settings, to_environment

DEADLINE_S = 60.0


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


WEAK: Mapping[str, tuple[str, Callable[[], str]]] = {
    "31 bytes": ("HS256", lambda: secret_text(b"x" * 31)),
    "RSA of 1024 bits": ("RS256", lambda: _pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))),  # noqa: S505 - weak on purpose
    "another curve": ("ES256", lambda: _pem(ec.generate_private_key(ec.SECP224R1()))),
    "another kind": ("EdDSA", lambda: _pem(ec.generate_private_key(ec.SECP256R1()))),
}


@pytest.mark.parametrize("weakness", WEAK)
def test_row_03_a_weak_key_is_refused_at_the_start(settings: Settings, tmp_path: Path, weakness: str) -> None:
    """HMAC under 32 bytes, RSA under 2048 bits, a curve that is not the algorithm's: one line and no listener."""
    alg, make = WEAK[weakness]
    path = tmp_path / "keys.json"
    keys.generate(path)
    ring = json.loads(path.read_text())
    (entry,) = (entry for entry in ring["keys"] if entry["alg"] == alg)
    entry["key"] = make()
    path.write_text(json.dumps(ring))
    ended = subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", "python:services.gunicorn_conf"],
        env={**os.environ, **to_environment(replace(settings, keys_file=path)), "AUTHBENCH_BIND": "127.0.0.1:0"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    (line,) = [line for line in ended.stderr.splitlines() if not line.startswith("[")]
    assert (ended.returncode, line.startswith("services: ")) == (1, True)
    assert str(path) in line
    assert entry["key"] not in line
