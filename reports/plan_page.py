"""A capacity plan as one HTML file without network or script: verdict, needs, limits, growth, every constant."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.analysis.capacity.model import SchemeConstants
from bench.analysis.capacity.values import Curve, SchemePlan
from reports import tables
from reports.page import colours, templates
from reports.plan_chart import growth
from reports.plan_table import breaks, every_constant, formulas, limits, needs, traffic
from reports.plan_words import LITERATURE, PlanFacts, asked, missing, notes, verdict


def render(
    plans: Sequence[SchemePlan], curves: Sequence[Curve], constants: Mapping[str, SchemeConstants], facts: PlanFacts
) -> str:
    """The whole page as HTML; the same plans always give the same text."""
    return (
        templates()
        .get_template("plan.html.j2")
        .render(
            facts=facts,
            asked=asked(facts.demand),
            verdict=verdict(plans),
            missing=tuple(missing(plans)),
            notes=tuple(notes(plans)),
            needs=needs(plans),
            traffic=traffic(plans),
            breaks=breaks(plans),
            growth=growth(curves, facts.demand.users),
            limits=limits(plans),
            constants=every_constant(constants),
            formulas=formulas(plans),
            literature=LITERATURE,
            environment=tables.environment(facts.environment),
            light=colours(0),
            dark=colours(1),
        )
    )


def write(
    path: Path,
    plans: Sequence[SchemePlan],
    curves: Sequence[Curve],
    constants: Mapping[str, SchemeConstants],
    facts: PlanFacts,
) -> None:
    """Write the page to `path`. OSError when the disk will not."""
    path.write_text(render(plans, curves, constants, facts), encoding="utf-8")
