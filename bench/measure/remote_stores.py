"""What a target's stores counted, asked of the stores themselves."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from bench.measure.proof import Counts
from bench.stack.errors import NotReadyError
from bench.stack.valkey import UNCOUNTED

CONNECTING = frozenset((*UNCOUNTED, "hello", "client|setinfo", "client|setname", "script|load", "select", "quit"))
"""What no warm scheme sends: watching, the questions of health checks and the first words of a connection."""
LIMIT_S = 5.0

_STATEMENTS: LiteralString = """
    SELECT query, calls FROM pg_stat_statements JOIN pg_database ON dbid = pg_database.oid
    WHERE datname = current_database() AND query NOT LIKE '%pg_stat_statements%' AND query <> 'SELECT $1'
"""
"""Neither ours nor the services' question whether the database is there."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a store listens; `url` carries no password."""

    url: str
    password_file: Path | None

    def password(self) -> str | None:
        """None where it asks for none. OSError."""
        return self.password_file.read_text(encoding="utf-8").strip() if self.password_file else None


@dataclass(frozen=True, slots=True)
class StoreCounters:
    """Both stores of a target; the database is the services' own, with pg_stat_statements created in it."""

    redis: Server
    database: Server

    def commands(self) -> Counts:
        """Commands per store since they began to count. OSError, RedisError, ValueError, psycopg.Error."""
        return {"redis": self._commands(), "postgres": self._statements()}

    def insist(self) -> None:
        """NotReadyError when either does not tell."""
        for server, ask in ((self.redis, self._commands), (self.database, self._statements)):
            try:
                ask()
            except (OSError, RedisError, ValueError, psycopg.Error) as error:
                found = str(error).strip().partition("\n")[0]
                message = (
                    f"{server.url}: found {found!r}, expected its counters; correct its address and password file, "
                    "or leave --target-redis and --target-database out"
                )
                raise NotReadyError(message) from error

    def _commands(self) -> dict[str, int]:
        client = Redis.from_url(
            self.redis.url,
            password=self.redis.password(),
            protocol=2,
            driver_info=None,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=LIMIT_S,
            socket_connect_timeout=LIMIT_S,
            decode_responses=True,
        )
        with client:
            stats = client.info("commandstats")
        counts = {name.removeprefix("cmdstat_"): values["calls"] for name, values in stats.items()}
        return {name: calls for name, calls in counts.items() if name not in CONNECTING}

    def _statements(self) -> dict[str, int]:
        """Calls per leading keyword in lower case."""
        counts: Counter[str] = Counter()
        with psycopg.connect(
            self.database.url, password=self.database.password(), connect_timeout=round(LIMIT_S), autocommit=True
        ) as connection:
            for text, calls in connection.execute(_STATEMENTS):
                counts[str(text).split(maxsplit=1)[0].strip(";").lower()] += calls
        return dict(counts)
