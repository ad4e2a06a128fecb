"""`authbench run --target`: the stack that somebody else runs, as the command line and the environment name it."""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from authbench.failures import UsageError
from bench.measure.profiles import Choices, plan_blocks
from bench.measure.remote import Site, Survey, parse_url, survey
from bench.measure.remote_block import Remote, remote_blocks, traffic
from bench.measure.remote_metrics import Metrics
from bench.measure.remote_stores import Server, StoreCounters
from bench.stack.errors import NotReadyError
from loadtests.plan import BlockPlan
from services.contract import SchemeSpec

OPTIONS: Mapping[str, str] = {
    "target": "--target",
    "user_password_file": "--user-password-file",
    "seeded_users": "--seeded-users",
    "target_metrics": "--target-metrics",
    "target_redis": "--target-redis",
    "target_database": "--target-database",
}
"""By the name under which the command line keeps them."""
OURS: Mapping[str, tuple[str, ...]] = {"replicas": (), "balancing": ("roundrobin",)}
"""What can only be chosen for a stack of our own, as it is where nothing was chosen."""


def open_site(chosen: argparse.Namespace) -> Site:
    """The target of `chosen`, nobody asked yet. UsageError, PlanError, OSError."""
    parse_url(chosen.target)
    for name, unchosen in OURS.items():
        if getattr(chosen, name) != unchosen:
            message = f"--{name}: found it beside --target, which has its own; leave it out"
            raise UsageError(message)
    if chosen.user_password_file is None:
        message = "--target: found no --user-password-file, expected the file that `python -m services.seed` was given"
        raise UsageError(message)
    return Site(
        url=chosen.target.rstrip("/"),
        password=_secret(chosen.user_password_file),
        seeded_users=chosen.seeded_users,
        metrics=Metrics(chosen.target_metrics.split(",")) if chosen.target_metrics else None,
        stores=_stores(chosen),
    )


def _secret(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        found = error.strerror if isinstance(error, OSError) else "no text"
        message = f"{path}: found {found!r}, expected the users' password; correct --user-password-file"
        raise UsageError(message) from error


def _stores(chosen: argparse.Namespace) -> StoreCounters | None:
    """Both or none: half of what a request asks of its stores shows nothing."""
    if bool(chosen.target_redis) != bool(chosen.target_database):
        message = "--target-redis, --target-database: found one of them, expected both or none; name the other, too"
        raise UsageError(message)
    if not chosen.target_redis:
        return None
    return StoreCounters(
        Server(chosen.target_redis, _file("AUTHBENCH_REDIS_PASSWORD_FILE")),
        Server(chosen.target_database, _file("AUTHBENCH_DATABASE_PASSWORD_FILE")),
    )


def _file(variable: str) -> Path | None:
    path = os.environ.get(variable)
    return Path(path) if path else None


def plan_remote(
    site: Site, choices: Choices, catalogue: Mapping[str, SchemeSpec]
) -> tuple[Remote, Choices, tuple[BlockPlan, ...]]:
    """Look the target over; the choices and blocks it allows. PlanError; NotReadyError when it is not what is needed.

    What is not mounted is left out of a profile, but missed where it was asked for by name.
    """
    choices = replace(choices, ledger=False)  # where its CPU time goes is not ours to see
    wished = plan_blocks(replace(choices, replicas=(1,)), catalogue)[0].arms
    found = survey(site, {arm.scheme: arm.carrier for arm in sorted(wished, key=lambda arm: arm.id)}, catalogue)
    missed = sorted({*choices.schemes} & {*found.absent})
    if missed:
        message = f"{site.url}: found no {', '.join(missed)} mounted, expected it; mount it there or leave it out here"
        raise NotReadyError(message)
    remote = Remote(site, found)
    allowed = replace(choices, schemes=found.mounted, replicas=(found.replicas,), balancing=("as-deployed",))
    return remote, allowed, remote_blocks(plan_blocks(allowed, catalogue), remote)


def announce(remote: Remote, blocks: tuple[BlockPlan, ...]) -> None:
    """Say on standard error what was found and what is about to be sent there."""
    for line in (
        *_found(remote.site, remote.survey),
        f"each of {len(blocks)} blocks sends {traffic(blocks[0], remote)}",
    ):
        print(f"authbench: {line}", file=sys.stderr)  # noqa: T201 - whoever runs the target may ask who that was


def _found(site: Site, found: Survey) -> Iterator[str]:
    faces = ", ".join(f"{len(names)} x {front}" for front, names in sorted(found.faces.items()))
    yield f"{site.url}: {faces} answer; how requests are balanced is not ours to see"
    if found.absent:
        yield f"{site.url}: not mounted, so left out: {', '.join(found.absent)}"
    if not found.knows_cpu("api"):
        asked = "not every replica tells its CPU time" if site.metrics else "no --target-metrics"
        yield f"{asked}: CPU is not measured, so schemes are compared by no cost"
    if site.stores is None:
        yield "no --target-redis and --target-database: cells are UNPROVEN"


def words(chosen: argparse.Namespace) -> Iterator[str]:
    """The options that came from the environment, for the command that repeats the run."""
    for name, option in OPTIONS.items():
        value = getattr(chosen, name)
        if chosen.target and value and not any(word.split("=")[0] == option for word in chosen.argv):
            yield from (option, str(value))
