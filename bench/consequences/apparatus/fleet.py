"""The replicas of several arms, stopped and started side by side while visitors use them."""

import time
from collections.abc import Iterable, Sequence

from bench.consequences.lab import Lab
from bench.stack.arm import RunningArm
from bench.stack.errors import ProcessDiedError
from bench.stack.process import stop_all
from bench.stack.replicas import Replica
from loadtests.plan import ArmPlan, Balancing
from services.contract import SchemeSpec

ALIKE = frozenset({"none", "jwt-rs256", "jwt-es256", "jwt-eddsa", "jwt-sliding", "jwt-denylist"})
"""Schemes that fare as jwt-hs256 or redis-session do when replicas come and go: each replica costs start-up time."""
ROTATION_LIMIT_S = 20.0
ROTATION_POLL_S = 0.05


def concerns(spec: SchemeSpec) -> bool:
    """Whether replicas that come and go say something new about the scheme."""
    return spec.name not in ALIKE and not spec.traits.antipattern


def suited(spec: SchemeSpec) -> Balancing:
    """The balancing that somebody who runs the scheme on several replicas chooses."""
    return "sticky" if spec.traits.needs_affinity else "roundrobin"


def suited_arm(lab: Lab, scheme: str, visitors: int, replicas: int, label: str = "") -> ArmPlan:
    """An arm of `scheme` under the balancing that suits it."""
    return lab.arm(scheme, visitors=visitors, replicas=replicas, balancing=suited(lab.spec(scheme)), label=label)


def stop(replicas: Sequence[Replica]) -> None:
    """SIGTERM to all at once; returns when they are gone."""
    stop_all([replica.process for replica in replicas])
    for replica in replicas:
        replica.stop()  # it has ended; what it forked may not have


def start(replicas: Sequence[Replica], arms: Iterable[RunningArm]) -> None:
    """Start all side by side; returns when the load balancers of their `arms` use them. ProcessDiedError."""
    for replica in replicas:
        replica.launch()
    for replica in replicas:
        replica.wait_ready()
    for arm in arms:
        _await_rotation(arm)


def nothing() -> None:
    """The deed of a mark that tells when the deed before it was done."""


def _await_rotation(arm: RunningArm) -> None:
    """A health check lets in who answered twice, a second apart."""
    limit = time.monotonic() + ROTATION_LIMIT_S
    expected = {replica.name for replica in (*arm.replicas, *arm.bffs)}
    while away := expected - arm.haproxy.in_rotation():
        if time.monotonic() > limit:
            found = ", ".join(sorted(away))
            message = (
                f"{arm.haproxy.name}: found {found} out of rotation after {ROTATION_LIMIT_S:g} s, expected every "
                "server back; look at their logs"
            )
            raise ProcessDiedError(message)
        time.sleep(ROTATION_POLL_S)
