"""SECURITY rows 10-13, 16 and 26 through the load balancer: how long a login can last, and what ends it early.

Sessions in Redis go idle by Redis' own clock, so idleness is waited for on services whose sessions go idle soon.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from bench.stack.foundation import Foundation
from services.settings import Settings, to_environment
from tests.fleet import Fleet, fleet_of
from tests.services.web.client import Client
from tests.services.web.inspection import settings_of
from tests.services.web.mounts import BFF, OPAQUE, RENEWABLE, SLIDING, Mount, under

Skew = Callable[[float], None]
DAY_S = 24 * 3600
AFTER_GRACE_S = 11.0
ROTATIONS = 4
TABS = 16
IDLE_S = 2

where_renewable = under(RENEWABLE)


def rotated(fleet: Fleet, skew: Skew, mount: Mount) -> tuple[Client, list[Client]]:
    """A client that has refreshed a few times, and copies of what it was before each."""
    client, ancestors = fleet.logged_in(*mount), []
    for number in range(ROTATIONS):
        ancestors.append(client.twin())
        skew(AFTER_GRACE_S * number)
        assert client.refresh().status == 200
    skew(AFTER_GRACE_S * ROTATIONS)
    return client, ancestors


@where_renewable
def test_row_10_a_used_refresh_token_revokes_the_family(fleet: Fleet, skew: Skew, mount: Mount) -> None:
    """Presented again after the grace: reused, and the rightful successor is dead too; no cookie is touched."""
    client = fleet.logged_in(*mount)
    thief = client.twin()
    assert client.refresh().status == 200
    skew(AFTER_GRACE_S)
    answer = thief.refresh()
    assert (answer.status, answer.reason, answer.cookie_lines) == (401, "reused", ())
    assert client.refresh().reason == "revoked"


@where_renewable
def test_row_10_a_lost_answer_to_a_refresh_logs_nobody_out(fleet: Fleet, mount: Mount) -> None:
    """Within the grace the same refresh credential gives a grant again, for the same login."""
    client = fleet.logged_in(*mount)
    retry = client.twin()
    assert client.refresh().status == 200
    assert retry.refresh().status == 200
    assert retry.refresh_credential == client.refresh_credential
    assert retry.post("notes", {"text": "still here"}).status == 201


@where_renewable
@pytest.mark.parametrize("pruned", [False, True], ids=["unpruned", "pruned"])
def test_row_11_any_ancestor_is_detected(fleet: Fleet, skew: Skew, mount: Mount, pruned: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """However long ago it was used, and also after the prune job ran: the family is revoked."""
    for generation in range(ROTATIONS):
        client, ancestors = rotated(fleet, skew, mount)
        if pruned and generation == 0:
            _prune(settings_of(fleet.arm(mount[0]), fleet.foundation.settings))
        assert ancestors[generation].refresh().reason == "reused"
        assert client.refresh().reason == "revoked"


def _prune(settings: Settings) -> None:
    command = [sys.executable, "-m", "services.prune"]
    subprocess.run(command, env={**os.environ, **to_environment(settings)}, check=True)


@where_renewable
def test_row_12_rotation_never_extends_the_absolute_lifetime(fleet: Fleet, skew: Skew, mount: Mount) -> None:
    """Refreshed in time again and again, a login ends two weeks after it began, and the copy of it too."""
    client = fleet.logged_in(*mount)
    for days in (5, 10, 13.9):
        skew(days * DAY_S)
        assert client.refresh().status == 200
    skew(14 * DAY_S + 1)
    answer = client.refresh()
    assert (answer.status, answer.reason) == (401, "expired")
    assert client.get("profile").status == 401


@where_renewable
def test_row_13_an_idle_refresh_token_expires(fleet: Fleet, skew: Skew, mount: Mount) -> None:
    """Unused for a week; used a moment before, it goes on."""
    idle, used = fleet.logged_in(*mount), fleet.logged_in(*mount)
    skew(7 * DAY_S - 60)
    assert used.refresh().status == 200
    skew(7 * DAY_S + 1)
    assert idle.refresh().reason == "expired"
    assert used.refresh().status == 200


@pytest.fixture(scope="module")
def brief(crowd: Foundation) -> Iterator[Fleet]:
    """A service whose sessions go idle at once."""
    with fleet_of(crowd, replace(crowd.settings, session_idle_s=IDLE_S)) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def idled(brief: Fleet) -> dict[Mount, tuple[Client, Client]]:
    """Under every scheme with sessions: one that nobody used for longer than allowed, and one that somebody did."""
    clients = {mount: (brief.logged_in(*mount), brief.logged_in(*mount)) for mount in OPAQUE}
    end = time.monotonic() + IDLE_S + 1
    while time.monotonic() < end:
        for _, used in clients.values():
            used.get("profile")
        time.sleep(IDLE_S / 10)
    return clients


@under(OPAQUE)
def test_row_13_an_idle_session_expires(idled: dict[Mount, tuple[Client, Client]], mount: Mount) -> None:
    """Unused for too long it is over on every replica."""
    idle, _ = idled[mount]
    assert [idle.get("profile").status for _ in range(2)] == [401, 401]


@under(OPAQUE)
def test_row_26_a_session_that_is_used_does_not_go_idle(
    idled: dict[Mount, tuple[Client, Client]], mount: Mount
) -> None:
    """Every use slides the limit."""
    _, used = idled[mount]
    assert {answer.status for answer in used.answers} == {200}


@under([*OPAQUE, *SLIDING])
def test_row_26_sliding_cannot_pass_the_absolute_limit(fleet: Fleet, skew: Skew, mount: Mount) -> None:
    """Used every few minutes a login lasts 12 hours and not longer."""
    client = fleet.logged_in(*mount)
    settings = fleet.foundation.settings
    step_s = settings.sliding_left_s - 10
    for passed_s in range(step_s, settings.session_absolute_s - 60, step_s):
        skew(passed_s)
        assert client.get("profile").status == 200
    skew(settings.session_absolute_s + 1)
    assert [client.get("profile").status for _ in range(2)] == [401, 401]


@under(SLIDING)
def test_row_26_a_sliding_token_that_is_not_used_expires(fleet: Fleet, skew: Skew, mount: Mount) -> None:
    """Active users stay, idle ones go."""
    client = fleet.logged_in(*mount)
    skew(fleet.foundation.settings.jwt_ttl_s + 2)
    assert client.get("profile").reason == "expired"


@where_renewable
def test_row_16_simultaneous_refreshes_leave_one_live_successor(fleet: Fleet, mount: Mount) -> None:
    """16 at once across two replicas under the default policy: all 200, and all hold the same refresh token."""
    client = fleet.logged_in(*mount)
    with ThreadPoolExecutor(TABS) as threads:
        tabs = [client.twin() for _ in range(TABS)]
        answers = list(threads.map(Client.refresh, tabs))
    assert {answer.status for answer in answers} == {200}
    assert {answer.header("X-Replica") for answer in answers} == {"replica-1", "replica-2"}
    assert len({tab.refresh_credential for tab in tabs}) == 1
    assert {tab.get("profile").status for tab in tabs} == {200}


@under(BFF)
def test_row_16_simultaneous_requests_on_an_ending_access_token_go_on(fleet: Fleet, skew: Skew, mount: Mount) -> None:
    """16 tabs of one browser, across the BFFs: whoever renews, all are 200 and the login lives on."""
    client = fleet.logged_in(*mount)
    skew(fleet.foundation.settings.access_ttl_s - fleet.foundation.settings.upstream_left_s / 2)
    with ThreadPoolExecutor(TABS) as threads:
        answers = list(threads.map(lambda tab: tab.get("profile"), [client.twin() for _ in range(TABS)]))
    assert {answer.status for answer in answers} == {200}
    assert client.post("notes", {"text": "still here"}).status == 201
