"""The key ring: signing and verification keys as prepared objects, re-read from one file without a restart."""

import argparse
import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol

from services.key_file import (
    RECHECK_S,
    Key,
    KeyRingError,
    Ring,
    add,
    generate,
    promote,
    read_ring,
    retire,
    version_of,
)
from services.key_kinds import KINDS, public_jwk
from services.settings import Settings

__all__ = [
    "RECHECK_S",
    "Key",
    "KeyRing",
    "KeyRingError",
    "KeySource",
    "add",
    "generate",
    "open_ring",
    "promote",
    "retire",
]

PROGRAM = "python -m services.keys"
EPILOG = """\
rotation, while the services run and nobody is refused:
  add PATH ALG       every replica learns the new key
  promote PATH KID   it signs; the one before it still verifies
  retire PATH KID    once the last token of the old key has expired
"""

log = logging.getLogger(__name__)


class KeySource(Protocol):
    """Where tokens find their keys."""

    def signing(self, alg: str) -> Key:
        """The active key of `alg`. KeyRingError when there is none."""
        ...

    def verifying(self, kid: str) -> Key | None:
        """The key called `kid`, active or not; None when there is none."""
        ...


class KeyRing:
    """The KeySource of the keys in `path`; the file is looked at at most once a second and re-read when it changed.

    A use that begins RECHECK_S or more after a change knows of it: who comes while the file is read again waits for it.
    KeyRingError when the file cannot be used at start-up; later a bad file is logged and the keys held stay in force.
    """

    def __init__(self, path: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._looked_at = monotonic()
        self._version = version_of(path)
        self._ring = read_ring(path)

    @property
    def csrf_secret(self) -> bytes:
        """The secret all replicas bind CSRF tokens with."""
        return self._current().csrf_secret

    def signing(self, alg: str) -> Key:
        """The active key of `alg`. KeyRingError when there is none."""
        key = self._current().active.get(alg)
        if key is None:
            message = (
                f"{self._path}: found no active {alg} key, expected one; add and promote one, see {PROGRAM} --help"
            )
            raise KeyRingError(message)
        return key

    def verifying(self, kid: str) -> Key | None:
        """The key called `kid`, active or not; None when the ring does not hold it."""
        return self._current().by_kid.get(kid)

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The public keys as a JSON Web Key Set (RFC 7517); symmetric keys never appear."""
        published = ((key, public_jwk(key.alg, key.verification)) for key in self._current().by_kid.values())
        return {
            "keys": [{**jwk, "kid": key.kid, "alg": key.alg, "use": "sig"} for key, jwk in published if jwk is not None]
        }

    def _current(self) -> Ring:
        if self._is_due():
            with self._lock:
                if self._is_due():
                    self._look()
        return self._ring

    def _is_due(self) -> bool:
        return self._monotonic() - self._looked_at >= RECHECK_S

    def _look(self) -> None:
        looked_at = self._monotonic()
        try:
            version = version_of(self._path)
            if version != self._version:
                self._ring = read_ring(self._path)
                self._version = version
        except KeyRingError as error:
            log.warning("%s; the keys read before stay in force", error)
        # last, so that nobody goes on with the old keys meanwhile
        self._looked_at = looked_at


def open_ring(settings: Settings) -> KeyRing:
    """The ring of `settings.keys_file`. KeyRingError when there is none that can be used."""
    if settings.keys_file is None:
        message = f"AUTHBENCH_KEYS_FILE is unset, expected a key ring; write one with {PROGRAM} write PATH"
        raise KeyRingError(message)
    return KeyRing(settings.keys_file)


def main(arguments: Sequence[str]) -> int:
    """`python -m services.keys COMMAND PATH [ALG | KID]`: 0, or 2 with one line on stderr."""
    given = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], object] = given.run
    try:
        run(given)
    except KeyRingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; the usage is a `--help` away."""

    def error(self, message: str) -> NoReturn:
        """Exit code 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def _parser() -> _Parser:
    parser = _Parser(
        prog=PROGRAM,
        description="Write a key ring, or change the keys of one that is in use.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (text, run) in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        command.add_argument("path", type=Path, metavar="PATH", help="the file of the ring")
        if name == "add":
            command.add_argument("alg", choices=KINDS, metavar="ALG", help=", ".join(KINDS))
        elif name in {"promote", "retire"}:
            command.add_argument("kid", metavar="KID", help="the name of a key, as `list` prints it")
    return parser


def _list(path: Path) -> None:
    for key in read_ring(path).by_kid.values():
        sys.stdout.write(f"{key.kid}  {key.alg}  {key.state}\n")


_COMMANDS: Mapping[str, tuple[str, Callable[[argparse.Namespace], object]]] = {
    "write": ("write a fresh ring with an active key of every algorithm", lambda given: generate(given.path)),
    "list": ("print name, algorithm and state of every key", lambda given: _list(given.path)),
    "add": (
        "add a key that only verifies, and print its name",
        lambda given: sys.stdout.write(add(given.path, given.alg) + "\n"),
    ),
    "promote": (
        "have a key sign in place of the active one, which then only verifies",
        lambda given: promote(given.path, given.kid),
    ),
    "retire": (
        "remove a key that does not sign; what it signed is refused from then on",
        lambda given: retire(given.path, given.kid),
    ),
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
