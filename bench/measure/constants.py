"""What a plan is computed from, read out of run directories: every constant names the run and the cell it came from."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.analysis import serial
from bench.analysis.capacity.model import Constant, MaxRateConstant, SchemeConstants, Step, StepCost
from bench.analysis.costs import TOTAL
from bench.analysis.model import CellSummary, Summary
from bench.analysis.summary import summarise
from bench.consequences import serial as serial_outcomes
from bench.consequences.model import Outcome
from bench.consequences.session_memory import NAME as SESSION_MEMORY
from bench.consequences.session_memory import PER_SESSION, STORE_OF
from bench.measure import saturation
from bench.measure.alike import Found, found_alike
from bench.measure.micro import measured as measured_calls
from bench.measure.profiles import AGAIN
from bench.measure.rundir import CONSEQUENCES, MAX_RATE, MICRO, RUN, RunDirectoryError
from services.contract import Carrier, SchemeSpec, Store

PASSWORD = ("password verify", "owasp")
"""Group and subject of the microbenchmark that a login's hash is known by."""
US_PER_MS = 1e3


@dataclass(frozen=True, slots=True)
class _Measured:
    """One arm's figures. `step` None: a mixed journey. `max_rate` None: measured at a rate that was chosen."""

    scheme: str
    carrier: Carrier
    replicas: int
    step: Step | None
    cost: StepCost
    max_rate: MaxRateConstant | None = None


@dataclass(frozen=True, slots=True)
class _Weighed:
    """A store that held so many `sessions`, and what each of them took."""

    scheme: str
    sessions: float
    session_bytes: Constant


def constants(runs: Sequence[Path], catalogue: Mapping[str, SchemeSpec]) -> Mapping[str, SchemeConstants]:
    """What `runs` tell of each scheme, in the catalogue's order; what none of them tells is absent.

    Costs are those at the highest rate under an SLO where one was searched, as cost falls with rate, else those of the
    CPU cells at the highest rate; on as few replicas as were measured. Of two runs that tell the same the first named
    counts. RunDirectoryError, RecordError.
    """
    documents = found_alike(runs)
    arms = [one for document in documents for one in _arms(document)]
    weighed = [one for document in documents for one in _weighed(document)]
    hashes = [one for document in documents for one in _password_hash_ms(document)]
    by_scheme = {name: [one for one in arms if one.scheme == name] for name in catalogue}
    return {
        name: replace(_scheme(catalogue[name], own, weighed), password_hash_ms=next(iter(hashes), None))
        for name, own in by_scheme.items()
        if own
    }


def scaling_points(runs: Sequence[Path], known: SchemeConstants) -> tuple[tuple[int, float], ...]:
    """Replica counts and the highest rates of reads on them, for a law of scaling. RunDirectoryError."""
    searches = [one for one in found_alike(runs) if one.kind is MAX_RATE]
    return tuple(
        (arm.replicas, rate_rps)
        for one in searches
        for arm, rate_rps in saturation.scaling_points(one.directory)
        if (arm.scheme, arm.carrier) == (known.scheme, known.carrier)
    )


def _scheme(spec: SchemeSpec, own: Sequence[_Measured], weighed: Sequence[_Weighed]) -> SchemeConstants:
    carriers = {one.carrier for one in own}
    carrier = spec.traits.default_carrier if spec.traits.default_carrier in carriers else min(carriers)
    carried = sorted((one for one in own if one.carrier == carrier), key=_preference)
    return SchemeConstants(
        scheme=spec.name,
        carrier=carrier,
        stores=spec.traits.stores,
        needs_affinity=spec.traits.needs_affinity,
        can_renew=spec.traits.can_renew,
        revoked_within_s={event: bound.seconds for event, bound in spec.traits.revoked_within.items()},
        steps={one.step: one.cost for one in reversed(carried) if one.step},
        max_rate=next((one.max_rate for one in carried if one.max_rate), None),
        session_bytes=_session_bytes(spec.name, weighed),
    )


def _preference(one: _Measured) -> tuple[bool, bool, int, float]:
    """First what comes from near saturation, then reads, then as few replicas and as high a rate as can be."""
    return one.max_rate is None, one.step != "read", one.replicas, -one.cost.rate_rps


def _arms(document: Found) -> Iterator[_Measured]:
    if document.kind is MAX_RATE:
        for one in saturation.saturated(document.directory):
            arm = one.arm
            yield _Measured(
                arm.scheme, arm.carrier, arm.replicas, saturation.only_step(arm.journey), one.cost, one.max_rate
            )
    elif document.kind is RUN:
        for cell in _summary(document).cells:
            if _is_usable(cell):
                plan = cell.cell
                cost = _cost(document.document["id"], cell)
                yield _Measured(plan.scheme, plan.carrier, plan.replicas, saturation.only_step(plan.journey), cost)


def _summary(document: Found) -> Summary:
    """As run.json has it; of an older run, from its records."""
    told: Any = document.document.get("summary")
    if told:
        with _named(document):
            return serial.from_jsonable(told)
    return summarise(document.directory.records(), document.document["needs_affinity"])


@contextmanager
def _named(document: Found) -> Iterator[None]:
    """Say in which directory stands what cannot be understood."""
    try:
        yield
    except ValueError as error:
        message = f"{document.directory.path}: {error}"
        raise RunDirectoryError(message) from error


def _is_usable(cell: CellSummary) -> bool:
    """A CPU cell of an arm's own that is believed, nobody refused in it: a refusal is cheap."""
    is_believed = cell.verdict.status != "INVALID" and bool(cell.cpu_us) and not cell.refusals.ratio.value
    return is_believed and cell.cell.purpose == "cpu" and not cell.cell.arm.endswith(AGAIN)


def _cost(run_id: str, cell: CellSummary) -> StepCost:
    source = f"run {run_id}, cell {cell.id}, {cell.cell.rate_rps:g}/s"
    operations: Mapping[Any, float] = cell.store_operations or {}
    return StepCost(
        cpu_us={name: Constant(one.value, source) for name, one in cell.cpu_us.items() if name != TOTAL},
        operations={store: Constant(count, source) for store, count in operations.items()},
        bytes_up=Constant(cell.bytes_up, source),
        bytes_down=Constant(cell.bytes_down, source),
        rate_rps=cell.cell.rate_rps,
    )


def _password_hash_ms(document: Found) -> Iterator[Constant]:
    """A login verifies one password."""
    if document.kind is MICRO:
        for figure in measured_calls(document.directory):
            if (figure.group, figure.subject) == PASSWORD:
                source = f"run {document.document['id']}, {figure.group}, {figure.subject} {figure.case}, cold"
                yield Constant(figure.cold_us.value / US_PER_MS, source)


def _weighed(document: Found) -> Iterator[_Weighed]:
    if document.kind is CONSEQUENCES:
        for told in document.document["experiments"]:
            if told["name"] == SESSION_MEMORY:
                with _named(document):
                    outcomes = serial_outcomes.from_jsonable(told["outcomes"])
                for outcome in outcomes:
                    yield from _weights(document.document["id"], outcome)


def _weights(run_id: str, outcome: Outcome) -> Iterator[_Weighed]:
    source = f"run {run_id}, experiment {SESSION_MEMORY}, {outcome.scheme}, {outcome.setting}"
    for figure in outcome.figures:
        if figure.name == PER_SESSION and outcome.verdict.status != "INVALID":
            yield _Weighed(outcome.scheme, outcome.at or 0.0, Constant(figure.value, source))


def _session_bytes(scheme: str, weighed: Sequence[_Weighed]) -> Mapping[Store, Constant]:
    """Of the fullest store that was weighed."""
    own = [one for one in weighed if one.scheme == scheme]
    return {STORE_OF[scheme]: max(own, key=lambda one: one.sessions).session_bytes} if own else {}
