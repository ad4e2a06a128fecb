"""The file of a key ring: only strong, distinct keys are read from it, and a change replaces it in one step."""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from services.key_kinds import KINDS, SigningMaterial, VerificationMaterial, open_secret, secret_text
from services.settings import SettingsError

State = Literal["active", "verify-only"]

RECHECK_S = 1.0
"""A running service sees a change after this long at the latest."""
SETTLED_S = 2 * RECHECK_S
"""So old must a ring be before a key of it is made to sign: no service may meet a key it has not read."""


class KeyRingError(SettingsError):
    """The key file is unusable; the message says what was found, what was expected and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One key for one algorithm. `active` signs and verifies; `verify-only` is being added or retired.

    `text` is what the file keeps: base64 of a secret, or PEM. No two keys are equal: they may be looked up by identity.
    """

    kid: str
    alg: str
    state: State
    text: str = field(repr=False)
    signing: SigningMaterial = field(repr=False)
    verification: VerificationMaterial = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ring:
    """What a file holds: `by_kid` in its order, `active` by algorithm."""

    csrf_secret: bytes = field(repr=False)
    by_kid: Mapping[str, Key]
    active: Mapping[str, Key]


Version = tuple[int, int, int]
"""Differs when the file was changed or replaced."""


def version_of(path: Path) -> Version:
    """The version of the file at `path`. KeyRingError when there is none."""
    try:
        status = path.stat()
    except OSError as error:
        raise unusable(path, str(error.strerror), "a key ring") from error
    return status.st_ino, status.st_mtime_ns, status.st_size


def read_ring(path: Path) -> Ring:
    """The keys in `path`. KeyRingError unless all are strong and distinct, with one active key per algorithm."""
    try:
        return _ring(json.loads(path.read_text(encoding="ascii")))
    except OSError as error:
        raise unusable(path, str(error.strerror), "a key ring") from error
    except ValueError as error:
        raise unusable(path, str(error), "a key ring of strong, distinct keys") from error


def unusable(path: Path, found: str, expected: str) -> KeyRingError:
    """An error that says how to make a ring."""
    return KeyRingError(
        f"{path}: found {found}, expected {expected}; write one with python -m services.keys write PATH"
    )


def generate(path: Path, algs: Iterable[str] = tuple(KINDS)) -> None:
    """Write a fresh ring to `path`, readable by its owner alone. KeyRingError when the file is there or cannot be."""
    ring = _checked(secrets.token_bytes(32), [_fresh(alg, "active") for alg in algs])
    try:
        with _written(path, ring) as part:
            os.link(part, path)
    except OSError as error:
        message = f"{path}: {error.strerror}, expected a new file; name another path or remove it"
        raise KeyRingError(message) from error


def add(path: Path, alg: str) -> str:
    """Add a key of `alg` that verifies only, so that every replica knows it before any signs with it; its kid."""
    key = _fresh(alg, "verify-only")
    _change(path, lambda ring: [*ring.by_kid.values(), key])
    return key.kid


def promote(path: Path, kid: str) -> None:
    """Make the key called `kid` sign in place of the active one of its algorithm, which from then on only verifies.

    Waits until the ring has not changed for SETTLED_S.
    """

    def promoted(ring: Ring) -> list[Key]:
        alg = _known(path, ring, kid).alg
        return [_with_state(key, kid) if key.alg == alg else key for key in ring.by_kid.values()]

    time.sleep(min(max(_settles_in_s(path), 0.0), SETTLED_S))
    _change(path, promoted)


def retire(path: Path, kid: str) -> None:
    """Remove the key called `kid`; what it signed is refused from then on. KeyRingError for an active key."""

    def retired(ring: Ring) -> list[Key]:
        if _known(path, ring, kid).state == "active":
            message = f"{path}: found {kid} active, expected verify-only; promote another key in its place first"
            raise KeyRingError(message)
        return [key for key in ring.by_kid.values() if key.kid != kid]

    _change(path, retired)


def _fresh(alg: str, state: State) -> Key:
    text = KINDS[alg].generate()
    return Key(f"{alg.lower()}-{secrets.token_hex(4)}", alg, state, text, *KINDS[alg].open(text))


def _with_state(key: Key, active: str) -> Key:
    return replace(key, state="active" if key.kid == active else "verify-only")


def _known(path: Path, ring: Ring, kid: str) -> Key:
    if kid not in ring.by_kid:
        message = f"{path}: found no key {kid!r}, expected one of: {', '.join(ring.by_kid)}; name one of them"
        raise KeyRingError(message)
    return ring.by_kid[kid]


def _settles_in_s(path: Path) -> float:
    _, changed_ns, _ = version_of(path)
    return SETTLED_S - (time.time() - changed_ns / 1e9)


def _change(path: Path, change: Callable[[Ring], list[Key]]) -> None:
    """Replace the ring by one with the keys that `change` makes of it, alone with it. KeyRingError."""
    with _locked(path):
        ring = read_ring(path)
        changed = _checked(ring.csrf_secret, change(ring))
        try:
            owner = path.stat()
            with _written(path, changed) as part:
                os.chown(part, owner.st_uid, owner.st_gid)
                part.replace(path)
        except OSError as error:
            message = f"{path}: {error.strerror}, expected a folder that may be written to; run it as the file's owner"
            raise KeyRingError(message) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Two commands at once would each lose the other's change."""
    try:
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        raise unusable(path, str(error.strerror), "a key ring") from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextmanager
def _written(path: Path, ring: Ring) -> Iterator[Path]:
    """The ring in a file beside `path`, on the disk, readable by its owner alone, to be put in place. OSError."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(_text(ring))
            file.flush()
            os.fsync(file.fileno())
        yield part
    finally:
        part.unlink(missing_ok=True)


def _text(ring: Ring) -> str:
    keys = [{"kid": key.kid, "alg": key.alg, "state": key.state, "key": key.text} for key in ring.by_kid.values()]
    return json.dumps({"csrf_secret": secret_text(ring.csrf_secret), "keys": keys}, indent=2) + "\n"


def _ring(document: object) -> Ring:
    match document:
        case {"csrf_secret": str(csrf_secret), "keys": list(entries)}:
            return _checked(open_secret(csrf_secret), [_key(entry) for entry in entries])
    message = "no csrf_secret or no list of keys"
    raise ValueError(message)


def _key(entry: object) -> Key:
    match entry:
        case {"kid": str(kid), "alg": str(alg), "state": "active" | "verify-only" as state, "key": str(text)}:
            if alg in KINDS:
                return Key(kid, alg, state, text, *KINDS[alg].open(text))
            message = f"key {kid!r} with alg {alg!r}"
        case {"kid": str(kid), "alg": str(), "state": str(state), "key": str()}:
            message = f"key {kid!r} with state {state!r}"
        case _:
            message = "an entry that needs kid, alg, state and key"
    raise ValueError(message)


def _checked(csrf_secret: bytes, keys: Sequence[Key]) -> Ring:
    active = [key for key in keys if key.state == "active"]
    return Ring(csrf_secret, _distinct(keys, "kid"), _distinct(active, "alg"))


def _distinct(keys: Iterable[Key], name: Literal["kid", "alg"]) -> dict[str, Key]:
    held: dict[str, Key] = {}
    for key in keys:
        value = getattr(key, name)
        if value in held:
            message = f"two{' active' if name == 'alg' else ''} keys with {name} {value!r}"
            raise ValueError(message)
        held[value] = key
    return held
