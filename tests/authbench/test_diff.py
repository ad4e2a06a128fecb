"""`authbench diff`: what changed between two runs, told only where they may be compared."""

import json
import shutil
from dataclasses import replace

import pytest

from authbench import diff
from authbench.exits import Exit
from bench.analysis.diff import Change
from bench.analysis.model import Estimate
from bench.measure.rundir import RUN, RunDirectory
from loadtests.record import Record
from tests.authbench.conftest import Ask, rewrite

CELL = "jwt-hs256-bearer-1.cpu-30"


def _refuse(constant: str) -> None:
    pytest.fail(f"{constant} is not JSON")


def test_a_run_does_not_differ_from_itself(ask: Ask, believed: RunDirectory) -> None:
    """The same records on both sides: every ratio is 1 and none is shown."""
    answer = ask("diff", believed.path, believed.path, "--json")
    assert answer.code == Exit.OK
    (change,) = json.loads(answer.out, parse_constant=_refuse)
    assert change["cell"] == CELL
    assert change["ratio"]["value"] == 1
    assert change["before"] == change["after"]
    assert change["shown"] is False


def test_the_table_fits_a_terminal(ask: Ask, believed: RunDirectory) -> None:
    """80 columns hold the cell, both sides and the change in words."""
    answer = ask("diff", believed.path, believed.path)
    assert answer.code == Exit.OK
    assert [line for line in answer.out.splitlines() if len(line) > 80] == []
    words = " ".join(answer.out.split())
    assert CELL in words
    assert "no difference shown" in words


def test_one_block_has_no_interval_and_its_json_no_infinity(ask: Ask, believed: RunDirectory) -> None:
    """An end that nothing is known about is null, and in the table there is no interval."""
    shutil.rmtree(believed.path / "records" / "b01")
    (change,) = json.loads(ask("diff", believed.path, believed.path, "--json").out, parse_constant=_refuse)
    assert change["ratio"]["high"] is None
    assert "inf" not in ask("diff", believed.path, believed.path).out


def test_invalid_cells_are_not_compared(ask: Ask, believed: RunDirectory) -> None:
    """No cell valid on both sides: said so, exit code 4."""
    rewrite(believed, _disbelieved)
    answer = ask("diff", believed.path, believed.path)
    assert (answer.code, answer.out) == (Exit.NOTHING_VALID, "no cell is valid in both runs\n")
    assert json.loads(ask("diff", believed.path, believed.path, "--json").out) == []


def _disbelieved(record: Record) -> Record:
    assert record.footer is not None
    return replace(record, footer=replace(record.footer, verdict="INVALID", reasons=("not believed",)))


def test_unlike_machines_are_not_compared(ask: Ask, believed: RunDirectory, copied: RunDirectory) -> None:
    """Another CPU: refused with both names, exit code 4."""
    other = RunDirectory(shutil.copytree(copied.path, copied.path.with_name("other")))
    document = other.document()
    document["environment"]["cpu_model"] = "Abacus 1"
    other.describe(document)
    answer = ask("diff", believed.path, other.path)
    assert (answer.code, answer.out) == (Exit.NOTHING_VALID, "")
    assert "the runs are unlike, expected like machines and arms" in answer.err
    assert " against Abacus 1" in answer.err


def test_unlike_company_is_not_compared(ask: Ask, believed: RunDirectory) -> None:
    """An arm more or less changes the level of all others: refused with both lists."""
    other = RunDirectory(shutil.copytree(believed.path, believed.path.with_name("other")))
    document = other.document()
    document["blocks"][0]["arms"] = document["blocks"][0]["arms"][1:]
    other.describe(document)
    answer = ask("diff", believed.path, other.path)
    assert answer.code == Exit.NOTHING_VALID
    assert "arms: jwt-hs256-bearer-1, none-bearer-1, none-bearer-1-again against " in answer.err


def test_an_environment_that_is_none_is_named(ask: Ask, copied: RunDirectory) -> None:
    """run.json without a readable environment: one line with the directory, exit code 2."""
    path = copied.path / RUN.file
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**document, "environment": {"cpu": "x"}}), encoding="utf-8")
    answer = ask("diff", copied.path, copied.path)
    assert answer.code == Exit.USAGE
    assert f"{copied.path}: found no environment" in answer.complaint


def test_a_change_is_told_with_its_interval() -> None:
    """What is shown is told as a change; what is not, by the same figures behind other words."""
    side = Estimate(1.2, 1.1, 1.3)
    change = Change("cell", side, side, Estimate(1.5, 1.25, 1.75), shown=True)
    assert diff._in_words(change).replace("\N{NO-BREAK SPACE}", " ") == "+50.0 % (+25.0 to +75.0)"
    assert diff._in_words(replace(change, shown=False)).startswith("no difference shown: +50.0")
