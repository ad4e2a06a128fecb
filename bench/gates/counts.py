"""Count gates: what is the same on every machine is counted once and compared exactly, on the first run."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from bench.consequences.lab import USERS
from bench.gates import logged_out
from bench.gates.counting import VISITORS, WEIGHED, Counted, count
from bench.gates.errors import GateError
from bench.gates.figures import figure, judge
from bench.gates.ground import Told, arm_of, ground
from bench.gates.model import CountGate, Judged
from bench.measure.laboratory import ArmBench
from bench.stack.foundation import Foundation
from bench.stack.stack import Stack
from loadtests.plan import ArmPlan
from services.catalogue import find

COUNTED_STORES = ("redis", "postgres")
"""What a replica keeps in its own memory no server counts."""


def judge_counts(gates: Sequence[CountGate], progress: Told) -> tuple[Judged, ...]:
    """Judge every gate, in their order, on one stack with an arm for every cell that some gate is about.

    GateError, before anything is started, where a gate names what cannot be counted; CatalogueError; NotReadyError.
    """
    running = [gate for gate in gates if gate.figure != "logged-out-users"]
    arms = {gate.name: _measurable(gate) for gate in running}
    cases = {gate.name: logged_out.case_of(gate) for gate in gates if gate not in running}
    if not gates:
        return ()
    with ground(max(VISITORS + WEIGHED, USERS[logged_out.SCALE] if cases else 0)) as foundation:
        counted = _count(list(dict.fromkeys(arms.values())), _weighing(running, arms), foundation, progress)
        outcomes = logged_out.examine(list(cases.values()), foundation, progress)
    found = {gate.name: figure(gate, counted[arms[gate.name].id]) for gate in running}
    found |= {name: logged_out.worst(case[0], outcomes[case]) for name, case in cases.items()}
    return tuple(judge(gate, found[gate.name]) for gate in gates)


def _weighing(gates: Sequence[CountGate], arms: Mapping[str, ArmPlan]) -> frozenset[str]:
    """The arms whose logins are weighed."""
    return frozenset(arms[gate.name].id for gate in gates if gate.figure == "session-bytes")


def _count(
    arms: Sequence[ArmPlan], weighing: frozenset[str], foundation: Foundation, progress: Told
) -> Mapping[str, Counted]:
    """What the arms count, by id; they run side by side and are asked one after the other."""
    password = foundation.users_password_file.read_text(encoding="utf-8")
    found: dict[str, Counted] = {}
    with ExitStack() as ending:
        if arms:
            progress(f"starting {len(arms)} arms to count on")
            running = ending.enter_context(Stack(arms, foundation)).arms
        for arm in arms:
            progress(f"counting what {arm.id} does")
            bench = ArmBench(running[arm.id], password)
            found[arm.id] = count(bench, find(arm.scheme).traits, weighs_logins=arm.id in weighing)
    return found


def _measurable(gate: CountGate) -> ArmPlan:
    """The arm on which `gate` is counted. GateError where it can never be."""
    if fault := _steps_fault(gate) if gate.figure == "store-operations" else _session_fault(gate):
        message = f"gate {gate.name!r}: {fault}"
        raise GateError(message)
    return arm_of(gate.cell, VISITORS)


def _steps_fault(gate: CountGate) -> str:
    """A login looks its user up in PostgreSQL whatever the scheme."""
    traits = find(gate.cell.scheme).traits
    if gate.step not in traits.operations:
        return f"scheme {gate.cell.scheme!r} has no step {gate.step!r}; it has: {', '.join(traits.operations)}"
    used = {*traits.stores, *(["postgres"] if gate.step == "issue" else [])}
    if gate.store is not None and gate.store not in used & set(COUNTED_STORES):
        offered = ", ".join(sorted(used & set(COUNTED_STORES))) or "none"
        return f"scheme {gate.cell.scheme!r} has no store {gate.store!r} whose server counts; it has: {offered}"
    return ""


def _session_fault(gate: CountGate) -> str:
    traits = find(gate.cell.scheme).traits
    if gate.figure != "session-bytes" or set(traits.stores) & set(COUNTED_STORES):
        return ""
    kept = "in its replicas' memory, which nobody counts exactly" if traits.stores else "nowhere"
    return f"scheme {gate.cell.scheme!r} keeps a login {kept}; expected one that keeps it in redis or postgres"
