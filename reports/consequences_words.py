"""What an outcome says in words: its figures, what theory says beside them, its verdict, and what is to be doubted."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from bench.analysis.model import Estimate, Status
from bench.consequences.model import Figure, Outcome, Unit
from reports import format as figures
from reports.findings import Findings, Told, is_harmful

ONE: Mapping[Unit, str] = {"users": "user", "requests": "request", "lines": "line"}
VERDICTS: Mapping[Status, str] = {
    "VALID": "client, load balancer and stores agree, and the control beside it shows nothing.",
    "INVALID": "something of that did not hold; the reason is beside it, it has no part in the story.",
    "UNPROVEN": "nothing contradicts it, and nothing that counts on its own confirms it.",
}
DISTURBED, TIMES_DISTURBED = "the machine was disturbed", "times disturbed, not counts"


def quantity(value: float, unit: Unit) -> str:
    """`60 users`, `50.1 %`, `2 s`: whole values in full, others to three significant digits."""
    said = ONE.get(unit, unit) if value == 1 else unit
    return f"{_number(value)}{figures.SPACE}{said}" if said else _number(value)


def told(figure: Figure) -> str:
    """The figure with its whole and its interval."""
    if figure.of is not None:
        return f"{_number(figure.value)} of {figures.count(figure.of)} {figure.unit}".rstrip() + _ends(figure)
    return quantity(figure.value, figure.unit) + _ends(figure)


def theory(figure: Figure) -> str:
    """What theory says of it, "" where it says nothing."""
    return "" if figure.predicted is None else f"theory {quantity(figure.predicted, figure.unit)}"


def misses(outcome: Outcome) -> tuple[str, ...]:
    """Every figure that theory says otherwise, in words."""
    return tuple(
        f"{figure.name}: {told(figure)}, but theory says {quantity(figure.predicted, figure.unit)}"
        for figure in outcome.figures
        if figure.predicted is not None and figure.misses_theory
    )


def verdict(outcome: Outcome) -> str:
    """The verdict and its reasons."""
    disturbed = (TIMES_DISTURBED if _is_disturbed(outcome) else DISTURBED,) if outcome.verdict.disturbed else ()
    reasons = "; ".join((*disturbed, *outcome.verdict.reasons))
    return f"{outcome.verdict.status}: {reasons}" if reasons else outcome.verdict.status


def _is_disturbed(outcome: Outcome) -> bool:
    """Whether nothing but its times suffered: it stayed VALID."""
    return outcome.verdict.disturbed and outcome.verdict.status == "VALID"


def reasons(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """Why outcomes are to be doubted; reasons that differ in their numbers alone are told once, by the first."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for outcome in outcomes:
        what = f"{TIMES_DISTURBED}, in" if _is_disturbed(outcome) else outcome.verdict.status
        for reason in dict.fromkeys(outcome.verdict.reasons):
            kinds.setdefault((what, re.sub(r"\d[\d.]*", "#", reason)), []).append(reason)
    total = figures.plural(len(outcomes), "outcome")
    return tuple(f"{what} {len(hit)} of {total}: {hit[0]}" for (what, _), hit in kinds.items())


def verdicts(outcomes: Sequence[Outcome]) -> str:
    """`26 outcomes: 24 VALID, 2 UNPROVEN`, or `26 outcomes, all VALID`."""
    counted = Counter(outcome.verdict.status for outcome in outcomes)
    total = figures.plural(len(outcomes), "outcome")
    if len(counted) < 2:  # noqa: PLR2004 - one verdict for all of them
        return f"{total}{', all ' if counted else ''}{''.join(counted)}"
    return f"{total}: {', '.join(f'{counted[status]} {status}' for status in VERDICTS if counted[status])}"


def theories(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """How theory comes to what it says, once each: `users logged out: ...`."""
    every = (figure for outcome in outcomes for figure in outcome.figures)
    return tuple(dict.fromkeys(f"{figure.name}: {figure.theory}" for figure in every if figure.theory))


def controls_line(experiment: Told) -> str:
    """What the experiment shows without its fault, in a line."""
    controls = experiment.controls
    if not controls:
        return "No control without the fault."
    harmed = sum(map(is_harmful, controls))
    found = f"{harmed} with a consequence" if harmed else "no consequence"
    return f"{figures.plural(len(controls), 'control')} without the fault: {found}."


def trust(findings: Findings) -> tuple[str, ...]:
    """How far the outcomes as a whole can be trusted, a sentence a matter."""
    return tuple(_trust(findings))


def _trust(findings: Findings) -> Iterator[str]:
    faulted = [outcome for one in findings.experiments for outcome in one.faulted]
    controls = [outcome for one in findings.experiments for outcome in one.controls]
    for status in VERDICTS:
        count = sum(outcome.verdict.status == status for outcome in findings.outcomes)
        if count:
            yield f"{count} of {figures.plural(len(findings.outcomes), 'outcome')} {status}: {VERDICTS[status]}"
    harmed = sum(map(is_harmful, controls))
    seen = f"{harmed} with a consequence, which makes what it controls INVALID" if harmed else "none with a consequence"
    yield f"{figures.plural(len(controls), 'control')} without the fault, {seen}."
    known = [figure for outcome in faulted for figure in outcome.figures if figure.predicted is not None]
    missed = sum(figure.misses_theory for figure in known)
    if known:
        yield f"Theory predicts {figures.plural(len(known), 'figure')}; {missed or 'none'} missed beyond the interval."


def _number(value: float) -> str:
    if math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "infinity" if value > 0 else f"{figures.MINUS}infinity"
    return figures.count(int(value)) if value == int(value) else figures.number(value)


def _ends(figure: Figure) -> str:
    """The interval in parentheses, "" where the figure is exact."""
    if figure.low is None or figure.high is None:
        return ""
    estimate = Estimate(figure.value, figure.low, figure.high)
    scale = figure.value or figure.high  # nothing at all has no digits of its own to go by
    return f" ({figures.ends(estimate, scale=scale)})" if figures.has_interval(estimate) else " (no interval)"
