"""What somebody with a copy of the stores sees: every row of every table, every key and value of Redis."""

from collections.abc import Iterator
from dataclasses import replace
from typing import LiteralString

import psycopg
from psycopg import sql
from redis import Redis

from bench.stack.arm import RunningArm
from services.settings import Settings


def settings_of(arm: RunningArm, settings: Settings) -> Settings:
    """What a job beside the arm's replicas is told."""
    return replace(settings, database_url=arm.cluster.url(arm.database))


def connected(arm: RunningArm) -> psycopg.Connection:
    """A connection to the database that is the arm's own."""
    return psycopg.connect(
        arm.cluster.url(arm.database), password=arm.cluster.password_file.read_text(), autocommit=True
    )


def query(arm: RunningArm, statement: LiteralString, *values: object) -> list[tuple[object, ...]]:
    """The rows that `statement` gives."""
    with connected(arm) as connection:
        return connection.execute(statement, values).fetchall()


def tables(arm: RunningArm) -> list[str]:
    """The tables of the service."""
    return [str(name) for (name,) in query(arm, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]


def database_dump(arm: RunningArm) -> Iterator[bytes]:
    """Every value of every table, texts as they are and bytes as bytes."""
    with connected(arm) as connection:
        for table in tables(arm):
            for row in connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))):
                yield from (value if isinstance(value, bytes) else str(value).encode() for value in row)


def redis_dump(arm: RunningArm) -> Iterator[bytes]:
    """Every key, and every value and member under it."""
    if arm.valkey is None:
        return
    password = arm.valkey.password_file.read_text()
    with Redis(host=arm.host, port=arm.valkey.port, password=password) as client:
        for key in client.scan_iter(count=1000):
            yield key
            match client.type(key):
                case b"string":
                    yield client.get(key) or b""
                case b"zset":
                    yield from client.zrange(key, 0, -1)
                case b"set":
                    yield from client.smembers(key)
                case _:
                    yield from (part for pair in client.hgetall(key).items() for part in pair)
