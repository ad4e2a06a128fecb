"""A gate run as Markdown: the summary of a CI step and the comment on a change, within what a platform takes."""

from collections.abc import Callable, Iterator, Sequence

from bench.gates.model import GateRun
from reports import format as figures
from reports import markdown as tables
from reports.gate_words import Told, canaries, circumstances, closing, told
from reports.tables import Line, Section, TableView

SUMMARY_MAX_BYTES = 1_048_576
"""Of all that a step writes to GITHUB_STEP_SUMMARY; of a longer one the platform shows nothing."""
COMMENT_MAX = 65_536
"""Characters that a comment may have."""
RESERVE = 1_000
"""For what stands between the paragraphs, and for saying twice that something was left out."""
MARKER = "<!-- authbench-gate -->"
"""Invisible where it is shown: by it a bot finds the comment that it wrote before."""
LEFT_OUT = "Left out for want of room: {}; gate.json has all."
HEAD = ("status", "what", "found", "bar", "why")
HEAD_LINES = 2

Size = Callable[[str], int]


def markdown(run: GateRun) -> str:
    """The summary of a step: the verdict, what failed, every gate with its reason, and where it was measured."""
    head, tail = _head(run), _tail(run)
    room = SUMMARY_MAX_BYTES - RESERVE - _bytes(_joined(*head, *tail))
    bullets = tuple(_bullets(told(run), room // 2, _bytes))
    table = _table(told(run), room - _bytes(_joined(*bullets)), _bytes)
    return _joined(*head, *bullets, *table, *tail)


def comment(run: GateRun) -> str:
    """The comment on a change: the verdict, what failed, and the rest folded away."""
    gates = told(run)
    others = [one for one in gates if one.status != "fail"]
    summary = f"<details><summary>{figures.plural(len(others), 'gate')} that did not fail, and the machine</summary>"
    head, tail = (MARKER, *_head(run)), (*_tail(run), "</details>")
    room = COMMENT_MAX - RESERVE - len(_joined(*head, summary, *tail))
    bullets = tuple(_bullets(gates, room, len))
    table = _table(others, room - len(_joined(*bullets)), len)
    return _joined(*head, *bullets, summary, *table, *tail)


def _head(run: GateRun) -> tuple[str, ...]:
    return f"## authbench gate: {run.status.upper()}", f"**{_escaped(closing(run))}**"


def _tail(run: GateRun) -> tuple[str, ...]:
    return tuple(map(_escaped, (*canaries(run), circumstances(run))))


def _bullets(gates: Sequence[Told], room: int, size: Size) -> Iterator[str]:
    """What failed, in full."""
    failing = [one for one in gates if one.status == "fail"]
    lines = [f"- **{one.word}** {_escaped(f'{one.name}: {one.line}')}" for one in failing]
    yield from _fitting(lines, room, size, head_lines=0)


def _table(gates: Sequence[Told], room: int, size: Size) -> Iterator[str]:
    lines = tuple(Line(one.name, (one.word, one.subject, one.found, one.bar, one.why)) for one in gates)
    table = tables.table(TableView("", "gate", HEAD, (Section("", lines),)))
    yield from _fitting(table.split("\n"), room, size, head_lines=HEAD_LINES)


def _fitting(lines: Sequence[str], room: int, size: Size, *, head_lines: int) -> Iterator[str]:
    """One paragraph of the leading lines for which there is room, if any beside its head, and how many it lacks."""
    kept: list[str] = []
    for line in lines:
        room -= size(line) + 1
        if room < 0:
            break
        kept.append(line)
    if len(kept) > head_lines:
        yield "\n".join(kept)
    if missing := len(lines) - max(len(kept), head_lines):
        yield LEFT_OUT.format(figures.plural(missing, "gate"))


def _joined(*paragraphs: str) -> str:
    return "\n\n".join(paragraphs) + "\n"


def _bytes(text: str) -> int:
    return len(text.encode())


def _escaped(text: str) -> str:
    return text.translate(tables.ESCAPES)
