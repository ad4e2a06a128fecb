"""What a run is told as: the table or JSON on standard output, the page in its directory."""

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bench.analysis import serial
from bench.analysis.model import Summary
from bench.consequences import serial as serial_outcomes
from bench.measure.micro import measured
from bench.measure.rundir import CONSEQUENCES, MICRO, RunDirectory
from loadtests.plan import Balancing, SlicePlan
from reports import consequences_page, consequences_table, page, table
from reports.facts import ArmProof, RunFacts
from reports.findings import ConsequenceFacts, Findings, Told

BALANCING: dict[Balancing, str] = {
    "roundrobin": "requests are dealt to the replicas in turn",
    "sticky": "a cookie of the load balancer keeps each visitor on one replica",
    "leastconn": "each request goes to the replica with the fewest open requests",
    "roundrobin-l4": "connections, not requests, are dealt to the replicas in turn",
    "source": "the client's address decides the replica",
    "as-deployed": "whatever the target's load balancer does, which is not ours to see",
}
PASSWORDS = {
    "harness": "Argon2id below the OWASP floor, because login is not what these cells measure",
    "owasp": "Argon2id at the OWASP floor: 19 MiB, two passes, one lane",
    "as-deployed": "as the target has it, not measured",
}
PINNING = (
    "CPU cells run with the servers on one half of the cores and the load generator on the other; latency cells share "
    "the machine freely."
)
PINNING_ELSEWHERE = "Nothing is pinned: where the target's processes run is not ours to choose."


def tell(directory: RunDirectory, summary: Summary, *, as_json: bool) -> None:
    """Print the figures and write report.html beside them. OSError when the disk will not."""
    write_page(directory, summary)
    if as_json:
        print(json.dumps(serial.to_jsonable(summary), indent=1))  # noqa: T201 - standard output is the result
        return
    table.show(summary, sys.stdout, target=_target(directory.document()))
    print(f"\nreport: {directory.report}")  # noqa: T201 - as above


def write_page(directory: RunDirectory, summary: Summary) -> None:
    """Write report.html, with the microbenchmarks that joined the run. OSError when the disk will not."""
    joined = measured(directory) if directory.has(MICRO) else ()
    page.write(directory.report, summary, replace(facts(directory.document()), micro=joined))


def tell_consequences(directory: RunDirectory, *, as_json: bool) -> None:
    """Print what experiments found and write report.html beside it. OSError when the disk will not."""
    document = directory.document(CONSEQUENCES)
    findings = findings_of(document)
    consequences_page.write(directory.report, findings, _consequence_facts(document))
    if as_json:
        print(json.dumps(document["experiments"], indent=1))  # noqa: T201 - as above
        return
    consequences_table.show(findings, sys.stdout)
    print(f"\nreport: {directory.report}")  # noqa: T201 - as above


def findings_of(document: dict[str, Any]) -> Findings:
    """What consequences.json says was found. ValueError when another version wrote it."""
    return Findings(tuple(_told(experiment) for experiment in document["experiments"]))


def _told(experiment: dict[str, Any]) -> Told:
    words = {name: experiment[name] for name in ("name", "question", "fault", "reading", "axis", "plots")}
    return Told(**words, outcomes=serial_outcomes.from_jsonable(experiment["outcomes"]))


def _consequence_facts(document: dict[str, Any]) -> ConsequenceFacts:
    return ConsequenceFacts(
        run_id=document["id"],
        started_at=document["started_at"],
        took_s=document["took_s"],
        command=document["command"],
        profile=document["choices"]["profile"],
        seed=document["choices"]["seed"],
        environment=document["environment"],
        password_profile=PASSWORDS[document["password_profile"]],
        notes=unfinished(document, len(document["experiments"]), len(document["planned"]), "experiments"),
    )


def facts(document: dict[str, Any]) -> RunFacts:
    """What run.json says of a run beside its figures."""
    first = document["blocks"][0]
    return RunFacts(
        run_id=document["id"],
        started_at=document["started_at"],
        command=document["command"],
        profile=document["choices"]["profile"],
        seed=document["choices"]["seed"],
        blocks=document["blocks_done"],
        slices=tuple(SlicePlan(**piece) for piece in first["slices"]),
        took_s=document["took_s"],
        company=tuple(sorted(arm["id"] for arm in first["arms"])),
        password_profile=PASSWORDS[document["password_profile"]],
        pinning=PINNING_ELSEWHERE if _target(document) else PINNING,
        target=_target(document),
        balancing={name: BALANCING[name] for name in sorted({arm["balancing"] for arm in first["arms"]})},
        environment=document["environment"],
        proofs=tuple(_proof(proof, first["arms"]) for proof in document["proofs"]),
        notes=unfinished(document, document["blocks_done"], len(document["blocks"]), "blocks"),
    )


def _proof(proof: dict[str, Any], arms: list[dict[str, Any]]) -> ArmProof:
    scheme = next(arm["scheme"] for arm in arms if arm["id"] == proof["arm"])
    checks = proof["checks"]
    passed = tuple(check["claim"] for check in checks if check["holds"])
    failed = tuple(f"{check['claim']}: {check['found']}" for check in checks if not check["holds"])
    return ArmProof(proof["arm"], scheme, passed, failed, tuple(proof.get("untried", ())))


def _target(document: dict[str, Any]) -> str:
    """Where the servers were that somebody else runs; "" for a stack of our own, as in every run of before."""
    return document.get("target") or ""


def unfinished(document: Mapping[str, Any], done: int, planned: int, what: str) -> tuple[str, ...]:
    """What is missing of a run that did not come to its end."""
    if document["status"] == "complete":
        return ()
    how = "still running, or was killed" if document["status"] == "running" else document["status"]
    return (f"This run is {how}: {done} of {planned} {what} were measured to their end.",)
