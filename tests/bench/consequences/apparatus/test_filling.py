"""Filling: as many sessions as asked for, each somebody's, by a process that keeps a sample of them."""

import json
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from bench.consequences.apparatus.filling import STORES, Filled, Filling, _sample, fill, main, run, user_id
from bench.stack.errors import NotReadyError
from bench.stack.foundation import Foundation
from bench.stack.supervisor import Supervisor
from bench.stack.valkey import Valkey
from services.contract import Grant, Store
from services.parts import open_parts
from services.settings import Settings, to_environment

FILLING = Filling("redis", first=10, until=60, sampled=20, reads=40, seed=1)


@pytest.fixture
def stores(foundation: Foundation, valkey: Valkey) -> Iterator[Settings]:
    """Settings on running stores: Redis is empty, the database a copy of the one all arms are copied from."""
    with valkey.client() as client:
        client.flushall()
    cluster, name = foundation.cluster, "filled"
    cluster.create_database(name, foundation.template)
    settings = replace(foundation.settings, database_url=cluster.url(name))
    yield replace(settings, redis_url=valkey.url, redis_password_file=valkey.password_file)
    cluster.drop_database(name)


def words(filling: Filling, sample: Path) -> list[str]:
    """The command line of `filling`."""
    numbers = ("first", "until", "sampled", "reads", "seed")
    told = [word for name in numbers for word in (f"--{name}", str(getattr(filling, name)))]
    return ["--store", filling.store, *told, "--sample", str(sample)]


@pytest.mark.parametrize("store", STORES)
def test_it_begins_the_sessions_and_knows_some(stores: Settings, store: Store) -> None:
    """The sampled users have one session each, which every read finds."""
    filled, known = run(stores, replace(FILLING, store=store))
    assert (filled.sessions, filled.reads, filled.right) == (50, 40, 40)
    assert len(known) == 20
    assert {user for user, _ in known} <= {user_id(number) for number in range(10, 60)}
    assert (filled.users_s > 0) == (store == "postgres")
    if store != "memory":
        with closing(open_parts(stores)) as parts:
            sessions = parts.sessions(store)
            assert [sessions.read(credential).user_id for _, credential in known] == [user for user, _ in known]
            assert len(sessions.of_user(user_id(59))) == 1
            assert sessions.of_user(user_id(60)) == []


def test_a_session_that_is_gone_is_no_right_read(stores: Settings) -> None:
    """What the store has lost meanwhile is counted, not passed over."""
    filled, _ = run(replace(stores, session_idle_s=0, session_absolute_s=0), replace(FILLING, store="memory"))
    assert filled.right == 0
    assert filled.reads == 40


def test_the_sample_is_even() -> None:
    """Every session is as likely to be known, the first as the last (chi-squared, 5 standard deviations)."""
    filling, draw, counts = replace(FILLING, first=0, until=30, sampled=3), Random(7), Counter[str]()  # noqa: S311 - a sample
    grants = [Grant(str(number), 1, "sid") for number in range(30)]
    for _ in range(2000):
        counts.update(user for user, _ in _sample(draw, filling, grants))
    expected = 2000 * 3 / 30
    assert sum((counts[user_id(number)] - expected) ** 2 / expected for number in range(30)) < 29 + 5 * 58**0.5


def test_a_process_of_its_own_does_it(supervisor: Supervisor, stores: Settings) -> None:
    """What comes back is what it told, and the sample opens sessions."""
    filled, known = fill(supervisor, stores, FILLING)
    assert isinstance(filled, Filled)
    assert filled.right == 40
    with closing(open_parts(stores)) as parts:
        assert parts.sessions("redis").read(known[0][1]).user_id == known[0][0]


def test_a_process_that_fails_is_one_line(supervisor: Supervisor, stores: Settings) -> None:
    """It says what it found and where the log is."""
    with pytest.raises(NotReadyError, match=r"found .*redis.*, expected success; see .*log") as failed:
        fill(supervisor, replace(stores, redis_url="redis://127.0.0.1:1/0"), FILLING)
    assert "\n" not in str(failed.value)


def test_the_sample_is_its_owners_alone(
    stores: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command tells figures on stdout, and credentials only in a file that nobody else can read."""
    for name, value in to_environment(stores).items():
        monkeypatch.setenv(name, value)
    sample = tmp_path / "sample"
    assert main(words(FILLING, sample)) == 0
    said = capsys.readouterr().out
    assert Filled(**json.loads(said)).sessions == 50
    credentials = [credential for _, credential in json.loads(sample.read_text())]
    assert len(credentials) == 20
    assert not any(credential in said for credential in credentials)
    assert stat.S_IMODE(sample.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [("AUTHBENCH_REDIS_URL", "redis://127.0.0.1:1/0", 3), ("AUTHBENCH_STORE_TIMEOUT_S", "soon", 2)],
)
def test_a_failure_is_one_line(  # noqa: PLR0913, PLR0917 - each case and what shows it
    stores: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    code: int,
) -> None:
    """A setting that cannot be used is 2, a store that is away 3."""
    for setting, given in {**to_environment(stores), name: value}.items():
        monkeypatch.setenv(setting, given)
    assert main(words(FILLING, tmp_path / "sample")) == code
    assert capsys.readouterr().err.count("\n") == 1
