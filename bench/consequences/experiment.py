"""The shape every experiment has, and what is held against all of them alike."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bench.analysis.model import Verdict
from bench.consequences.lab import Lab
from bench.consequences.model import Outcome
from services.contract import SchemeSpec

CONTROL_HARMED = "its control, without the fault, shows {found}, expected none: the fault is not what did it"
UNCONTROLLED = "no control without the fault was measured beside it, expected one; run the experiment again"


@dataclass(frozen=True, slots=True)
class Experiment:
    """`question`: what is found, in one line; `fault`: what is done for it.

    `run` yields outcomes of the schemes it is given, all of which it `concerns`, as they come. `takes_s`: on two idle
    cores, at the scale of `quick`, with all of its schemes. `axis`: what `Outcome.at` counts, with its unit, where it
    counts; `plots`: the figure that is drawn over it. `reading`: how to read what is shown.
    """

    name: str
    question: str
    fault: str
    concerns: Callable[[SchemeSpec], bool]
    run: Callable[[Lab, Sequence[str]], Iterator[Outcome]]
    takes_s: int
    axis: str = ""
    plots: str = ""
    reading: str = ""


def conduct(experiment: Experiment, lab: Lab, schemes: Sequence[str]) -> tuple[Outcome, ...]:
    """Every outcome of `experiment` for `schemes`, held against its controls. NotReadyError."""
    return controlled(experiment.run(lab, schemes))


def controlled(outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
    """`outcomes`, INVALID where a control of the same scheme shows harm, or no control was measured at all."""
    known = tuple(outcomes)
    controls = [outcome for outcome in known if outcome.is_control]
    return tuple(outcome if outcome.is_control else _held(outcome, controls) for outcome in known)


def _held(outcome: Outcome, controls: Sequence[Outcome]) -> Outcome:
    own = [control for control in controls if control.scheme == outcome.scheme]
    found = tuple(harm for control in own or controls for harm in harms(control))
    if controls and not found:
        return outcome
    reason = CONTROL_HARMED.format(found=", ".join(found)) if controls else UNCONTROLLED
    return replace(outcome, verdict=Verdict("INVALID", (*outcome.verdict.reasons, reason)))


def harms(outcome: Outcome) -> Iterator[str]:
    """The consequences that `outcome` counts, in words."""
    for figure in outcome.figures:
        if figure.is_harm and figure.value:
            yield f"{figure.value:.4g} {figure.unit} ({figure.name})"


def worst(*verdicts: Verdict) -> Verdict:
    """INVALID if any is, else UNPROVEN if any is, else VALID; with every reason once.

    Disturbed if all that is INVALID is so for the machine's sake alone.
    """
    found = {verdict.status for verdict in verdicts}
    reasons = tuple(dict.fromkeys(reason for verdict in verdicts for reason in verdict.reasons))
    if "INVALID" in found:
        is_disturbed = all(verdict.disturbed for verdict in verdicts if verdict.status == "INVALID")
        return Verdict("INVALID", reasons, disturbed=is_disturbed)
    return Verdict("UNPROVEN" if "UNPROVEN" in found else "VALID", reasons)
