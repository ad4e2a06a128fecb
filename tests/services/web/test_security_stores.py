"""SECURITY rows 15, 24 and 28: what the stores hold is no use to a thief, and what they cannot say is not guessed."""

import base64
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest
from psycopg import sql

from bench.stack.arm import RunningArm
from services.catalogue import SCHEMES
from services.stores.credentials import CREDENTIAL_BYTES, SID_BYTES, new_credential, new_sid
from tests.fleet import Fleet
from tests.services.web.client import Answer, Client
from tests.services.web.inspection import connected, database_dump, redis_dump, tables
from tests.services.web.mounts import BFF, GUARDED, OPAQUE, REDIS_READ, STORED, Mount, under

IDS = 100_000
BITS_LEAST = 128
SIGNED_TOKEN = re.compile(rb"eyJ[\w-]+\.eyJ")
READS_NO_POSTGRES = [
    mount for mount in STORED if "postgres" not in SCHEMES[mount[0]].traits.operations["verify"].commands
]
READS_POSTGRES = [mount for mount in STORED if mount not in READS_NO_POSTGRES]


def held(client: Client) -> set[str]:
    """What the client can prove itself with."""
    return {value for value in (client.credential, client.refresh_credential) if value}


def dump_of(arm: RunningArm) -> list[bytes]:
    """Every value in the arm's database and Redis."""
    return [*database_dump(arm), *redis_dump(arm)]


@under(STORED)
def test_row_15_a_dump_of_the_stores_holds_no_credential(fleet: Fleet, mount: Mount) -> None:
    """None that was ever handed out, current, refreshed, logged out or replaced, as text or as bytes."""
    client, ended = fleet.logged_in(*mount), fleet.logged_in(*mount)
    issued = held(client) | held(ended)
    client.refresh()
    client.get("profile")
    ended.log_out()
    issued |= held(client)
    everything = b"\n".join(dump_of(fleet.arm(mount[0])))
    assert client.get("profile").status == 200
    for credential in issued:
        assert credential.encode() not in everything
        if "." not in credential:
            assert base64.urlsafe_b64decode(credential + "=") not in everything


@under([*OPAQUE, *[mount for mount in STORED if SCHEMES[mount[0]].traits.can_renew]])
def test_row_15_nothing_in_a_dump_opens_anything(fleet: Fleet, mount: Mount) -> None:
    """What a login and a refresh left there, in the spellings a thief would try, as either credential."""
    arm = fleet.arm(mount[0])
    before = set(dump_of(arm))
    client = fleet.logged_in(*mount)
    client.refresh()
    left = set(dump_of(arm)) - before
    assert left or "memory" in SCHEMES[mount[0]].traits.stores
    for value in left:
        for spelling in (value.hex(), base64.urlsafe_b64encode(value).rstrip(b"=").decode(), _printable(value)):
            thief = client.twin()
            thief.credential = thief.refresh_credential = spelling[:2000]
            assert thief.get("profile").status == 401
            assert thief.refresh().status == 401
    assert client.get("profile").status == 200


def _printable(value: bytes) -> str:
    """The value itself as far as a header can hold it; after the last colon, as keys are PREFIX:WHAT."""
    return re.sub(r"[^!-~]", "", value.rpartition(b":")[2].decode("latin-1"))


@under(OPAQUE)
def test_row_15_a_credential_has_more_bits_than_can_be_guessed(fleet: Fleet, mount: Mount) -> None:
    """As issued, and of another login every time."""
    clients = [fleet.logged_in(*mount) for _ in range(8)]
    issued = {credential for client in clients for credential in held(client)}
    assert len(issued) >= len(clients)
    assert {len(base64.urlsafe_b64decode(credential + "=")) * 8 >= BITS_LEAST for credential in issued} == {True}


@pytest.mark.parametrize(("make", "size_bytes"), [(new_credential, CREDENTIAL_BYTES), (new_sid, SID_BYTES)])
def test_row_24_ids_are_long_unique_and_even(make: object, size_bytes: int) -> None:
    """100,000 of them: one length, no two alike, and every bit set in half of them within six standard deviations."""
    assert callable(make)
    ids = [make() for _ in range(IDS)]
    assert len(set(ids)) == IDS
    assert {len(one) for one in ids} == {-(-size_bytes * 8 // 6)}
    raw = b"".join(base64.urlsafe_b64decode(one + "=" * (-len(one) % 4)) for one in ids)
    set_in = np.unpackbits(np.frombuffer(raw, np.uint8).reshape(IDS, size_bytes), axis=1).sum(axis=0, dtype=int)
    assert np.abs(set_in - IDS / 2).max() < 6 * (IDS / 4) ** 0.5


@contextmanager
def redis_hung(fleet: Fleet) -> Iterator[None]:
    """Redis accepts and never says a word."""
    processes = [arm.valkey.process for arm in (fleet.pair, fleet.single) if arm.valkey]
    with ExitStack() as stack:
        for process in processes:
            process.signal(signal.SIGSTOP)
            stack.callback(process.signal, signal.SIGCONT)
        yield


@contextmanager
def postgres_hung(fleet: Fleet) -> Iterator[None]:
    """Every table is locked by somebody who does not let go, so statements are accepted and never answered."""
    with ExitStack() as stack:
        for arm in (fleet.pair, fleet.single):
            connection = stack.enter_context(connected(arm))
            stack.enter_context(connection.transaction())
            names = sql.SQL(", ").join(sql.Identifier(name) for name in tables(arm))
            connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))
        yield


def used(client: Client) -> list[Answer]:
    """A read, a write and the end of a login."""
    twin = client.twin()
    return [twin.get("profile"), twin.post("notes", {"text": "x"}), twin.log_out()]


def check_down(answers: list[Answer]) -> None:
    """503 that says so and when to come back, and no cookie touched; a BFF knows only that the API does not answer."""
    for answer in answers:
        assert (answer.status, answer.cookie_lines) == (503, ())
        assert answer.reason in {"store-down", "upstream-down"}
        assert int(answer.header("Retry-After")) > 0


def test_row_28_without_redis_a_login_is_503_and_kept(fleet: Fleet) -> None:
    """Under every scheme that asks Redis: never 200, never 401; other schemes go on, and all go on afterwards."""
    clients = {mount: fleet.logged_in(*mount) for mount in GUARDED}
    others = [mount for mount in GUARDED if "redis" not in SCHEMES[mount[0]].traits.stores]
    with redis_hung(fleet), ThreadPoolExecutor(len(clients)) as threads:
        hung = threads.map(used, [clients[mount] for mount in REDIS_READ])
        reads = threads.map(lambda mount: clients[mount].twin().get("profile"), others)
        for answers in hung:
            check_down(answers)
        assert {answer.status for answer in reads} == {200}
    assert {client.get("profile").status for client in clients.values()} == {200}


def test_row_28_without_postgres_what_needs_it_is_503_and_the_rest_goes_on(fleet: Fleet) -> None:
    """Logins and renewals wait for later, sessions elsewhere and tokens are read as before; nobody is logged out."""
    clients = {mount: fleet.logged_in(*mount) for mount in GUARDED}
    renewing = [mount for mount in GUARDED if SCHEMES[mount[0]].traits.can_renew]
    with ThreadPoolExecutor(2 * len(clients)) as threads:
        with postgres_hung(fleet):
            answers = [
                *threads.map(lambda mount: clients[mount].twin().refresh(), renewing),
                *threads.map(lambda mount: clients[mount].twin().get("profile"), READS_POSTGRES),
                *threads.map(lambda mount: fleet.client(*mount).log_in("nobody", "x"), GUARDED),
            ]
            reads = list(threads.map(lambda mount: clients[mount].twin().get("profile"), READS_NO_POSTGRES))
        check_down(answers)
        assert {answer.status for answer in reads} == {200}
    assert {client.get("profile").status for client in clients.values()} == {200}
    assert {clients[mount].refresh().status for mount in renewing} == {200}


@under(BFF)
def test_row_15_a_bff_s_tokens_lie_sealed(fleet: Fleet, mount: Mount) -> None:
    """No signed token is readable in a dump of its stores."""
    fleet.logged_in(*mount)
    assert not [value for value in dump_of(fleet.arm(mount[0])) if SIGNED_TOKEN.search(value)]
