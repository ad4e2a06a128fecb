"""Refresh races over HTTP: two replicas, one PostgreSQL, and every ending that a policy promises."""

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import get_args

import pytest

from bench.stack.arm import RunningArm
from bench.stack.foundation import Foundation
from bench.stack.stack import Stack
from loadtests.assignment import USERNAME
from loadtests.plan import ArmPlan
from services.database import Database
from services.settings import RefreshPolicy
from services.stores.credentials import digest
from tests.fleet import full_speed
from tests.services.web.client import HOST, Client, Send, over_tcp

POLICIES: tuple[RefreshPolicy, ...] = get_args(RefreshPolicy)
GRACES: tuple[RefreshPolicy, ...] = ("grace-replay", "grace-mint")
ROUNDS = 60
TABS = 16
SIBLINGS_MAX = 4
ROUNDS_AGAINST_A_LOGOUT = 20
LOST_RESPONSES = 20
PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Arena:
    """refresh-token under one policy behind HAProxy, the rows it keeps, and threads enough for every tab."""

    arm: RunningArm
    database: Database
    send: Send
    tabs: ThreadPoolExecutor
    password: str

    def logged_in(self) -> Client:
        """A fresh login of the same user as ever."""
        client = Client(self.send, "refresh-token", "bearer")
        assert client.log_in(USERNAME.format(0), self.password).status == 200
        return client

    def live(self, token: str) -> int:
        """How many tokens of the family of `token` are neither used nor revoked."""
        row = self.database.one(_LIVE, {"hash": digest(token)})
        assert row is not None
        return int(row[0])

    def is_used(self, token: str) -> bool:
        """Whether the use of `token` is committed."""
        row = self.database.one(
            "SELECT used_at IS NOT NULL FROM refresh_tokens WHERE token_hash = %(hash)s", {"hash": digest(token)}
        )
        assert row is not None
        return bool(row[0])


_LIVE = """
SELECT count(*) FROM refresh_tokens JOIN refresh_families USING (sid)
WHERE sid = (SELECT sid FROM refresh_tokens WHERE token_hash = %(hash)s) AND used_at IS NULL AND revoked_at IS NULL
"""


@pytest.fixture(scope="module")
def arenas(foundation: Foundation) -> Iterator[Mapping[RefreshPolicy, Arena]]:
    """One of each policy."""
    with ExitStack() as opened:
        yield {policy: opened.enter_context(arena_of(policy, foundation)) for policy in POLICIES}


@contextmanager
def arena_of(policy: RefreshPolicy, foundation: Foundation) -> Iterator[Arena]:
    """Two replicas and a database of their own; a busy machine shall end neither a grace nor a wait."""
    settings = replace(
        foundation.settings,
        refresh_policy=policy,
        refresh_siblings_max=SIBLINGS_MAX,
        refresh_grace_s=600,
        store_timeout_s=PATIENCE_S,
    )
    plan = ArmPlan(policy, "refresh-token", "bearer", 2, "roundrobin", "refresh", visitors=1)
    password = foundation.users_password_file.read_text(encoding="utf-8").strip()
    ground = Stack([plan], replace(foundation, settings=settings))
    with full_speed(ground) as stack, ThreadPoolExecutor(TABS) as tabs:
        arm = stack.arms[policy]
        database = Database(replace(settings, database_url=arm.cluster.url(arm.database)))
        yield Arena(arm, database, over_tcp(arm.port), tabs, password)
        database.close()


def race(arena: Arena, client: Client) -> list[Client]:
    """As many tabs as TABS, each with the answer to its refresh: all sent the same token at the same moment."""
    tabs, together = [client.twin() for _ in range(TABS)], threading.Barrier(TABS)

    def refresh(tab: Client) -> None:
        together.wait()
        tab.refresh()

    list(arena.tabs.map(refresh, tabs))
    return tabs


def endings(tabs: list[Client]) -> Counter[object]:
    """How often each status, or reason of a refusal, came last."""
    last = [tab.answers[-1] for tab in tabs]
    return Counter(answer.status if answer.status == 200 else answer.reason for answer in last)


def tokens_of(tabs: list[Client]) -> list[str]:
    """The different refresh tokens that they hold."""
    return sorted({tab.refresh_credential for tab in tabs})


def tried(arena: Arena, token: str) -> Client:
    """A client that has just presented `token`."""
    client = Client(arena.send, "refresh-token", "bearer", tokens={"refresh": token})
    client.refresh()
    return client


def assert_nothing_lives(arena: Arena, tokens: list[str], known: str) -> None:
    """No row of the family of `known` lives, and none of `tokens` is exchanged."""
    assert arena.live(known) == 0
    assert 200 not in endings([tried(arena, token) for token in tokens])
    assert arena.live(known) == 0


def assert_both_replicas_ran(tabs: list[Client]) -> None:
    """The race was one between replicas."""
    assert {tab.answers[-1].header("X-Replica") for tab in tabs} == {"replica-1", "replica-2"}


def test_strict_one_tab_wins_and_nobody_survives(arenas: Mapping[RefreshPolicy, Arena]) -> None:
    """Rule 4: one 200, then the family is revoked; 0 live, by the rows and by trying every token."""
    arena = arenas["strict"]
    for _ in range(ROUNDS):
        client = arena.logged_in()
        tabs = race(arena, client)
        assert endings(tabs) == {200: 1, "reused": 1, "revoked": TABS - 2}
        assert len(tokens_of(tabs)) == 2
        assert_nothing_lives(arena, tokens_of(tabs), client.refresh_credential)
        assert_both_replicas_ran(tabs)


def test_grace_replay_every_tab_gets_the_one_successor(arenas: Mapping[RefreshPolicy, Arena]) -> None:
    """Rule 4: all 200 and 1 live, which renews; after a logout nothing of the family does."""
    arena = arenas["grace-replay"]
    for _ in range(ROUNDS):
        client = arena.logged_in()
        tabs = race(arena, client)
        assert endings(tabs) == {200: TABS}
        (successor,) = tokens_of(tabs)
        assert arena.live(client.refresh_credential) == 1
        heir = tried(arena, successor)
        assert heir.answers[-1].status == 200
        assert arena.live(client.refresh_credential) == 1
        heir.log_out()
        every = [client.refresh_credential, successor, heir.refresh_credential]
        assert_nothing_lives(arena, every, client.refresh_credential)
        assert_both_replicas_ran(tabs)


def test_grace_mint_siblings_live_up_to_the_cap(arenas: Mapping[RefreshPolicy, Arena]) -> None:
    """Rule 4: all 200, every tab with a token of its own, as many live as the cap; after a logout none."""
    arena = arenas["grace-mint"]
    for _ in range(ROUNDS):
        client = arena.logged_in()
        tabs = race(arena, client)
        assert endings(tabs) == {200: TABS}
        siblings = tokens_of(tabs)
        assert len(siblings) == TABS
        assert arena.live(client.refresh_credential) == SIBLINGS_MAX
        heirs = [tried(arena, sibling) for sibling in siblings]
        assert endings(heirs) == {200: SIBLINGS_MAX, "unknown": TABS - SIBLINGS_MAX}
        client.log_out()
        every = [client.refresh_credential, *siblings, *tokens_of(heirs)]
        assert_nothing_lives(arena, every, client.refresh_credential)
        assert_both_replicas_ran(tabs)


@pytest.mark.parametrize("policy", POLICIES)
def test_nothing_minted_in_a_race_with_a_logout_lives(
    arenas: Mapping[RefreshPolicy, Arena], policy: RefreshPolicy
) -> None:
    """Rule 5: whenever in the race the family is revoked, whoever won has won nothing."""
    arena = arenas[policy]
    for _ in range(ROUNDS_AGAINST_A_LOGOUT):
        client = arena.logged_in()
        leaver = client.twin()
        leaving = threading.Thread(target=leaver.log_out)
        leaving.start()
        tabs = race(arena, client)
        leaving.join()
        assert leaver.answers[-1].status == 200
        assert_nothing_lives(arena, tokens_of(tabs), client.refresh_credential)


def lose_the_response(arena: Arena, token: str) -> None:
    """Refresh, hang up before the answer, and return when the rotation is committed."""
    body = json.dumps({"refresh_token": token}).encode()
    head = f"POST /refresh-token/bearer/refresh HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
    with socket.create_connection((arena.arm.host, arena.arm.port)) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    give_up_at_s = time.monotonic() + PATIENCE_S
    while not arena.is_used(token):
        assert time.monotonic() < give_up_at_s, "the refresh never arrived"
        time.sleep(0.005)


@pytest.mark.parametrize("policy", GRACES)
def test_a_response_lost_after_the_commit_logs_nobody_out(
    arenas: Mapping[RefreshPolicy, Arena], policy: RefreshPolicy
) -> None:
    """Rule 6: the client asks again with the token it has, and goes on as if nothing had been."""
    arena = arenas[policy]
    for _ in range(LOST_RESPONSES):
        client = arena.logged_in()
        lose_the_response(arena, client.refresh_credential)
        statuses = [client.refresh().status, client.get("profile").status, client.refresh().status]
        assert statuses == [200, 200, 200]


def test_strict_takes_a_retry_for_a_theft(arenas: Mapping[RefreshPolicy, Arena]) -> None:
    """The price of knowing no grace: a lost response is a lost login."""
    arena = arenas["strict"]
    client = arena.logged_in()
    lose_the_response(arena, client.refresh_credential)
    assert client.refresh().reason == "reused"
    assert arena.live(client.refresh_credential) == 0
