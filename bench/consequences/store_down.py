"""The stores hang, die and come back under load: what is answered meanwhile, and who is logged out afterwards."""

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from bench.consequences.apparatus.fleet import nothing
from bench.consequences.apparatus.leavers import Leavers, leave
from bench.consequences.apparatus.losses import errors_end, marked, timely
from bench.consequences.experiment import Experiment
from bench.consequences.lab import Deed, Lab, Scale, Stage
from bench.consequences.model import CONSEQUENCE_FREE, Figure, Mark, Outcome
from bench.consequences.reading import (
    NS_PER_MS,
    Observation,
    errors_by_kind,
    failed,
    first_success_s,
    logged_out,
    requests_failed,
    timeline,
    users_logged_out,
    wait_ms,
)
from loadtests.plan import ArmPlan, Journey, SlicePlan
from services.contract import SchemeSpec

NAME = "store-down"
UNHIT = ("jwt-hs256", "memory-session")
"""Schemes that ask no store: none that fails can hit them."""
KEEPING = "persistent"
"""The label of arms whose Redis keeps a log."""
REDIS, POSTGRES = "Redis", "PostgreSQL"
LET_IN, LONGEST, BOUND = "logged-out users let in again", "longest wait", "bound on a wait for a store"
MS_PER_S = 1000

Fault = Literal["hangs", "is killed"]
FAULTS: tuple[Fault, ...] = ("hangs", "is killed")
"""In the order of the slices: what hung is whole again, what was killed may not be."""
DONE: Mapping[Fault | None, str] = {None: "untouched", "hangs": "hung", "is killed": "killed"}
RETURNS, ANSWERS = "{} comes back", "{} answers again"
TRIED = "those who logged out try again"


@dataclass(frozen=True, slots=True)
class Size:
    """Stores are gone from `gone_s` to `back_s` of a slice and must answer in `bound_s`; `leavers` have logged out."""

    visitors: int
    leavers: int
    rate_rps: float
    control_s: int
    seconds: int
    gone_s: float
    back_s: float
    bound_s: float = 1.0


SIZES: Mapping[Scale, Size] = {
    "tiny": Size(8, 2, 20, 1, 4, 0.3, 1.5, bound_s=0.3),
    "quick": Size(20, 3, 10, 4, 9, 1, 4),
    "standard": Size(50, 5, 10, 10, 20, 2, 7),
}


def run(lab: Lab, schemes: Sequence[str]) -> Iterator[Outcome]:
    """All stores of all arms fail at once: in the second slice they hang, in the third they die."""
    size = SIZES[lab.scale]
    arms = [arm for scheme in schemes for arm in _arms(lab, scheme, size)]
    lengths_s = (size.control_s, *(size.seconds for _ in FAULTS))
    slices = [SlicePlan("latency", size.rate_rps, seconds, pinned=False) for seconds in lengths_s]
    keeping = frozenset(arm.id for arm in arms if _keeps(arm))
    settings = replace(lab.settings, store_timeout_s=size.bound_s)
    with (
        lab.stage(arms, slices, settings=settings, persistent=keeping) as stage,
        ThreadPoolExecutor(len(arms)) as pool,
    ):
        leavers = leave(lab, stage, arms, size.leavers, pool)
        leavers.try_in()
        trials = [Trial(None, stage.load(0), leavers.let_in())]
        for number, fault in enumerate(FAULTS, 1):
            observed = stage.load(number, list(_deeds(stage, fault, size, leavers)))
            leavers.try_in()
            trials.append(Trial(fault, observed, leavers.let_in()))
    for arm in arms:
        told = (trial for trial in trials if trial.fault != "hangs" or not _keeps(arm))  # a log changes nothing there
        yield from (Case(lab, arm, trial, size, trials[0].observed[arm.id].record).outcome() for trial in told)


def _arms(lab: Lab, scheme: str, size: Size) -> Iterator[ArmPlan]:
    """Visitors renew, where they can, as often as they read. Where Redis is asked, another arm's keeps a log."""
    spec = lab.spec(scheme)
    journey: Journey = "refresh-heavy" if spec.traits.can_renew and spec.front == "api" else "steady"
    yield lab.arm(scheme, visitors=size.visitors, journey=journey)
    if "redis" in spec.traits.stores:
        yield lab.arm(scheme, visitors=size.visitors, journey=journey, label=KEEPING)


def _keeps(arm: ArmPlan) -> bool:
    return arm.id.endswith(KEEPING)


def _deeds(stage: Stage, fault: Fault, size: Size, leavers: Leavers) -> Iterator[Deed]:
    """Every Redis is its arm's own; PostgreSQL is all arms'."""
    stores = {name: arm.valkey for name, arm in stage.arms.items() if arm.valkey}
    cluster = next(iter(stage.arms.values())).cluster
    for name, valkey in stores.items():
        yield Deed(size.gone_s, f"{REDIS} {fault}", valkey.freeze if fault == "hangs" else valkey.kill, name)
    yield Deed(size.gone_s, f"{POSTGRES} {fault}", cluster.freeze if fault == "hangs" else cluster.kill)
    for name in leavers.doors:
        yield Deed((size.gone_s + size.back_s) / 2, TRIED, partial(leavers.try_in, name), name)
    for name, valkey in stores.items():
        yield Deed(size.back_s, RETURNS.format(REDIS), valkey.thaw if fault == "hangs" else valkey.restart, name)
        yield Deed(size.back_s, ANSWERS.format(REDIS), nothing, name)
    yield Deed(size.back_s, RETURNS.format(POSTGRES), cluster.thaw if fault == "hangs" else cluster.start)
    yield Deed(size.back_s, ANSWERS.format(POSTGRES), nothing)


@dataclass(frozen=True, slots=True)
class Trial:
    """One slice: what was seen of each arm, and how many of its leavers were let in; without a fault the control."""

    fault: Fault | None
    observed: Mapping[str, Observation]
    let_in: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Case:
    """One arm in one trial."""

    lab: Lab
    arm: ArmPlan
    trial: Trial
    size: Size
    control: str

    @property
    def _spec(self) -> SchemeSpec:
        return self.lab.spec(self.arm.scheme)

    @property
    def _seen(self) -> Observation:
        return self.trial.observed[self.arm.id]

    @property
    def _stores(self) -> tuple[str, ...]:
        """Those that the scheme asks; where it asks none, PostgreSQL, which is there for all."""
        names = {"redis": REDIS, "postgres": POSTGRES}
        return tuple(names[store] for store in self._spec.traits.stores if store in names) or (POSTGRES,)

    def outcome(self) -> Outcome:
        """With what happened second by second where there was a fault."""
        fault, seen = self.trial.fault, self._seen
        return Outcome(
            experiment=NAME,
            scheme=self.arm.scheme,
            setting=self._setting(),
            headline=self._headline(),
            figures=tuple(self._figures()),
            verdict=timely(seen, self._back()) if fault else seen.verdict,
            is_control=fault is None,
            timeline=timeline(seen) if fault else None,
            records=tuple(dict.fromkeys((self.control, seen.record))),
        )

    def _setting(self) -> str:
        stores = " and ".join(self._stores)
        what = f"{stores} {DONE[self.trial.fault]}"
        return f"{what}, with a log" if _keeps(self.arm) else what

    def _headline(self) -> str:
        """The worst of it."""
        seen, let_in = self._seen, self.trial.let_in.get(self.arm.id, 0)
        if users := len(logged_out(seen.samples)):
            return f"{users} of {seen.visitors} users logged out"
        if let_in:
            return f"{let_in} of {self.size.leavers} ended logins let in again"
        count = sum(map(failed, seen.samples))
        return f"{count} of {len(seen.samples)} requests failed" if count else CONSEQUENCE_FREE

    def _figures(self) -> Iterator[Figure]:
        seen = self._seen
        lost, theory = self._predicted_lost()
        yield users_logged_out(seen.samples, seen.visitors, lost, theory)
        yield requests_failed(seen.samples)
        if self.arm.id in self.trial.let_in:
            yield self._let_in(self.trial.let_in[self.arm.id])
        if self.trial.fault:
            for kind, count in errors_by_kind(seen.samples).most_common():
                yield Figure(kind, count, "requests", of=len(seen.samples))
            yield from self._waits()

    def _let_in(self, users: int) -> Figure:
        """A denylist that was forgotten denies nobody; a session that was forgotten lets nobody in."""
        forgotten = self._forgets and not self._has_sessions_in_redis
        predicted, theory = (self.size.leavers, "Redis forgot whom to deny") if forgotten else (0, "logouts are kept")
        return Figure(LET_IN, users, "users", of=self.size.leavers, predicted=predicted, theory=theory, is_harm=True)

    def _waits(self) -> Iterator[Figure]:
        seen = self._seen
        gone = min(self._marks(f"{{}} {self.trial.fault}"), key=lambda mark: mark.at_s)
        back = self._back()
        meanwhile = seen.between(gone, back)
        longest_ns = max((sample.done_ns - sample.sent_ns for sample in meanwhile), default=0)
        yield Figure(LONGEST, longest_ns / NS_PER_MS, "ms")
        yield Figure("wait, p99", wait_ms(meanwhile, 0.99), "ms")
        if self.arm.scheme not in UNHIT:
            yield Figure(BOUND, MS_PER_S * self.size.bound_s, "ms")
        first_s = first_success_s(seen, back)
        yield Figure("first success after the return", math.inf if first_s is None else first_s, "s")
        yield errors_end(seen, back)

    def _back(self) -> Mark:
        """When the last of its stores answers again."""
        return max(self._marks(ANSWERS), key=lambda mark: mark.at_s)

    def _marks(self, words: str) -> Sequence[Mark]:
        return [marked(self._seen, words.format(store)) for store in self._stores]

    @property
    def _forgets(self) -> bool:
        """Whether the fault makes the Redis of the scheme forget everything."""
        return self.trial.fault == "is killed" and REDIS in self._stores and not _keeps(self.arm)

    @property
    def _has_sessions_in_redis(self) -> bool:
        return "redis" in self._spec.traits.operations["issue"].round_trips

    def _predicted_lost(self) -> tuple[int, str]:
        if not self.trial.fault:
            return 0, "no store fails"
        if not self._forgets or not self._has_sessions_in_redis:
            return 0, "no store forgets a login"
        since = self._seen.since(marked(self._seen, RETURNS.format(REDIS)))
        return len({sample.visitor for sample in since if not failed(sample)}), "everyone who asked a Redis that forgot"


def _concerns(spec: SchemeSpec) -> bool:
    asks = {"redis", "postgres"} & set(spec.traits.stores)
    return spec.name in UNHIT or (bool(asks) and "memory" not in spec.traits.stores)


EXPERIMENT = Experiment(
    name=NAME,
    question="a store hangs or dies: who waits, who is logged out?",
    fault="SIGSTOP, then SIGKILL to Redis and PostgreSQL under load; they come back seconds later",
    concerns=_concerns,
    run=run,
    takes_s=32,
    reading=(
        "A Redis that keeps no log comes back empty: every session in it is gone, and a denylist lets revoked tokens "
        "in again. With a log, or in PostgreSQL, what was answered survives. While a store is away the answer is an "
        "error, never a refusal; a request waits for the bound at each step to the store (connecting to PostgreSQL "
        "takes at least 2 s), and longer where others hold all 8 threads. infinity: no success ever again."
    ),
)
