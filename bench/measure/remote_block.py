"""One block on a target: every arm proven, CPU slices an arm at a time, then all arms side by side for response times.

The target's arms share its processes, so CPU can be told apart only while one arm alone is loaded. Nothing is started
afresh but the visitors: processes are not ours to restart, so blocks differ by less than blocks of our own do.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.measure.block import Progress, Surroundings, load, not_timed
from bench.measure.cpu import rates_ns_per_s
from bench.measure.piece import Rates
from bench.measure.remote import Site, Survey, first_users
from bench.measure.remote_bench import RemoteBench
from bench.measure.remote_proof import OutsideProof
from loadtests.plan import ArmPlan, BlockPlan
from loadtests.record import Record

IDLE_S = 3.0


@dataclass(frozen=True, slots=True)
class Remote:
    """What the blocks of a run on a target share."""

    site: Site
    survey: Survey


def run_remote_block(plan: BlockPlan, remote: Remote, around: Surroundings, progress: Progress) -> Iterator[Record]:
    """Measure one block; yields each record as soon as it is judged. NotReadyError when visitors cannot log in."""
    places = first_users(plan.arms, remote.site.seeded_users)
    benches = []
    for arm in plan.arms:
        progress.stage(f"proving {arm.id}")
        outside = _outside(arm, places, remote, around)
        proof = outside.prove()
        progress.proven(proof)
        yield from not_timed(plan, proof, around)
        if proof.holds:
            benches.append(replace(outside.bench, doubt=outside.doubt))
    alone = [replace(bench, alone=True) for bench in benches if remote.survey.knows_cpu(bench.front)]
    idle = _idle(alone, progress)
    for bench in alone:
        yield from load(_part(plan, [bench], "cpu"), [bench], around, progress, idle=idle)
    if benches:
        yield from load(_part(plan, benches, "latency"), benches, around, progress, idle={})


def _idle(benches: Sequence[RemoteBench], progress: Progress) -> Mapping[str, Rates]:
    """What each arm's services consume without load; blocks for IDLE_S. All arms share them, so it is asked once."""
    if not benches:
        return {}
    progress.stage("measuring what the services consume without load", seconds=IDLE_S)
    asked = {bench.front: bench for bench in benches}
    before = {front: bench.account_polling() for front, bench in asked.items()}
    time.sleep(IDLE_S)
    rates = {front: rates_ns_per_s(before[front], bench.account_polling()) for front, bench in asked.items()}
    return {bench.plan.id: rates[bench.front] for bench in benches}


def _outside(arm: ArmPlan, places: Mapping[str, int], remote: Remote, around: Surroundings) -> OutsideProof:
    bench = RemoteBench(remote.site, around.catalogue, arm, places[arm.id])
    return OutsideProof(bench, around.catalogue[arm.scheme].traits, remote.survey.replicas)


def _part(plan: BlockPlan, benches: Iterable[RemoteBench], purpose: str) -> BlockPlan:
    slices = tuple(piece for piece in plan.slices if piece.purpose == purpose)
    return replace(plan, arms=tuple(bench.plan for bench in benches), slices=slices)


def remote_blocks(blocks: Iterable[BlockPlan], remote: Remote) -> tuple[BlockPlan, ...]:
    """`blocks` as a target can bear them: nothing pinned, and no CPU slices where no service tells its CPU time.

    PlanError when the users are too few for the arms.
    """
    clocks = remote.survey.knows_cpu("api")
    adapted = tuple(_adapted(block, clocks=clocks) for block in blocks)
    first_users(adapted[0].arms, remote.site.seeded_users)
    return adapted


def _adapted(block: BlockPlan, *, clocks: bool) -> BlockPlan:
    slices = [replace(piece, pinned=False) for piece in block.slices if clocks or piece.purpose != "cpu"]
    return replace(block, slices=tuple(dict.fromkeys(slices)))


def traffic(plan: BlockPlan, remote: Remote) -> str:
    """What one block sends, in words."""
    logins = sum(arm.visitors for arm in plan.arms)
    pieces = (_words(len(plan.arms), piece.purpose, piece.rate_rps, piece.seconds) for piece in plan.slices)
    return f"{logins} visitors and {', '.join(pieces)} at {remote.site.url}"


def _words(arms: int, purpose: str, rate_rps: float, seconds: int) -> str:
    if purpose == "cpu":
        return f"{rate_rps:g} requests/s for {arms} x {seconds} s"
    return f"{arms * rate_rps:g} requests/s for {seconds} s"
