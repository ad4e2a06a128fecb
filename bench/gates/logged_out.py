"""How many users a named consequence logs out: the experiment is conducted, and its own count is the figure."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from bench.consequences.catalogue import EXPERIMENTS
from bench.consequences.experiment import conduct
from bench.consequences.lab import Lab, Scale
from bench.consequences.model import Outcome
from bench.consequences.reading import LOGGED_OUT
from bench.gates.errors import GateError
from bench.gates.figures import Found
from bench.gates.ground import Teller, Told
from bench.gates.model import CountGate
from bench.stack.foundation import Foundation
from loadtests.record import Record
from services.catalogue import find, schemes

SCALE: Scale = "quick"
SEED = 1
COUNTING = (
    *("add-a-server", "kill-a-replica", "redeploy", "store-down"),
    *("expiry-herd", "bff-restart", "key-rotation", "clock-skew"),
)
"""The experiments that count users logged out, in every one of their outcomes."""

Case = tuple[str, str]
"""An experiment and a scheme."""


def case_of(gate: CountGate) -> Case:
    """What must be found out for `gate`. GateError where no experiment would tell."""
    experiment = gate.experiment or ""
    if experiment not in COUNTING:
        message = (
            f"gate {gate.name!r}: found experiment {experiment!r}, expected one that counts users logged out: "
            f"{', '.join(COUNTING)}"
        )
        raise GateError(message)
    if not EXPERIMENTS[experiment].concerns(find(gate.cell.scheme)):
        concerned = ", ".join(name for name, spec in schemes().items() if EXPERIMENTS[experiment].concerns(spec))
        message = (
            f"gate {gate.name!r}: experiment {experiment!r} does not concern {gate.cell.scheme!r}; "
            f"it concerns: {concerned}"
        )
        raise GateError(message)
    return experiment, gate.cell.scheme


def examine(cases: Sequence[Case], foundation: Foundation, told: Told) -> Mapping[Case, tuple[Outcome, ...]]:
    """What the experiments found, each conducted once for all of its schemes. NotReadyError."""
    wanted: dict[str, list[str]] = {}
    for experiment, scheme in dict.fromkeys(cases):
        wanted.setdefault(experiment, []).append(scheme)
    lab = Lab(SCALE, SEED, foundation, schemes(), {}, _not_kept, Teller(told))
    found = {name: conduct(EXPERIMENTS[name], lab, chosen) for name, chosen in wanted.items()}
    return {
        (name, scheme): tuple(outcome for outcome in found[name] if outcome.scheme == scheme)
        for name, scheme in dict.fromkeys(cases)
    }


def _not_kept(_record: Record, _folder: str) -> str:
    """A gate's evidence is the count."""
    return ""


def worst(experiment: str, outcomes: Sequence[Outcome]) -> Found:
    """The most users logged out in any setting and balancing, the control included: without a fault nobody should be.

    A user who was refused is refused whatever disturbed the rest; so a count that cannot be believed is a lower bound.
    """
    counts = [(int(outcome.figure(LOGGED_OUT).value), outcome) for outcome in outcomes]
    most, where = max(counts, key=lambda count: (count[0], not count[1].is_control))
    doubts = dict.fromkeys(
        reason for _, one in counts if one.verdict.status == "INVALID" for reason in one.verdict.reasons
    )
    return Found(
        Fraction(most),
        f"{most} user{'s' * (most != 1)} logged out ({experiment})",
        f"{most} of {where.figure(LOGGED_OUT).of} users of {where.approach} were logged out: {where.setting}",
        {"settings": [(one.approach, one.setting, count, one.verdict.status) for count, one in counts]},
        "; ".join(doubts),
    )
