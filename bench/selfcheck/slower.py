"""A state of the code that is slower for real: its `jwt-hs256` hashes a while before it verifies."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from services.catalogue import find
from services.clock import system_clock
from services.parts import open_parts
from services.settings import Settings
from services.users import User

SCHEME = "jwt-hs256"
FILE = Path("services/schemes/jwt_hs256.py")
CALL = "        return self._tokens.verify(credential)\n"
IMPORT = "from collections.abc import"
WORK_BYTES = 64
CALIBRATION_CALLS, TURNS = 2_000, 15
US_PER_NS = 1e-3


def slow_down(tree: Path, extra_us: float) -> None:
    """Have the scheme of `tree` work `extra_us` microseconds of CPU more on every verification."""
    times = max(1, round(extra_us / call_us(_hash)))
    work = f"        for _ in range({times}):\n            hashlib.sha256(bytes({WORK_BYTES})).digest()\n"
    text = (tree / FILE).read_text(encoding="utf-8")
    slower = text.replace(CALL, work + CALL).replace(IMPORT, f"import hashlib\n{IMPORT}", 1)
    (tree / FILE).write_text(slower, encoding="utf-8")


def verify_us() -> float:
    """CPU microseconds of a verification here and now, in a tight loop."""
    parts = open_parts(replace(Settings(), password_profile="harness"), system_clock)  # noqa: S106 - a profile's name
    try:
        scheme = find(SCHEME).build(parts)
        credential = scheme.issue(User(id="u", name="u", role="user", password_hash="")).credential
        return call_us(lambda: scheme.verify(credential))
    finally:
        parts.close()


def call_us(call: Callable[[], object]) -> float:
    """CPU microseconds of a call, in the quietest of several turns."""

    def turn_ns() -> int:
        start_ns = time.thread_time_ns()
        for _ in range(CALIBRATION_CALLS):
            call()
        return time.thread_time_ns() - start_ns

    return min(turn_ns() for _ in range(TURNS)) / CALIBRATION_CALLS * US_PER_NS


def _hash() -> bytes:
    return hashlib.sha256(bytes(WORK_BYTES)).digest()
