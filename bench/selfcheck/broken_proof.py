"""The proof bites: schemes broken on purpose, each in one way, are refused before timing with the reason."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.selfcheck.check import Finding, Selfcheck
from bench.selfcheck.subject import OURS, Installation, Subject, subject
from loadtests.record import Record

PLUGIN = Path(__file__).with_name("broken")
STRICT_CODE = 4


@dataclass(frozen=True, slots=True)
class Case:
    """A broken scheme and what the proof must say of it."""

    scheme: str
    claim: str
    counted: str
    expected: str

    @property
    def failure(self) -> str:
        """The whole line."""
        return f"{self.claim}: {self.counted}, {self.expected}"


CASES = (
    Case("broken-skips-store", "24 x verify cost redis getex 24", "counted redis getex 12", "expected redis getex 24"),
    Case("broken-asks-twice", "24 x verify cost redis getex 24", "counted redis getex 48", "expected redis getex 24"),
    Case("broken-accepts-expired", "an expired credential is answered 401", "answered 200", "expected 401"),
    Case("broken-ignores-revocation", "a revoked credential is answered 401", "answered 200", "expected 401"),
)

OPTIONS = ("--replicas", "1", "--blocks", "1", "--seconds", "1", "--strict")


def run() -> Iterator[Finding]:
    """Let a real run meet all of them, beside a control that is not broken."""
    schemes = [case.scheme for case in CASES]
    with subject("run", *schemes, *OPTIONS, installation=_with_plugin()) as started:
        code = started.wait_ended()
        proofs = started.directory.document()["proofs"]
        for case in CASES:
            yield from _refused(case, proofs, started.records())
        yield _control_timed(started)
        yield Finding(f"exit code {code} {started.said}".rstrip(), f"{STRICT_CODE} under --strict", code == STRICT_CODE)


def _refused(case: Case, proofs: list[dict[str, Any]], records: tuple[Record, ...]) -> Iterator[Finding]:
    """Told by the proof, told by the record, never loaded."""
    checks = [check for proof in proofs if proof["arm"].startswith(case.scheme) for check in proof["checks"]]
    failures = [f"{check['claim']}: {check['found']}" for check in checks if not check["holds"]]
    found = f"{case.scheme}: {' and '.join(failures) or 'every check holds'}"
    yield Finding(found, f"{case.counted}, {case.expected}", case.failure in failures)
    cells = [record for record in records if record.header.cell.scheme == case.scheme]
    timed = [sample for record in cells for sample in record.samples]
    refused = [record for record in cells if _says(record, case.failure)]
    figure = f"{case.scheme}: {len(refused)} of {len(cells)} records INVALID for it, {len(timed)} requests timed"
    yield Finding(figure, "all, and 0", bool(cells) and refused == cells and not timed)


def _says(record: Record, failure: str) -> bool:
    footer = record.footer
    return footer is not None and footer.verdict == "INVALID" and any(failure in reason for reason in footer.reasons)


def _control_timed(started: Subject) -> Finding:
    """What is not broken is not refused."""
    timed = [bool(record.samples) for record in started.records() if record.header.cell.scheme == "none"]
    return Finding(f"the control: {sum(timed)} of {len(timed)} cells timed", "all", bool(timed) and all(timed))


def _with_plugin() -> Installation:
    path = os.pathsep.join([str(PLUGIN), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]).rstrip(os.pathsep)
    return Installation(OURS.python, {"PYTHONPATH": path})


CHECK = Selfcheck("proof", "schemes broken on purpose are refused before timing", "15 s", run)
