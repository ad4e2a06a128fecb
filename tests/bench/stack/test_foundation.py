"""What a run makes once is complete, or the run does not begin."""

import json
from dataclasses import replace

import psycopg
import pytest

from bench.stack.errors import NotReadyError
from bench.stack.foundation import Foundation, _finish, _seed
from bench.stack.supervisor import Supervisor
from services.passwords import Passwords


def test_keys_and_users_are_there(foundation: Foundation) -> None:
    """The key ring can be read, and every seeded account opens with the one password."""
    settings = foundation.settings
    assert settings.keys_file is not None
    assert json.loads(settings.keys_file.read_text())
    cluster = foundation.cluster
    with psycopg.connect(cluster.url(foundation.template), password=cluster.password_file.read_text()) as connection:
        hashes = [str(row[0]) for row in connection.execute("SELECT password_hash FROM users").fetchall()]
    assert len(hashes) == len(set(hashes)) == foundation.users + 1
    password = foundation.users_password_file.read_text()
    assert Passwords("harness").matches(hashes[0], password)


def test_a_seeding_that_fails_is_told(foundation: Foundation, supervisor: Supervisor) -> None:
    """One line with what the command said and where its log is."""
    nowhere = replace(foundation.settings, database_url=foundation.cluster.url("no-such-database"))
    process = _seed(replace(foundation, settings=nowhere), supervisor.folder("failing"))
    with pytest.raises(NotReadyError, match=r"seed: found '.*no-such-database.*expected success; see .*seed\.log"):
        _finish(process)
