"""What gates are measured on: a foundation that is gone afterwards, and the arms their cells name."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.gates.errors import GateError
from bench.gates.model import CellName
from bench.measure.proof import Proof
from bench.measure.run import PASSWORD_PROFILE
from bench.stack.foundation import Foundation, lay_foundation
from bench.stack.postgres import start_postgres
from bench.stack.supervisor import Supervisor
from loadtests.plan import ArmPlan
from services.catalogue import find
from services.settings import Settings

Told = Callable[[str], None]
"""Is told what happens, in one short line."""


@contextmanager
def ground(users: int) -> Iterator[Foundation]:
    """Keys, a database and `users` users whose logins are cheap. NotReadyError."""
    with tempfile.TemporaryDirectory(prefix="authbench-gate-") as logs, Supervisor(Path(logs)) as supervisor:
        yield lay_foundation(supervisor, start_postgres(supervisor), Settings(password_profile=PASSWORD_PROFILE), users)


def arm_of(cell: CellName, visitors: int) -> ArmPlan:
    """The arm that `cell` names; equal cells have one id. CatalogueError; GateError where it lacks the carrier."""
    traits = find(cell.scheme).traits
    carrier = cell.carrier or traits.default_carrier
    if carrier not in traits.carriers:
        offered = ", ".join(traits.carriers)
        message = f"scheme {cell.scheme!r} has no carrier {carrier!r}; it has: {offered}"
        raise GateError(message)
    balanced = "" if cell.balancing == "roundrobin" else f"-{cell.balancing}"
    name = f"{cell.scheme}-{carrier}-{cell.replicas}{balanced}"
    return ArmPlan(name, cell.scheme, carrier, cell.replicas, cell.balancing, "steady", visitors)


@dataclass(frozen=True, slots=True)
class Teller:
    """Shows the progress of a measurement as lines of a gate run."""

    told: Told

    def stage(self, text: str, *, seconds: float = 0.0) -> None:
        """Something begins that takes so long, 0 where that is not known."""
        self.told(f"{text} ({seconds:g} s)" if seconds else text)

    def proven(self, proof: Proof) -> None:
        """A proof that does not hold is told; its cells say so, too."""
        if not proof.holds:
            self.told(f"{proof.arm}: {proof.failures[0]}")
