"""A signing key is replaced while users are logged in: in the right order nobody notices, in haste everybody does.

Right: the new key is added, then promoted, and the old one is removed when its last token is over. Lifetimes are a
second or two, so that this takes seconds, and visitors log in again and again. In haste: the old key is removed as soon
as the new one signs, while everybody still holds an hour of its tokens. Two more mistakes cannot be made: `promote`
itself waits until every service has read the new key, and `retire` refuses a key that signs.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.analysis.model import Verdict
from bench.analysis.outcomes import refused
from bench.consequences.experiment import Experiment, worst
from bench.consequences.lab import Deed, Lab, Scale
from bench.consequences.model import CONSEQUENCE_FREE, Figure, Mark, Outcome
from bench.consequences.reading import (
    NS_PER_S,
    Observation,
    logged_out,
    requests_refused,
    timeline,
    users_logged_out,
)
from loadtests.plan import ArmPlan, Journey, SlicePlan
from loadtests.record import Sample
from services.contract import SchemeSpec
from services.key_file import RECHECK_S, SETTLED_S, add, generate, promote, read_ring, retire
from services.settings import Settings

NAME = "key-rotation"
ALGORITHMS: Mapping[str, str] = {
    "jwt-hs256": "HS256",
    "jwt-rs256": "RS256",
    "jwt-es256": "ES256",
    "jwt-eddsa": "EdDSA",
    "refresh-token": "HS256",
    "bff": "HS256",
    "redis-session": "HS256",
}
"""Whose keys are rotated."""
UNCONCERNED: Mapping[str, str] = {
    "bff": "the BFF has a token that is refused renewed",
    "redis-session": "a session is signed with no key",
}
"""Whose users need not care, and why."""
ADDED, PROMOTED, RETIRED = "the new key is added", "the new key signs", "the old key is removed"
SHORT_LIVED = "tokens live a second or two, and no key is touched"
TOO_LATE = (
    "the load was over before every replica had noticed that the old key is gone, expected requests after that; stop "
    "other programs and run it again"
)
BEGIN_S, MARGIN_S, AFTER_S = 0.2, 0.3, 1.1


@dataclass(frozen=True, slots=True)
class Size:
    """`replicas`, and `ttl_s` of the tokens, where these are waited for; haste does as much harm with one replica."""

    visitors: int
    replicas: int
    rate_rps: float
    control_s: int
    ttl_s: int


SIZES: Mapping[Scale, Size] = {
    "tiny": Size(6, 1, 20, 1, 1),
    "quick": Size(12, 2, 16, 3, 2),
    "standard": Size(40, 2, 20, 10, 10),
}


def run(lab: Lab, schemes: Sequence[str]) -> Iterator[Outcome]:
    """Every scheme twice, each arm with a ring of its own; the first slice is the control."""
    size = SIZES[lab.scale]
    rotations = [_rotation(lab, scheme, size, is_hasty=is_hasty) for scheme in schemes for is_hasty in (False, True)]
    lengths_s = (size.control_s, math.ceil(_promoted_s() + _overlap_s(size.ttl_s) + RECHECK_S + AFTER_S))
    slices = [SlicePlan("latency", size.rate_rps, seconds, pinned=False) for seconds in lengths_s]
    own = {one.arm.id: one.settings(lab.settings) for one in rotations}
    with lab.stage([one.arm for one in rotations], slices, own=own) as stage:
        calm = stage.load(0, [Deed(0.0, SHORT_LIVED, _nothing, one.arm.id) for one in rotations if not one.is_hasty])
        seen = stage.load(1, [deed for one in rotations for deed in one.deeds()])
    for one in rotations:
        yield one.calm(_lasting(calm[one.arm.id]))
        yield one.rotated(_lasting(seen[one.arm.id]))


def _lasting(seen: Observation) -> Observation:
    """Without those whose token ended by itself, be it on the way: of short lives there are some, key or no key."""
    return replace(seen, samples=tuple(sample for sample in seen.samples if sample.reason != "expired"))


def _promoted_s() -> float:
    return BEGIN_S + SETTLED_S + MARGIN_S


def _overlap_s(ttl_s: int) -> float:
    """A replica may sign with the old key for RECHECK_S more, and a token lives up to a second longer."""
    return RECHECK_S + ttl_s + 1 + MARGIN_S


def _nothing() -> None:
    """The deed of a control."""


def _rotation(lab: Lab, scheme: str, size: Size, *, is_hasty: bool) -> "Rotation":
    journey: Journey = "steady" if is_hasty else "login-heavy"
    label = "in-haste" if is_hasty else "in-order"
    replicas = 1 if is_hasty else size.replicas
    arm = lab.arm(scheme, visitors=size.visitors, replicas=replicas, journey=journey, label=label)
    ring = lab.supervisor.folder(f"{arm.id}.keys") / "keys.json"
    generate(ring, [ALGORITHMS[scheme]])
    return Rotation(arm, ring, size.ttl_s, is_hasty)


@dataclass(frozen=True, slots=True)
class Rotation:
    """One arm and the ring that is its own. `is_hasty`: the old key is not waited for."""

    arm: ArmPlan
    ring: Path
    ttl_s: int
    is_hasty: bool

    @property
    def alg(self) -> str:
        """What is signed with."""
        return ALGORITHMS[self.arm.scheme]

    def settings(self, settings: Settings) -> Settings:
        """Haste is shown by tokens that live as long as usual."""
        if self.is_hasty:
            return replace(settings, keys_file=self.ring)
        return replace(settings, keys_file=self.ring, jwt_ttl_s=self.ttl_s, access_ttl_s=self.ttl_s)

    def deeds(self) -> tuple[Deed, ...]:
        """The three steps."""
        removed_s = _promoted_s() + (0.0 if self.is_hasty else _overlap_s(self.ttl_s))
        return (
            Deed(BEGIN_S, ADDED, lambda: add(self.ring, self.alg), self.arm.id),
            Deed(_promoted_s(), PROMOTED, lambda: promote(self.ring, self._kids()[-1]), self.arm.id),
            Deed(removed_s, RETIRED, self._remove, self.arm.id),
        )

    def _remove(self) -> None:
        """In order, only when the last token of the old key is over, however late the new one came to sign."""
        if not self.is_hasty:
            over_s = self.ring.stat().st_mtime + _overlap_s(self.ttl_s)
            time.sleep(max(0.0, over_s - time.time()))
        retire(self.ring, self._kids()[0])

    def calm(self, seen: Observation) -> Outcome:
        """The control."""
        figures = (users_logged_out(seen.samples, seen.visitors), requests_refused(seen.samples))
        return replace(self._outcome(seen, figures), setting=f"{self._way}: no key is touched", is_control=True)

    def rotated(self, seen: Observation) -> Outcome:
        """Who was refused, and after which step."""
        added, promoted, retired = seen.marks
        known = _since_known(seen, retired)
        steps = (
            (ADDED, seen.between(added, promoted)),
            (PROMOTED, seen.between(promoted, retired)),
            (RETIRED, seen.since(retired)),
        )
        counts = (_refused_once(what, samples) for what, samples in steps)
        figures = (self._logged_out(seen, retired, known), requests_refused(seen.samples), *counts)
        told = self._outcome(seen, figures)
        if known:
            return told
        return replace(told, verdict=worst(seen.verdict, Verdict("INVALID", (TOO_LATE,), disturbed=True)))

    @property
    def _way(self) -> str:
        return "in haste" if self.is_hasty else "in order"

    def _kids(self) -> list[str]:
        """Names of the keys of the algorithm, oldest first."""
        return [key.kid for key in read_ring(self.ring).by_kid.values() if key.alg == self.alg]

    def _logged_out(self, seen: Observation, retired: Mark, known: Sequence[Sample]) -> Figure:
        """In haste, everybody who comes again once all replicas know; who came just before may have been let in."""
        if self.arm.scheme in UNCONCERNED or not self.is_hasty:
            theory = UNCONCERNED.get(self.arm.scheme, "no token of a removed key is left")
            return users_logged_out(seen.samples, seen.visitors, 0, theory)
        asked = {sample.visitor for sample in known}
        doubtful = {sample.visitor for sample in seen.since(retired)} - asked
        theory = "everybody's token is of the key that is gone"
        return users_logged_out(seen.samples, seen.visitors, len(asked), theory, spread=len(doubtful))

    def _outcome(self, seen: Observation, figures: tuple[Figure, ...]) -> Outcome:
        out = len(logged_out(seen.samples))
        return Outcome(
            experiment=NAME,
            scheme=self.arm.scheme,
            setting=f"{self._way}: the old key goes {'at once' if self.is_hasty else 'after its last token'}",
            headline=f"{out} of {seen.visitors} users logged out" if out else CONSEQUENCE_FREE,
            figures=figures,
            verdict=seen.verdict,
            timeline=timeline(seen),
            records=(seen.record,),
        )


def _since_known(seen: Observation, retired: Mark) -> list[Sample]:
    """What was asked when every replica had noticed."""
    known_ns = seen.instant_ns(retired) + round((RECHECK_S + MARGIN_S) * NS_PER_S)
    return [sample for sample in seen.samples if sample.sent_ns >= known_ns]


def _refused_once(what: str, samples: Sequence[Sample]) -> Figure:
    return Figure(f"refused once {what}", sum(map(refused, samples)), "requests", of=len(samples), is_harm=True)


def _concerns(spec: SchemeSpec) -> bool:
    return spec.name in ALGORITHMS


EXPERIMENT = Experiment(
    name=NAME,
    question="a signing key is replaced: who is refused, and when?",
    fault="a key is added, promoted, and the old one removed: after its last token, or at once",
    concerns=_concerns,
    run=run,
    takes_s=25,
    reading=(
        "In order nobody is refused, whatever the algorithm. In haste everybody whose token is older than the new key "
        "is refused at once; a client that refreshes only what expired does not help itself, a BFF does, and a session "
        "is signed with no key."
    ),
)
