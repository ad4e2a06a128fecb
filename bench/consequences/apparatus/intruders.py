"""Who must not get through a row of services: credentials missing, tampered with, of another key or ended."""

from collections.abc import Iterator
from typing import NamedTuple

from bench.measure.client import follow, read_once
from bench.measure.forgery import foreign, tampered
from bench.measure.laboratory import ArmBench
from bench.measure.proof import CONTROL, OK, logged_in
from loadtests.assignment import Target
from loadtests.visitor import Visitor, log_out
from services.contract import Traits


class Attempts(NamedTuple):
    """How many reads were answered of those that nobody should have answered."""

    answered: int
    tried: int


def attempt(bench: ArmBench, traits: Traits) -> Attempts:
    """Let each intruder ask each hop: asked only in turn, the ones behind the first would never be tried."""
    hops = [Target(bench.arm.host, hop.port) for hop in bench.arm.hops]
    statuses = [read_once(hop, intruder).status for intruder in _intruders(bench, traits) for hop in hops]
    return Attempts(statuses.count(OK), len(statuses))


def _intruders(bench: ArmBench, traits: Traits) -> Iterator[Visitor]:
    """One without a credential; where there is something to forge or to end, more."""
    yield bench.visitor(0)
    if bench.plan.scheme == CONTROL:
        return
    for forge in (tampered, foreign):
        forger = logged_in(bench, bench.address)
        forger.replace_credential(forge(forger.credential))
        yield forger
    if traits.revoked_within["logout"].seconds == 0:
        thief = logged_in(bench, bench.address)
        stolen = thief.credential
        follow(bench.address, log_out(thief))
        thief.replace_credential(stolen)
        yield thief
