"""What stores hold, weighed on real servers: every key and every row, to the byte."""

import psycopg
import pytest

from bench.gates.counting import bytes_in_postgres, bytes_in_redis
from bench.stack.postgres import PostgresCluster
from bench.stack.valkey import Valkey
from tests.conftest import Database


@pytest.mark.stack
def test_a_key_weighs_its_name_and_its_value(valkey: Valkey) -> None:
    """Of every kind of key; what is stored in binary, too."""
    before = bytes_in_redis(valkey)
    with valkey.client() as client:
        client.set(b"\xff-text", b"\xc3" * 70)
        client.hset("hash-", mapping={"a": "12"})
        client.rpush("list-", "123", "4567")
        client.sadd("set--", "12345")
        client.zadd("zset-", {"member": 1764555555123})
        weighed = bytes_in_redis(valkey) - before
        client.delete(b"\xff-text", "hash-", "list-", "set--", "zset-")
    assert weighed == (6 + 70) + (5 + 3) + (5 + 7) + (5 + 5) + (5 + 6 + 13)
    assert bytes_in_redis(valkey) == before


@pytest.mark.stack
def test_a_row_weighs_what_the_server_says(postgres: PostgresCluster, database: Database) -> None:
    """Over all tables, a character more is a byte more; a database without any weighs nothing."""
    assert bytes_in_postgres(postgres, database.name) == 0
    password = database.password_file.read_text(encoding="utf-8").strip()
    with psycopg.connect(database.url, password=password, autocommit=True) as connection:
        connection.execute("CREATE TABLE one (name text); INSERT INTO one VALUES ('0')")
        row = bytes_in_postgres(postgres, database.name)
        connection.execute(
            "CREATE TABLE \"an Other\" (name text); INSERT INTO \"an Other\" VALUES ('01'), ('0123456789')"
        )
    assert row > 0
    assert bytes_in_postgres(postgres, database.name) == row + (row + 1) + (row + 9)
