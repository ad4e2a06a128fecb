"""Clients and stores are counted as they are; what was refused is a fault and no finding."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.consequences.apparatus.agents import Entrance
from bench.consequences.apparatus.anatomy import dissect
from bench.consequences.apparatus.client_trip import Trip, make
from bench.consequences.lab import Lab
from bench.stack.arm import RunningArm

pytestmark = pytest.mark.stack
MOUNTED = ("jwt-hs256", "jwt-sliding", "refresh-token")


@pytest.fixture(scope="module")
def arm(lab: Lab) -> Iterator[RunningArm]:
    """Two replicas that serve all of them."""
    plan = lab.arm("jwt-hs256", visitors=0, replicas=2)
    with lab.stage([plan], mounted=MOUNTED) as stage:
        yield stage.arms[plan.id]


@pytest.mark.parametrize(
    ("scheme", "needed"),
    [
        ("jwt-hs256", Trip(7, 2, {"authorization"}, is_done=True)),
        ("jwt-sliding", Trip(5, 1, {"authorization", "x-new-token", "x-new-token-expires-in"}, is_done=True)),
        ("refresh-token", Trip(7, 1, {"authorization", "refresh_token"}, is_done=True)),
    ],
)
def test_what_an_active_user_needs_past_the_end_of_a_credential(
    arm: RunningArm, lab: Lab, scheme: str, needed: Trip
) -> None:
    """A token ends and asks for the password again; one that slides is swapped; another one is renewed."""
    assert make(Entrance(lab.arm(scheme, visitors=0), arm, lab)) == needed


def test_who_cannot_log_in_shows_nothing(arm: RunningArm, lab: Lab, tmp_path: Path) -> None:
    """Every step that was refused is told, and the client that came to nothing."""
    wrong = tmp_path / "password"
    wrong.write_text("not the users' password")
    locked_out = replace(lab, foundation=replace(lab.foundation, users_password_file=wrong))
    anatomy = dissect(Entrance(lab.arm("jwt-hs256", visitors=0), arm, locked_out), lab.spec("none"))
    assert [fault.split(";")[0] for fault in anatomy.faults] == [
        "issue: found statuses [401], expected 2xx",
        "verify: found statuses [401], expected 2xx",
        "the client was refused although it did all that it can",
    ]
    assert (anatomy.trip.requests, anatomy.trip.is_done) == (1, False)
