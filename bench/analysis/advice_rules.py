"""What eliminates a scheme: one table of rules, each a need, a figure, its limit and the sentence that says so."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

Fact = Literal[
    "stolen_s", "stolen_on_other_servers_s", "logins_above_limit", "logins_above_limit_over_servers",
    "logins_unlisted", "logins_unlisted_over_servers", "bearers_refused", "services_left_out",
    "users_lost_to_growth", "users_lost_to_a_kill", "users_lost_to_a_redeploy", "goes_on_s", "redis_used",
    "postgres_used", "p99_ms", "cpu_ratio", "cpu_over_2_services_ratio", "cpu_over_4_services_ratio",
    "tokens_in_browser", "session_bytes",
]  # fmt: skip
FACTS: tuple[Fact, ...] = get_args(Fact)
NeedName = Literal[
    "force_logout", "revocation_window_s", "limit_sessions", "list_sessions", "mobile", "services", "servers",
    "survive_replica_loss", "redeploy_keeps_logins", "store_outage_s", "no_redis", "no_postgres",
    "latency_budget_ms", "cpu_budget_ratio", "tokens_out_of_browser",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Needs:
    """What somebody needs; a field at its default is not stated, and what is not stated eliminates nothing.

    `revocation_window_s`: how long a stolen credential may live on after logout or ban. `services`: how many find out
    by themselves who asks; `servers`: replicas of each. `store_outage_s`: how long whoever is logged in must go on
    without the store. `latency_budget_ms`: p99 of a read. `cpu_budget_ratio`: CPU of a read over the control's.
    """

    force_logout: bool = False
    revocation_window_s: float | None = None
    limit_sessions: bool = False
    list_sessions: bool = False
    mobile: bool = False
    services: int = 1
    servers: int = 1
    survive_replica_loss: bool = False
    redeploy_keeps_logins: bool = False
    store_outage_s: float = 0.0
    no_redis: bool = False
    no_postgres: bool = False
    latency_budget_ms: float | None = None
    cpu_budget_ratio: float | None = None
    tokens_out_of_browser: bool = False

    @property
    def stated(self) -> tuple[NeedName, ...]:
        """Those that are not at their default, in the order of the fields."""
        names: tuple[NeedName, ...] = get_args(NeedName)
        return tuple(name for name in names if getattr(self, name) != UNSTATED[name])

    def without(self, names: Iterable[NeedName]) -> "Needs":
        """These needs, `names` unstated."""
        return replace(self, **{name: UNSTATED[name] for name in names})


UNSTATED: Mapping[str, Any] = {field.name: field.default for field in fields(Needs)}


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure of a scheme, in the unit its Fact names (a count without), in words, and where it came from.

    `value` NaN: nobody knows, and `source` says what would tell. `is_measured`: else the scheme claims it.
    """

    value: float
    words: str
    source: str
    is_measured: bool = True

    @property
    def is_known(self) -> bool:
        """Whether a rule can be held against it."""
        return not math.isnan(self.value)


@dataclass(frozen=True, slots=True)
class Rule:
    """Whoever's `fact` `breaks` the limit is out, if all of `needs` are stated.

    `limit` and `because` are the same for people; `{found}` in the latter is the figure in words.
    """

    needs: tuple[NeedName, ...]
    fact: Fact
    breaks: Callable[[Needs, float], bool]
    limit: str
    because: str


def _any(_: Needs, value: float) -> bool:
    return value > 0


def _outlives(needs: Needs, value: float) -> bool:
    return value > (needs.revocation_window_s or 0.0)


def _spent(needs: Needs, value: float) -> bool:
    return value > (needs.cpu_budget_ratio or math.inf)


RULES: tuple[Rule, ...] = (
    Rule(("force_logout",), "stolen_s", _any, "must be 0", "a stolen copy outlives a forced logout: {found}"),
    Rule(
        ("force_logout", "servers"), "stolen_on_other_servers_s", _any,
        "must be 0", "a logout forced on another server does not reach it: {found}",
    ),
    Rule(
        ("revocation_window_s",), "stolen_s", _outlives,
        "at most the window", "a stolen copy outlives the window: {found}",
    ),
    Rule(
        ("revocation_window_s", "servers"), "stolen_on_other_servers_s", _outlives,
        "at most the window", "what ends a login on another server does not reach it in time: {found}",
    ),
    Rule(("limit_sessions",), "logins_above_limit", _any, "must be 0", "it does not hold a limit: {found}"),
    Rule(
        ("limit_sessions", "servers"), "logins_above_limit_over_servers", _any,
        "must be 0", "it holds a limit on each server alone: {found}",
    ),
    Rule(("list_sessions",), "logins_unlisted", _any, "must be 0", "it cannot list a user's logins: {found}"),
    Rule(
        ("list_sessions", "servers"), "logins_unlisted_over_servers", _any,
        "must be 0", "no server can list all logins of a user: {found}",
    ),
    Rule(("mobile",), "bearers_refused", _any, "must be 0", "clients that are no browser cannot use it: {found}"),
    Rule(("services",), "services_left_out", _any, "must be 0", "other services cannot check it: {found}"),
    Rule(("servers",), "users_lost_to_growth", _any, "must be 0", "an added server logs users out: {found}"),
    Rule(
        ("survive_replica_loss",), "users_lost_to_a_kill", _any,
        "must be 0", "a server that dies logs users out: {found}",
    ),
    Rule(
        ("redeploy_keeps_logins",), "users_lost_to_a_redeploy", _any,
        "must be 0", "a redeploy logs users out: {found}",
    ),
    Rule(
        ("store_outage_s",), "goes_on_s", lambda needs, value: value < needs.store_outage_s,
        "at least the outage", "it does not go on that long without its store: {found}",
    ),
    Rule(("no_redis",), "redis_used", _any, "must be 0", "it needs Redis: {found}"),
    Rule(("no_postgres",), "postgres_used", _any, "must be 0", "it needs PostgreSQL: {found}"),
    Rule(
        ("latency_budget_ms",), "p99_ms", lambda needs, value: value > (needs.latency_budget_ms or math.inf),
        "at most the budget", "p99 of a read is above the budget: {found}",
    ),
    Rule(("cpu_budget_ratio",), "cpu_ratio", _spent, "at most the budget", "a read costs more CPU: {found}"),
    Rule(
        ("cpu_budget_ratio", "services"), "cpu_over_2_services_ratio", _spent,
        "at most the budget", "a request that several services check costs more CPU: {found}",
    ),
    Rule(
        ("cpu_budget_ratio", "services"), "cpu_over_4_services_ratio",
        lambda needs, value: needs.services >= 4 and _spent(needs, value),  # noqa: PLR2004 - as the fact's name says
        "at most the budget, from 4 services on", "a request that 4 services check costs more CPU: {found}",
    ),
    Rule(
        ("tokens_out_of_browser",), "tokens_in_browser", _any,
        "must be 0", "the browser holds a token: {found}",
    ),
)  # fmt: skip
"""All there is: whom no rule names remains, and nothing here is weighed against anything else."""
