"""A Redis that is full while users go on logging in: who is logged out, and who cannot log in."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace

from bench.analysis.model import Verdict
from bench.consequences.apparatus.filling import Filling, Known, told_by_redis
from bench.consequences.apparatus.filling import run as fill_here
from bench.consequences.experiment import worst
from bench.consequences.lab import Deed, Lab, Scale
from bench.consequences.model import CONSEQUENCE_FREE, Figure, Outcome
from bench.consequences.reading import LOGGED_OUT, Observation, logged_out, timeline
from bench.measure.client import follow, read_once
from bench.measure.laboratory import ArmBench
from bench.measure.proof import OK, UNAUTHORIZED
from bench.stack.arm import RunningArm
from loadtests import visitor as flows
from loadtests.assignment import USERNAME
from loadtests.plan import SlicePlan
from services.contract import StoreDownError
from services.parts import open_parts
from services.redis_client import RedisClient
from services.settings import Settings

SCHEME = "redis-session"
UNLIMITED = "no limit"
POLICIES = (UNLIMITED, "noeviction", "allkeys-lru")
UNAVAILABLE = 503
PATIENCE_S = 30.0
"""The bound of our own store clients: what fills a store may wait longer than a service would."""
LIMIT_AT_S, LOGINS_AT_S = 0.5, 0.8

REFUSED, UNFINDABLE, EVICTED = "logins refused", "live sessions a forced logout misses", "keys evicted"
ALL_FINE = "nothing ends a session before its time"
NEVER_EVICTS = "noeviction refuses writes and takes nothing away"
ALWAYS_ROOM = "what makes room for a new session is an old one"


@dataclass(frozen=True, slots=True)
class Sizes:
    """`kept` users stay idle, `visitors` keep reading, and `logins` more users log in when the limit has been set.

    With each of these `others` come, begun at the store and not counted: together they take several times the
    `room_bytes` left below the limit, and far more than the server's buffers come and go by (some 50 KB).
    """

    kept: int
    visitors: int
    logins: int
    others: int
    room_bytes: int
    rate_rps: float
    seconds: int


SIZES: Mapping[Scale, Sizes] = {
    "tiny": Sizes(kept=60, visitors=8, logins=60, others=12, room_bytes=65_536, rate_rps=10, seconds=3),
    "quick": Sizes(kept=300, visitors=60, logins=120, others=8, room_bytes=65_536, rate_rps=30, seconds=6),
    "standard": Sizes(kept=1000, visitors=200, logins=600, others=8, room_bytes=524_288, rate_rps=80, seconds=12),
}


@dataclass(slots=True)
class _Crowd:
    """Everyone beside the visitors on one arm, as credentials, and what became of the logins."""

    bench: ArmBench
    settings: Settings
    kept: Sequence[Known]
    came: list[Known] = field(default_factory=list)
    logins: "Counter[int]" = field(default_factory=Counter)

    def log_in(self, numbers: Iterable[int], others: int) -> None:
        """Log real users in at a replica, one after the other; past the load balancer, which counts the visitors."""
        with closing(open_parts(self.settings)) as parts:
            sessions = parts.sessions("redis")
            for number in numbers:
                for other in range(others):
                    with suppress(StoreDownError):
                        sessions.create(f"id-other-{number}-{other}", "user")
                self._log_in(number)

    def _log_in(self, number: int) -> None:
        visitor = self.bench.visitor(number)
        status = follow(self.bench.replica_addresses[0], flows.log_in(visitor)).status
        self.logins[status] += 1
        if status == OK:
            self.came.append((f"id-{USERNAME.format(number)}", visitor.credential))


def run(lab: Lab, name: str) -> Iterator[Outcome]:
    """One arm a policy, and one without a limit, under the same logins; outcomes of the experiment called `name`."""
    sizes = SIZES[lab.scale]
    arms = {policy: lab.arm(SCHEME, visitors=sizes.visitors, label=policy.replace(" ", "-")) for policy in POLICIES}
    with lab.stage(list(arms.values()), [SlicePlan("latency", sizes.rate_rps, sizes.seconds, pinned=False)]) as stage:
        crowds = {policy: _crowd(lab, stage.benches[arm.id], sizes) for policy, arm in arms.items()}
        numbers = range(sizes.visitors, sizes.visitors + sizes.logins)
        deeds = [_limit(policy, crowds[policy], sizes.room_bytes) for policy in POLICIES if policy != UNLIMITED]
        observed = stage.load(0, [*deeds, _logins(list(crowds.values()), numbers, sizes.others)])
        for policy, arm in arms.items():
            lab.progress.stage(f"reading who is still logged in, {policy}")
            yield _Full(name, policy, crowds[policy], observed[arm.id]).outcome()


def _crowd(lab: Lab, bench: ArmBench, sizes: Sizes) -> _Crowd:
    settings = bench_settings(lab.settings, bench.arm)
    _, kept = fill_here(settings, Filling("redis", 0, sizes.kept, sizes.kept, reads=1, seed=lab.seed))
    return _Crowd(bench, settings, kept)


def _limit(policy: str, crowd: _Crowd, room_bytes: int) -> Deed:
    def limit() -> None:
        with closing(RedisClient(crowd.settings)) as client:
            client.command("CONFIG", "SET", "maxmemory-policy", policy)
            client.command("CONFIG", "SET", "maxmemory", told_by_redis(client, "memory", "used_memory") + room_bytes)

    return Deed(LIMIT_AT_S, f"maxmemory is set, {policy}", limit, crowd.bench.plan.id)


def _logins(crowds: Sequence[_Crowd], numbers: range, others: int) -> Deed:
    def log_in() -> None:
        with ThreadPoolExecutor(len(crowds)) as together:
            for done in [together.submit(crowd.log_in, numbers, others) for crowd in crowds]:
                done.result()

    return Deed(LOGINS_AT_S, f"{len(numbers)} more users log in", log_in)


@dataclass(frozen=True, slots=True)
class _Full:
    """One arm when the logins are over; `name`: of the experiment."""

    name: str
    policy: str
    crowd: _Crowd
    observation: Observation

    def outcome(self) -> Outcome:
        """Ask for every session that was ever granted."""
        known = [*self.crowd.kept, *self.crowd.came]
        answers = read_each(self.crowd.bench, known)
        out = answers[UNAUTHORIZED] + len(logged_out(self.observation.samples))
        refused, evicted = self.crowd.logins[UNAVAILABLE], self._evicted()
        return Outcome(
            experiment=self.name,
            scheme=SCHEME,
            setting=f"maxmemory, {self.policy}" if self.policy != UNLIMITED else f"maxmemory: {UNLIMITED}",
            headline=_headline(out, refused),
            figures=(
                *self._figures(out, len(known) + self.observation.visitors, refused),
                Figure(EVICTED, evicted, ""),
            ),
            verdict=worst(
                self.observation.verdict,
                told(answers),
                told(self.crowd.logins, (OK, UNAVAILABLE)),
                explained(out, evicted),
            ),
            is_control=self.policy == UNLIMITED,
            timeline=timeline(self.observation),
            records=(self.observation.record,),
        )

    def _figures(self, out: int, of: int, refused: int) -> Iterator[Figure]:
        stays = {UNLIMITED: ALL_FINE, "noeviction": NEVER_EVICTS}.get(self.policy, "")
        yield Figure(LOGGED_OUT, out, "users", of=of, predicted=0 if stays else None, theory=stays, is_harm=True)
        comes = {UNLIMITED: ALL_FINE, "allkeys-lru": ALWAYS_ROOM}.get(self.policy, "")
        yield Figure(
            *(REFUSED, refused, "users"),
            of=self.crowd.logins.total(),
            predicted=0 if comes else None,
            theory=comes,
            is_harm=True,
        )
        yield Figure(UNFINDABLE, self._unfindable(), "users", of=of, is_harm=True)

    def _evicted(self) -> int:
        with closing(RedisClient(self.crowd.settings)) as client:
            return told_by_redis(client, "stats", "evicted_keys")

    def _unfindable(self) -> int:
        """Sessions of idle users that work although the index, by which all of a user are ended, has lost them."""
        bench, missed = self.crowd.bench, 0
        with closing(open_parts(self.crowd.settings)) as parts:
            sessions = parts.sessions("redis")
            for user, credential in self.crowd.kept:
                missed += not sessions.of_user(user) and read_each(bench, [(user, credential)])[OK]
        return missed


def _headline(out: int, refused: int) -> str:
    told = [f"{out} users logged out"] if out else []
    told += [f"{refused} logins refused"] if refused else []
    return ", ".join(told) or CONSEQUENCE_FREE


def bench_settings(settings: Settings, arm: RunningArm | None) -> Settings:
    """Settings by which we reach the stores of `arm` ourselves, patiently; without an arm there are none to reach."""
    patient = replace(settings, store_timeout_s=PATIENCE_S)
    if arm is None:
        return patient
    patient = replace(patient, database_url=arm.cluster.url(arm.database))
    if arm.valkey is None:
        return patient
    return replace(patient, redis_url=arm.valkey.url, redis_password_file=arm.valkey.password_file)


def read_each(bench: ArmBench, known: Sequence[Known]) -> "Counter[int]":
    """Send each credential to a replica in a request of its own; how often which status came."""
    visitor, answers = bench.visitor(0), Counter[int]()
    for _, credential in known:
        visitor.replace_credential(credential)
        answers[read_once(bench.replica_addresses[0], visitor).status] += 1
    return answers


def told(answers: Mapping[int, int], known: tuple[int, ...] = (OK, UNAUTHORIZED)) -> Verdict:
    """INVALID when other answers came than those that can be counted."""
    others = ", ".join(f"{count} x {status}" for status, count in sorted(answers.items()) if status not in known)
    if not others:
        return Verdict("VALID")
    expected = " or ".join(map(str, known))
    return Verdict("INVALID", (f"a replica answered {others}, expected {expected}; look at the logs of the run",))


def explained(logged_out: int, evicted: int) -> Verdict:
    """INVALID when more users were logged out than the server took keys away: then something else did it."""
    if logged_out <= evicted:
        return Verdict("VALID")
    reason = f"{logged_out} users were logged out though Redis evicted {evicted} keys, expected no more; see its log"
    return Verdict("INVALID", (reason,))
