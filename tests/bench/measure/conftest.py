"""Arms of a real stack, started once: without state, bound to its replica, with a store, a token, a BFF."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from bench.measure.laboratory import ArmBench
from bench.measure.proof import Proof
from bench.stack.foundation import Foundation, lay_foundation
from bench.stack.postgres import PostgresCluster
from bench.stack.stack import Stack
from bench.stack.supervisor import Supervisor
from loadtests.plan import ArmPlan
from services.catalogue import SCHEMES
from services.contract import Bound, SchemeSpec
from services.settings import Settings

USERS = 24
ARMS = (
    ArmPlan("none", "none", "bearer", 1, "roundrobin", "steady", USERS),
    ArmPlan("memory", "memory-session", "cookie", 2, "roundrobin", "steady", USERS),
    ArmPlan("redis", "redis-session", "cookie", 1, "roundrobin", "steady", USERS),
    ArmPlan("jwt", "jwt-rs256", "bearer", 1, "roundrobin", "steady", USERS),
    ArmPlan("bff", "bff", "cookie", 2, "roundrobin", "steady", USERS),
    ArmPlan("bff-memory", "bff-memory", "cookie", 2, "roundrobin", "steady", USERS),
)


class Watched:
    """Progress that remembers."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.proofs: list[Proof] = []

    def stage(self, text: str, *, seconds: float = 0.0) -> None:
        """Keep the text."""
        self.stages.append(f"{text} {seconds:g}")

    def proven(self, proof: Proof) -> None:
        """Keep the proof."""
        self.proofs.append(proof)


def lying() -> SchemeSpec:
    """jwt-hs256, as if it could take a token back."""
    spec = SCHEMES["jwt-hs256"]
    return replace(spec, traits=replace(spec.traits, revoked_within={"logout": Bound(0)}))


@pytest.fixture(scope="package")
def foundation(supervisor: Supervisor, postgres: PostgresCluster) -> Foundation:
    """Keys and a few users."""
    return lay_foundation(supervisor, postgres, Settings(password_profile="harness"), USERS)


@pytest.fixture(scope="package")
def benches(foundation: Foundation) -> Iterator[Mapping[str, ArmBench]]:
    """Running arms by id."""
    password = foundation.users_password_file.read_text(encoding="utf-8")
    with Stack(ARMS, foundation) as stack:
        yield {arm.id: ArmBench(stack.arms[arm.id], password) for arm in ARMS}
