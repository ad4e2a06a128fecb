"""What schemes consist of beyond an endpoint without protection: what "complexity spikes" means, counted."""

from collections.abc import Iterator, Mapping, Sequence

from bench.analysis.model import Verdict
from bench.consequences.apparatus.agents import Entrance
from bench.consequences.apparatus.anatomy import Anatomy, dissect
from bench.consequences.experiment import Experiment
from bench.consequences.lab import Lab
from bench.consequences.model import Figure, Outcome
from bench.measure.proof import CONTROL
from services.contract import SchemeSpec, Step

NAME = "moving-parts"
REPLICAS = 2
STEPS: Mapping[Step, str] = {"issue": "login", "verify": "read", "renew": "refresh", "revoke": "logout"}
PROCESSES, STORES, HOPS = "server processes", "stores that remember a login", "requests behind a read"
ROUND_TRIPS = "round trips to stores, {}"
REQUESTS, PASSWORDS, HANDLED = "requests of a client", "passwords typed", "names a client handles"
OWN, NEEDED = "lines of the scheme itself", "lines of code more than the control"
MORE = "{}, more than the control"
DECLARED = "as the scheme declares"


def run(lab: Lab, schemes: Sequence[str]) -> Iterator[Outcome]:
    """Each scheme alone on two replicas; the control is dissected first."""
    names = dict.fromkeys((CONTROL, *schemes))
    plans = {name: lab.arm(name, visitors=0, replicas=REPLICAS) for name in names}
    with lab.stage(list(plans.values())) as stage:
        control: Anatomy | None = None
        for name, plan in plans.items():
            lab.progress.stage(f"counting what {name} consists of")
            entrance = Entrance(plan, stage.arms[plan.id], lab)
            anatomy = dissect(entrance, lab.spec(CONTROL))
            control = control or anatomy
            yield _outcome(entrance, anatomy, control)


def _outcome(entrance: Entrance, anatomy: Anatomy, control: Anatomy) -> Outcome:
    verdict = Verdict("INVALID" if anatomy.faults else "VALID", anatomy.faults)
    counted = f"{anatomy.processes} processes, {_stores(len(anatomy.stores))}"
    return Outcome(
        experiment=NAME,
        scheme=entrance.plan.scheme,
        setting=f"{REPLICAS} replicas",
        headline=f"{counted}, {anatomy.needed_lines:,} lines",
        figures=tuple(_figures(entrance.spec, anatomy, control)),
        verdict=verdict,
        is_control=entrance.plan.scheme == CONTROL,
        records=(entrance.lab.keep(entrance.record(verdict), "trip"),),
    )


def _stores(number: int) -> str:
    return f"{number} store" if number == 1 else f"{number} stores"


def _figures(spec: SchemeSpec, found: Anatomy, control: Anatomy) -> Iterator[Figure]:
    yield from _both(PROCESSES, found.processes, control.processes)
    kept_in = len(spec.traits.stores)
    yield Figure(STORES, len(found.stores), "", predicted=kept_in, theory=DECLARED, is_harm=True)
    for step, number in found.round_trips.items():
        declared = sum(spec.traits.operations[step].round_trips.values())
        name = ROUND_TRIPS.format(STEPS[step])
        yield Figure(name, number, "", predicted=declared, theory=DECLARED, is_harm=True)
    yield Figure(HOPS, found.hops, "requests", is_harm=True)
    yield from _both(REQUESTS, found.trip.requests, control.trip.requests)
    yield from _both(PASSWORDS, found.trip.logins, control.trip.logins)
    yield Figure(HANDLED, len(found.trip.handled), "", theory=", ".join(sorted(found.trip.handled)), is_harm=True)
    yield Figure(OWN, found.own_lines, "lines")
    yield Figure(NEEDED, found.needed_lines, "lines", is_harm=True)


def _both(name: str, value: int, control: int) -> Iterator[Figure]:
    yield Figure(name, value, "")
    yield Figure(MORE.format(name), value - control, "", is_harm=True)


EXPERIMENT = Experiment(
    name=NAME,
    question="processes, stores, trips, steps, lines: what is added?",
    fault="the scheme itself, in place of endpoints that ask nobody who he is",
    concerns=lambda _: True,
    run=run,
    takes_s=25,
    reading=(
        f"Of {REPLICAS} replicas behind a load balancer and the PostgreSQL that holds the users, both part of every "
        "stack; connections are no processes here. A client logs in, reads, writes, and reads shortly before its "
        "credential ends and after it. Lines are neither blank, comment nor docstring, of all modules that run for the "
        "scheme."
    ),
)
