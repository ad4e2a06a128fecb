"""A gate run as Markdown: all of it where there is room, and never more than a platform takes."""

from dataclasses import replace

import pytest

from bench.gates.model import GateRun, GateStatus
from reports.gate_markdown import COMMENT_MAX, MARKER, SUMMARY_MAX_BYTES, comment, markdown
from reports.gate_words import closing, told
from tests.reports import made_up_gates as made_up

LONG = replace(made_up.SLOW, why="\N{EM DASH} the reason |" * 40, next_step="do so " * 100)


def rows(text: str) -> list[str]:
    """The lines of its table, without the head."""
    return [line for line in text.splitlines() if line.startswith("| ")][2:]


def unescaped(text: str) -> str:
    """As a reader sees it."""
    return text.replace("\\", "")


def test_the_summary_has_every_gate() -> None:
    """The verdict, a line for each failure, a row for each gate, the canaries and the machine."""
    text = unescaped(markdown(made_up.RUN))
    assert text.startswith(f"## authbench gate: FAIL\n\n**{closing(made_up.RUN)}**\n")
    for row, one in zip(rows(text), told(made_up.RUN), strict=True):
        assert row == f"| {one.name} | {one.word} | {one.subject} | {one.found} | {one.bar} | {one.why} |"
        assert (f"- **FAIL** {one.name}: {one.line}\n" in text) == (one.status == "fail")
    assert "A/A canary (cell) INCONCLUSIVE" in text
    assert "AMD EPYC <Rome>, 2 cores" in text


def test_the_comment_folds_away_what_did_not_fail() -> None:
    """It begins with the invisible marker by which a bot finds it, says each failure, and closes what it opens."""
    text = unescaped(comment(made_up.RUN))
    shown, folded = text.split("<details>")
    assert shown.startswith(f"{MARKER}\n\n## authbench gate: FAIL\n")
    assert shown.count("- **FAIL** ") == 2
    assert folded.startswith("<summary>8 gates that did not fail, and the machine</summary>\n\n| gate |")
    assert len(rows(folded)) == 8
    assert text.endswith("\n</details>\n")


def test_where_all_passed_there_is_nothing_to_list() -> None:
    """No empty list and no empty table."""
    assert "- **" not in comment(made_up.of(made_up.COOKIE))
    assert "| gate |" not in comment(made_up.of(made_up.SLOW))
    assert "Left out" not in comment(made_up.of()) + markdown(made_up.of())


@pytest.mark.parametrize(
    "run",
    [made_up.many(500, LONG), made_up.many(500, replace(LONG, status="pass"))],
    ids=["failures", "passes"],
)
def test_a_comment_is_never_refused(run: GateRun) -> None:
    """It holds as many gates as there is room for, says how many it lacks, and stays whole."""
    text = comment(run)
    assert COMMENT_MAX * 0.9 < len(text) <= COMMENT_MAX
    told_gates = text.count("\n- **FAIL**") + len(rows(text))
    assert f"Left out for want of room: {500 - told_gates} gates; gate.json has all." in text
    assert text.endswith("\n</details>\n")


@pytest.mark.parametrize("status", ["fail", "pass"])
def test_a_summary_is_never_refused(status: GateStatus) -> None:
    """Measured in bytes, as the platform does; every row that is there is whole."""
    text = markdown(made_up.many(1200, replace(LONG, status=status)))
    assert SUMMARY_MAX_BYTES * 0.9 < len(text.encode()) <= SUMMARY_MAX_BYTES
    assert "Left out for want of room: " in text
    assert all(row.endswith(" |") for row in rows(text))


def test_a_strangers_text_stays_in_its_cell() -> None:
    """Markup is escaped, and a line break would end the row."""
    text = markdown(made_up.hostile())
    assert len(rows(text)) == len(made_up.JUDGED)
    assert text.count("<") == text.count("\\<")
    assert {row.replace("\\|", "").count("|") for row in rows(text)} == {7}
