"""The advice as one HTML file without network or script: the answer, what remains, what not, and every rule."""

from pathlib import Path

from bench.analysis.advice import Advice
from reports import advice_table as told
from reports import tables
from reports.advice_words import AdviceFacts, answer, flag, sentences
from reports.page import colours, templates

NOWHERE = {"measured": "nowhere"}


def render(advice: Advice, facts: AdviceFacts) -> str:
    """The whole page as HTML; the same advice always gives the same text."""
    return (
        templates()
        .get_template("advice.html.j2")
        .render(
            facts=facts,
            verdict=answer(advice, facts),
            sentences=sentences(advice, facts),
            stated=tuple((flag(advice.needs, name, facts), facts.meanings[name]) for name in advice.needs.stated),
            remaining=told.remaining(advice, facts) if advice.remaining else None,
            eliminated=told.eliminated(advice, facts) if advice.eliminated else None,
            rules=told.rules(facts),
            environment=tables.environment(facts.environment or NOWHERE),
            light=colours(0),
            dark=colours(1),
        )
    )


def write(path: Path, advice: Advice, facts: AdviceFacts) -> None:
    """Write the page to `path`. OSError when the disk will not."""
    path.write_text(render(advice, facts), encoding="utf-8")
