"""Schemes as advice knows them without any measurement, and outcomes of experiments made by hand."""

import math
from itertools import chain

from bench.analysis.advice import Candidate, kind_of
from bench.analysis.advice_figures import declared_cost, unmeasured
from bench.analysis.model import Verdict
from bench.consequences.claims import claims
from bench.consequences.model import Figure, Outcome
from loadtests.plan import Balancing
from services.catalogue import SCHEMES
from services.contract import SchemeSpec

RECOMMENDABLE = {name: spec for name, spec in SCHEMES.items() if not spec.traits.antipattern}


def claimed(spec: SchemeSpec, servers: int = 1) -> Candidate:
    """A scheme of which only its claims are known."""
    facts = dict(chain(unmeasured(spec, servers), claims(spec)))
    is_sticky = spec.traits.needs_affinity and servers > 1
    return Candidate(spec.name, kind_of(spec), spec.traits.default_carrier, is_sticky, declared_cost(spec), facts)


def everybody(servers: int = 1) -> list[Candidate]:
    """All that may be recommended."""
    return [claimed(spec, servers) for spec in RECOMMENDABLE.values()]


def outcome(  # noqa: PLR0913 - what tells outcomes apart
    experiment: str,
    scheme: str,
    setting: str,
    *figures: Figure,
    balancing: Balancing = "roundrobin",
    at: float | None = None,
    verdict: Verdict = Verdict("VALID"),  # noqa: B008 - frozen
    is_control: bool = False,
) -> Outcome:
    """One outcome with these figures."""
    return Outcome(experiment, scheme, setting, "", figures, verdict, balancing, at, is_control)


def lived(scheme: str, setting: str, usable_s: float, real_h: float = math.nan) -> Outcome:
    """A stolen copy that was used for so long; without `real_h` no theory is known."""
    figures = [Figure("stolen copy usable for", usable_s, "s"), Figure("replicas that took it", int(usable_s > 0), "")]
    if not math.isnan(real_h):
        figures.append(Figure("under real lifetimes", real_h, "h"))
    return outcome("revocation-window", scheme, setting, *figures)


def lost(experiment: str, scheme: str, users: int, *, balancing: Balancing = "roundrobin") -> Outcome:
    """So many of 40 users were logged out."""
    figure = Figure("users logged out", users, "users", of=40)
    return outcome(experiment, scheme, "2 replicas", figure, balancing=balancing)
