"""A short Markdown summary, made for a pull request or a chat: the verdict, the sentences, one table, the command."""

from bench.analysis.model import Summary
from reports import ledger_words, tables, words
from reports.facts import RunFacts
from reports.tables import Line, TableView

ESCAPES = str.maketrans({character: f"\\{character}" for character in "\\|<>*_`[]"})


def render(summary: Summary, facts: RunFacts) -> str:
    """The summary as Markdown, ending in a newline."""
    parts = (
        "## authbench: sessions or tokens?",
        f"**{_escaped(words.verdict(summary))}**",
        "\n".join(f"- {_escaped(sentence)}" for sentence in _sentences(summary, facts)),
        table(tables.comparison(summary)),
        _circumstances(facts),
        f"```sh\n{facts.command}\n```",
    )
    return "\n\n".join(parts) + "\n"


def _sentences(summary: Summary, facts: RunFacts) -> tuple[str, ...]:
    return *facts.notes, *words.sentences(summary), *ledger_words.sentences(summary), *words.reasons(summary)


def table(view: TableView) -> str:
    """One Markdown table; a section's title becomes part of its lines' names."""
    head = (view.stub, *view.head)
    body = (_line(section.title, line) for section in view.sections for line in section.lines)
    return "\n".join((_row(head), _row(("---",) * len(head)), *body))


def _circumstances(facts: RunFacts) -> str:
    return (
        f"Run `{facts.run_id}`, profile `{facts.profile}`, {facts.blocks} blocks, started {facts.started_at}; "
        f"password profile: {_escaped(facts.password_profile)}. Again:"
    )


def _line(title: str, line: Line) -> str:
    name = f"{line.name}, {title}" if title else line.name
    return _row(tuple(_escaped(text) for text in (name, *line.cells)))


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def _escaped(text: str) -> str:
    return text.translate(ESCAPES)
