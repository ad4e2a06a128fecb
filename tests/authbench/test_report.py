"""`authbench report`: a run told again from its records, however it ended; what cannot be read is named."""

import gzip
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from authbench import telling
from authbench.exits import Exit
from bench.analysis.serial import from_jsonable
from bench.measure.rundir import RUN, RunDirectory
from loadtests.record import Record
from tests.authbench.conftest import Answer, Ask, Measured, rewrite

Spoil = Callable[[Path], object]


def _described(change: Mapping[str, Any]) -> Spoil:
    """Change what run.json says; None takes a name out."""

    def spoil(path: Path) -> None:
        document = {**json.loads(path.read_text(encoding="utf-8")), **change}
        kept = {name: value for name, value in document.items() if value is not None}
        path.write_text(json.dumps(kept), encoding="utf-8")

    return spoil


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _replaced(text: str) -> Spoil:
    return lambda path: path.write_text(text, encoding="utf-8")


SPOILT: Mapping[str, tuple[Spoil, str]] = {
    "missing": (Path.unlink, "No such file or directory"),
    "no JSON": (_replaced("<html>"), "broken JSON (Expecting value"),
    "empty": (_replaced(""), "broken JSON (Expecting value"),
    "cut off": (_cut, "broken JSON ("),
    "a list": (_replaced("[]"), "another format or version"),
    "of another version": (_described({"version": 2}), "another format or version"),
    "of another format": (_described({"format": "authbench-record"}), "another format or version"),
    "without its blocks": (_described({"blocks": None, "proofs": None}), "no blocks, proofs"),
}


@pytest.mark.parametrize(("spoil", "found"), SPOILT.values(), ids=SPOILT.keys())
def test_a_run_that_cannot_be_read_is_named(ask: Ask, copied: RunDirectory, spoil: Spoil, found: str) -> None:
    """A missing, broken or foreign run.json: one line with its path, exit code 2, for report and diff alike."""
    spoil(copied.path / RUN.file)
    for argv in (("report", copied.path), ("diff", copied.path, copied.path)):
        answer = ask(*argv)
        assert answer.code == Exit.USAGE
        assert f"{copied.path / RUN.file}: found {found}" in answer.complaint
        assert "expected an authbench-run of version 1; name a directory written by authbench run" in answer.complaint


def test_a_run_tells_all_that_its_readers_need(measured: Measured) -> None:
    """What `document` insists on is what a run writes, no less."""
    assert set(RUN.told) <= measured.directory.document().keys()


def test_a_report_is_made_from_the_records(ask: Ask, copied: RunDirectory, measured: Measured) -> None:
    """The same figures again, table and JSON, though run.json has lost its own summary and the page is gone."""
    document = copied.document()
    summary = document.pop("summary")
    copied.describe(document)
    copied.report.unlink()
    told = json.loads(ask("report", copied.path, "--json").out, parse_constant=_refuse)
    assert told == summary
    assert from_jsonable(told) == from_jsonable(summary)
    again = ask("report", copied.path)
    assert again.out == measured.answer.out.replace("first/report.html", str(copied.report))
    assert copied.report.exists()


def _refuse(constant: str) -> None:
    pytest.fail(f"{constant} is not JSON")


def test_a_report_has_no_wide_line(ask: Ask, believed: RunDirectory) -> None:
    """The table of a run whose figures are all shown fits 80 columns, but for the path, which cannot be broken."""
    table, _, path = ask("report", believed.path).out.partition("\nreport: ")
    assert [line for line in table.splitlines() if len(line) > 80] == []
    assert "VALID" in table
    assert path == f"{believed.report}\n"


def test_a_cell_that_died_is_invalid_and_the_rest_is_told(ask: Ask, believed: RunDirectory) -> None:
    """A truncated record is read as far as it goes; its cell is INVALID with the reason."""
    record = believed.path / "records" / "b01" / "jwt-hs256-bearer-1.cpu-30.jsonl.gz"
    record.write_bytes(record.read_bytes()[:-30])
    cells = _cells(ask("report", believed.path, "--json"))
    assert cells.pop("jwt-hs256-bearer-1.cpu-30")["status"] == "INVALID"
    assert {verdict["status"] for verdict in cells.values()} == {"VALID"}


def test_a_record_without_footer_is_a_cell_that_died(ask: Ask, believed: RunDirectory) -> None:
    """No footer, no trust: INVALID, and the reason says where to look."""
    rewrite(believed, _without_footer)
    for verdict in _cells(ask("report", believed.path, "--json")).values():
        assert verdict["status"] == "INVALID"
        assert "the record ends without a footer" in verdict["reasons"][0]
    assert ask("report", believed.path).code == Exit.OK


def _without_footer(record: Record) -> Record:
    return replace(record, footer=None)


def _cells(answer: Answer) -> dict[str, dict[str, Any]]:
    assert answer.code == Exit.OK
    return {cell["id"]: cell["verdict"] for cell in json.loads(answer.out)["cells"]}


@pytest.mark.parametrize("content", [b"", b"not a gzip file", gzip.compress(b"{}\n")], ids=["empty", "noise", "alien"])
def test_a_record_that_is_none_is_named(ask: Ask, copied: RunDirectory, content: bytes) -> None:
    """What is no record at all: one line with its path and what to do, exit code 2."""
    record = copied.path / "records" / "b00" / "none-bearer-1.cpu-30.jsonl.gz"
    record.write_bytes(content)
    answer = ask("report", copied.path)
    assert answer.code == Exit.USAGE
    assert f"{record}: found " in answer.complaint
    assert "expected an authbench-record of version 1" in answer.complaint


def test_a_run_that_was_killed_is_told(ask: Ask, copied: RunDirectory) -> None:
    """One block measured, no summary, still `running`: the page says that it is part of a run."""
    shutil.rmtree(copied.path / "records" / "b01")
    document = copied.document()
    del document["summary"]
    copied.describe({**document, "status": "running", "blocks_done": 1})
    assert ask("report", copied.path).code == Exit.OK
    assert "This run is still running, or was killed: 1 of 2 blocks" in copied.report.read_text(encoding="utf-8")


def test_a_run_without_records_is_told(ask: Ask, copied: RunDirectory) -> None:
    """Nothing measured is a report as well: no figure is made up."""
    shutil.rmtree(copied.path / "records")
    answer = ask("report", copied.path)
    assert answer.code == Exit.OK
    assert "No A/A pair was measured" in answer.out


def test_a_page_that_cannot_be_written_is_the_machines_fault(ask: Ask, copied: RunDirectory) -> None:
    """A directory where the page should be: one line, exit code 3."""
    copied.report.unlink()
    copied.report.mkdir()
    answer = ask("report", copied.path)
    assert answer.code == Exit.NOT_READY
    assert "report.html" in answer.complaint


def test_a_proof_that_did_not_hold_is_told(copied: RunDirectory) -> None:
    """What an arm failed to show stands in the facts with what was found."""
    document = copied.document()
    check = document["proofs"][0]["checks"][0]
    check |= {"holds": False, "found": "counted nothing"}
    proof = telling.facts(document).proofs[0]
    assert proof.failed == (f"{check['claim']}: counted nothing",)
    assert check["claim"] not in proof.passed


def test_the_facts_are_the_run_s_own(copied: RunDirectory) -> None:
    """Seed, company, policies and environment of the page are those of run.json."""
    document = copied.document()
    facts = telling.facts(document)
    assert (facts.seed, facts.blocks, facts.run_id) == (7, 2, "first")
    assert facts.company == ("jwt-hs256-bearer-1", "none-bearer-1", "none-bearer-1-again")
    assert list(facts.balancing) == ["roundrobin"]
    assert facts.environment == document["environment"]
    assert facts.notes == ()


def test_a_run_of_before_there_were_targets_is_told(ask: Ask, believed: RunDirectory) -> None:
    """Neither a target nor what was not tried stands in it: it was a stack of our own, and is told as one."""
    document = believed.document()
    for name in ("target", "workers"):
        document.pop(name, None)
    for proof in document["proofs"]:
        del proof["untried"]
    believed.describe(document)
    answer = ask("report", believed.path)
    assert answer.code == Exit.OK
    assert "Remote target" not in answer.out
    assert "Remote target" not in believed.report.read_text(encoding="utf-8")
