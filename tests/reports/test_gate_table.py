"""A gate run on a terminal: 80 columns are enough for any run, and a pipe gets plain text."""

import re
from io import BytesIO, StringIO, TextIOWrapper

import pytest
from rich.text import Text

from bench.gates.model import GateRun
from reports.gate_table import STYLES, show, table
from reports.gate_words import ORDER, closing, told
from tests.reports import made_up_gates as made_up


def shown(run: GateRun) -> str:
    """What a terminal of 80 columns shows."""
    stream = StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        show(run, stream)
    return stream.getvalue()


@pytest.mark.parametrize("run", [made_up.RUN, made_up.hostile(), made_up.of()], ids=["all", "hostile", "none"])
def test_a_terminal_of_80_columns_is_enough(run: GateRun) -> None:
    """No line is longer, and every gate's status is whole."""
    text = shown(run)
    assert max(map(len, text.splitlines())) <= 80
    for one in told(run):
        assert re.search(rf"^{one.word} ", text, re.MULTILINE)


def test_every_figure_stands_beside_its_bar() -> None:
    """Where there is none, a dash does."""
    text = shown(made_up.RUN)
    assert re.search(r"^FAIL +hs256-verify +1\.104x \[1\.089, 1\.121\] +<= 1\.05x$", text, re.MULTILINE)
    assert re.search(r"^VOID +redis-cell +- +<= 1\.1x$", text, re.MULTILINE)


def test_reasons_are_told_of_what_did_not_pass() -> None:
    """With what to do next; of what passed the figure is enough."""
    text = " ".join(shown(made_up.RUN).split())
    for one in told(made_up.RUN):
        assert (f"{one.word} {one.name}: {one.line}" in text) == (one.status != "pass")


def test_the_last_sentence_is_the_verdict() -> None:
    """Whoever sees only the end of a log has seen it."""
    assert " ".join(shown(made_up.RUN).split()).endswith(f" {closing(made_up.RUN)}")


def test_inconclusive_is_neither_red_nor_green() -> None:
    """Every status has a style, and only a failure is red."""
    assert set(STYLES) == set(ORDER)
    assert [status for status, style in STYLES.items() if "red" in style] == ["fail"]
    assert not any("green" in style for style in STYLES.values())
    rows = table(told(made_up.RUN)).rows
    assert [row.style for row in rows[:3]] == ["red", "red", "yellow"]


def test_a_pipe_without_unicode_gets_ascii() -> None:
    """An interval's dash becomes a hyphen."""
    raw = BytesIO()
    stream = TextIOWrapper(raw, encoding="ascii")
    show(made_up.of(made_up.SLOW), stream)
    stream.flush()
    assert b"1.104x (1.089-1.121)" in raw.getvalue()


def test_markup_of_a_name_is_text() -> None:
    """Brackets in a name are not a colour."""
    cells = [cell for column in table(told(made_up.hostile())).columns for cell in column.cells]
    assert all(isinstance(cell, Text) for cell in cells)
