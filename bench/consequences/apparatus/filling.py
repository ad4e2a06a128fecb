"""Fills a session store in a process of its own, whose memory stays flat: sessions stream through, a sample is kept.

A memory store lives in the process that fills it, so that one holds nothing but the store.
"""

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import TYPE_CHECKING

from bench.measure.cpu import rss_bytes
from bench.stack.errors import NotReadyError
from bench.stack.process import Command
from bench.stack.supervisor import Supervisor
from services.contract import Grant, RejectedError, Store, StoreDownError
from services.database import Database
from services.parts import open_parts
from services.settings import Settings, SettingsError, from_environment, to_environment
from services.stores.sessions import SessionStore

if TYPE_CHECKING:
    from services.redis_client import RedisClient

STORES: tuple[Store, ...] = ("memory", "redis", "postgres")
ROLE = "user"
USERS_PIECE = 50_000
LIMIT_S = 600.0
NS_PER_US = 1000
KIB = 1024

_USERS = """
INSERT INTO users (id, name, role, password_hash)
SELECT 'id-' || name, name, 'user', '' FROM (
    SELECT 'kept-' || lpad(number::text, 7, '0') AS name FROM generate_series(%(first)s::int, %(last)s::int) AS number
) AS kept
ON CONFLICT DO NOTHING
"""

Known = tuple[str, str]
"""A user id and the credential of his session."""


@dataclass(frozen=True, slots=True)
class Filling:
    """Sessions of the users number `first` to below `until`, one each.

    `sampled` of them, drawn evenly by `seed`, are known afterwards; `reads` of those are timed.
    """

    store: Store
    first: int
    until: int
    sampled: int
    reads: int
    seed: int


@dataclass(frozen=True, slots=True)
class Filled:
    """What came of it. Bytes are the store's own before and after; a memory store's are those of its process.

    `users_s`: making the users, where the store must know them; no part of `load_s`. `read_us`: the median of the
    timed reads; `right` of them told whose session it is. `grown_bytes`: by how much the process was ever larger than
    at its start.
    """

    sessions: int
    users_s: float
    load_s: float
    bytes_before: int
    bytes_after: int
    read_us: float
    reads: int
    right: int
    grown_bytes: int


def user_id(number: int) -> str:
    """Whose session is the `number`-th."""
    return f"id-kept-{number:07d}"


def fill(supervisor: Supervisor, settings: Settings, filling: Filling) -> tuple[Filled, Sequence[Known]]:
    """Have a process of its own do it; the second is the sample. NotReadyError."""
    folder = supervisor.folder("filling")
    sample = folder / "sample.json"
    argv = (sys.executable, "-m", "bench.consequences.apparatus.filling", *_words(filling), "--sample", str(sample))
    name = f"{folder.name}-{filling.store}"
    process = supervisor.start(Command(name, argv, folder, to_environment(settings)))
    process.wait_ended(LIMIT_S)
    if process.popen.returncode:
        message = f"{name}: found {process.last_line()!r}, expected success; see {process.log}"
        raise NotReadyError(message)
    known = [(user, credential) for user, credential in json.loads(sample.read_text(encoding="ascii"))]
    return Filled(**json.loads(process.last_line())), known


def main(arguments: list[str]) -> int:
    """Fill, tell `Filled` as one line of JSON, and leave the sample in a file of its owner's: 0; 2 or 3 on failure."""
    filling, sample = _parsed(arguments)
    try:
        filled, known = run(from_environment(), filling)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except StoreDownError as error:
        sys.stderr.write(
            f"found no answer of {error.store} within its bound, expected a store that is up; see its log\n"
        )
        return 3
    sample.touch(mode=0o600)
    sample.write_text(json.dumps(known), encoding="ascii")
    sys.stdout.write(json.dumps(asdict(filled)) + "\n")
    return 0


def run(settings: Settings, filling: Filling) -> tuple[Filled, Sequence[Known]]:
    """Fill a store in this process. StoreDownError."""
    draw = Random(filling.seed)  # noqa: S311 - a sample, not a secret
    with closing(open_parts(settings)) as parts:
        users_s = _make_users(parts.database, filling) if filling.store == "postgres" else 0.0
        store = parts.sessions(filling.store)
        gc.collect()
        start_bytes, before = rss_bytes(os.getpid()), _store_bytes(settings, filling.store)
        began_s = time.perf_counter()
        known = _sample(draw, filling, store.create_many((user_id(n), ROLE) for n in _numbers(filling)))
        load_s = time.perf_counter() - began_s
        parts.close()  # buffers that the server keeps for a connection are no session's
        after = _store_bytes(settings, filling.store)
        waits_us, right = _read(store, draw.choices(known, k=filling.reads))
    grown = max(0, _peak_bytes() - start_bytes)
    return Filled(len(_numbers(filling)), users_s, load_s, before, after, waits_us, filling.reads, right, grown), known


def _numbers(filling: Filling) -> range:
    return range(filling.first, filling.until)


def _make_users(database: Database, filling: Filling) -> float:
    """Sessions in PostgreSQL refer to users, so these come first; the seconds it took."""
    began_s = time.perf_counter()
    for first in _numbers(filling)[::USERS_PIECE]:
        database.run(_USERS, {"first": first, "last": min(first + USERS_PIECE, filling.until) - 1})
    return time.perf_counter() - began_s


def _sample(draw: Random, filling: Filling, grants: Iterable[Grant]) -> list[Known]:
    """An even sample of a stream in bounded memory (Vitter's algorithm R)."""
    known: list[Known] = []
    for seen, (number, grant) in enumerate(_numbered(filling, grants), start=1):
        if seen <= filling.sampled:
            known.append((user_id(number), grant.credential))
        elif (place := int(draw.random() * seen)) < filling.sampled:
            known[place] = (user_id(number), grant.credential)
    return known


def _numbered(filling: Filling, grants: Iterable[Grant]) -> Iterator[tuple[int, Grant]]:
    return zip(_numbers(filling), grants, strict=True)


def _read(store: SessionStore, known: Sequence[Known]) -> tuple[float, int]:
    """The median of what reading takes, and how many reads told the right user."""
    waits_ns, right = [], 0
    for user, credential in known:
        sent_ns = time.perf_counter_ns()
        try:
            right += store.read(credential).user_id == user
        except RejectedError:
            continue
        finally:
            waits_ns.append(time.perf_counter_ns() - sent_ns)
    return median(waits_ns) / NS_PER_US, right


def _peak_bytes() -> int:
    """The most memory this process ever had; getrusage would also tell what whoever started it had."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * KIB


def _store_bytes(settings: Settings, store: Store) -> int:
    """What the store holds now, on a connection of its own."""
    match store:
        case "memory":
            return rss_bytes(os.getpid())
        case "redis":
            return _redis_bytes(settings)
        case "postgres":
            return _table_bytes(settings)


def _redis_bytes(settings: Settings) -> int:
    from services.redis_client import RedisClient  # noqa: PLC0415 - a memory store must not pay for the library

    with closing(RedisClient(settings)) as client:
        return told_by_redis(client, "memory", "used_memory")


def told_by_redis(client: "RedisClient", section: str, name: str) -> int:
    """A number of INFO, such as what is allocated as `maxmemory` counts it. StoreDownError."""
    values: Mapping[str, int] = client.command("INFO", section)
    return values[name]


def _table_bytes(settings: Settings) -> int:
    with closing(Database(settings)) as database:
        row = database.one("SELECT pg_total_relation_size('sessions')", {})
        return row[0] if row else 0


def _words(filling: Filling) -> Iterator[str]:
    for name, value in asdict(filling).items():
        yield from (f"--{name}", str(value))


def _parsed(arguments: list[str]) -> tuple[Filling, Path]:
    parser = argparse.ArgumentParser(
        prog="python -m bench.consequences.apparatus.filling", description="Fill a session store."
    )
    parser.add_argument("--store", choices=STORES, required=True)
    for name in ("first", "until", "sampled", "reads", "seed"):
        parser.add_argument(f"--{name}", type=int, required=True, metavar="N")
    parser.add_argument("--sample", type=Path, required=True, metavar="F", help="where to leave known credentials")
    told = parser.parse_args(arguments)
    return Filling(told.store, told.first, told.until, told.sampled, told.reads, told.seed), told.sample


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
