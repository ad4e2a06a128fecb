"""report.html: one file that needs no network and no script; the same run always gives the same bytes."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bench.analysis.model import Summary
from loadtests.plan import SlicePlan
from reports import charts, curves, micro_table, micro_words, tables, words
from reports import format as figures
from reports.facts import MICRO_PAGE, RunFacts
from reports.ledger_section import section
from reports.palette import variables

TEMPLATES = Path(__file__).parent / "templates"
JOURNEYS = {
    "steady": "GET /profile by visitors who logged in before timing starts",
    "browse": "90 % reads, 8 % writes, 2 % logout and login",
    "login": "logins",
    "refresh": "reads with access lifetimes of seconds, so that refreshes fire",
    "write": "writes",
    "relogin": "logout and login, two requests an arrival",
    "login-heavy": "45 % reads, 5 % writes, 50 % logins",
    "refresh-heavy": "45 % reads, 5 % writes, 50 % refreshes",
    "logout-heavy": "45 % reads, 5 % writes, 50 % logout and login",
}
INTERVAL = re.compile(r"(\([^()]*\))")
"""Splits a text into what is outside and, at odd places, inside parentheses, where no line may break."""
PURPOSES = {"cpu": "CPU cells", "latency": "Latency cells"}


def render(summary: Summary, facts: RunFacts) -> str:
    """The whole page as HTML."""
    template = templates().get_template("page.html.j2")
    return template.render(
        facts=facts,
        took=figures.duration(facts.took_s),
        started_at=facts.started_at.replace("T", " "),
        verdict=words.verdict(summary),
        sentences=words.sentences(summary),
        aa_line=words.aa_line(summary),
        counts_line=words.counts_line(summary),
        reasons=words.reasons(summary),
        has_cpu=_has_cpu(summary),
        forest=charts.forest(summary),
        components=charts.components(summary),
        spectrum=curves.spectrum(summary),
        refused=curves.refused(summary),
        comparison=tables.comparison(summary),
        by_component=tables.by_component(summary),
        ledger=section(summary),
        latency=tables.latency(summary),
        refusals=tables.refusals(summary),
        traffic=tables.traffic(summary),
        validity=tables.validity(summary),
        micro_verdict=micro_words.verdict(facts.micro),
        micro_glance=micro_table.glance(facts.micro),
        micro_page=MICRO_PAGE,
        environment=tables.environment(facts.environment),
        proofs=tuple(tables.proofs(facts)),
        left_out=tables.names_left_out(summary),
        journeys=_journeys(summary),
        slices=tuple(_slice(piece) for piece in facts.slices),
        light=colours(0),
        dark=colours(1),
    )


def write(path: Path, summary: Summary, facts: RunFacts) -> None:
    """Write the page to `path`. OSError when the disk will not."""
    path.write_text(render(summary, facts), encoding="utf-8")


def templates() -> Environment:
    """What every page is made from; `pieces` splits a text where no line may break."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["pieces"] = INTERVAL.split
    return found


def colours(theme: int) -> str:
    """Every colour as a CSS declaration: 0 light, 1 dark."""
    return " ".join(f"{name}: {pair[theme]};" for name, pair in variables().values())


def _has_cpu(summary: Summary) -> bool:
    return any(cell.cpu_us for cell in summary.cells)


def _journeys(summary: Summary) -> tuple[str, ...]:
    found = sorted({cell.cell.journey for cell in summary.cells})
    return tuple(f"{journey}: {JOURNEYS[journey]}" for journey in found)


def _slice(piece: SlicePlan) -> str:
    where = "servers and generator on separate cores" if piece.pinned else "no pinning, the machine shared freely"
    return f"{PURPOSES[piece.purpose]}: {piece.rate_rps:g} requests/s and arm for {piece.seconds} s, {where}"
