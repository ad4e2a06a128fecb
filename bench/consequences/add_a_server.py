"""One server becomes two, then four: who is refused and who is logged out, by how the load balancer picks a server."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

from bench.consequences.apparatus import fleet
from bench.consequences.apparatus.homes import SKEW, skew_figures
from bench.consequences.apparatus.losses import marked, spared, told
from bench.consequences.apparatus.sharing import chance, shares
from bench.consequences.experiment import Experiment
from bench.consequences.lab import Deed, Lab, Scale, Stage
from bench.consequences.model import Figure, Outcome
from bench.consequences.reading import REFUSED, Observation, timeline
from bench.stack.arm import RunningArm
from loadtests.plan import ArmPlan, SlicePlan
from loadtests.record import Sample
from services.contract import SchemeSpec

NAME = "add-a-server"
SERVERS = "{} servers"


@dataclass(frozen=True, slots=True)
class Size:
    """How many servers there are, changed every `step_s`: `steps` where the number decides, else only `few_steps`."""

    visitors: int
    steps: tuple[int, ...]
    few_steps: tuple[int, ...]
    rate_rps: float
    control_s: int
    step_s: int


SIZES: Mapping[Scale, Size] = {
    "tiny": Size(12, (1, 2), (1, 2), 30, 1, 2),
    "quick": Size(40, (1, 2, 4), (1, 2), 20, 3, 5),
    "standard": Size(100, (1, 2, 4), (1, 2, 4), 40, 8, 10),
}


@dataclass(frozen=True, slots=True)
class Growth:
    """An arm whose servers all run, but only the first is in rotation when its visitors log in."""

    arm: ArmPlan
    steps: tuple[int, ...]
    binds: bool

    def rest(self, running: RunningArm) -> None:
        """Keep all but the first out of rotation."""
        for server in running.facing[1:]:
            running.haproxy.rotate(server.name, "maint")

    def deeds(self, running: RunningArm, step_s: float) -> Iterator[Deed]:
        """Put servers into rotation, step after step."""
        for number, (before, servers) in enumerate(pairwise(self.steps), 1):
            added = [server.name for server in running.facing[before:servers]]
            yield Deed(number * step_s, SERVERS.format(servers), partial(_add, running, added), self.arm.id)

    def outcomes(self, calm: Observation, grown: Observation, names: Sequence[str], seed: int) -> Iterator[Outcome]:
        """With one server, which is the control, and with more after every step."""
        one = spared(NAME, "1 server", calm, self._figures(calm.samples, names[:1], seed))
        yield replace(one, at=1)
        marks = [marked(grown, SERVERS.format(servers)) for servers in self.steps[1:]]
        for place, (mark, servers) in enumerate(zip(marks, self.steps[1:], strict=True)):
            later = marks[place + 1 : place + 2]
            step = replace(grown, samples=grown.between(mark, *later) if later else grown.since(mark))
            figures = self._figures(step.samples, names[:servers], seed)
            found = told(NAME, f"grown to {servers} servers", step, figures, mark)
            yield replace(found, at=servers, timeline=None if later else timeline(grown))

    def _figures(self, samples: Sequence[Sample], names: Sequence[str], seed: int) -> Iterator[Figure]:
        """New servers get nothing but new logins where visitors are brought back."""
        yield from shares(samples, self.arm.visitors, chance(self.arm, len(names), binds=self.binds))
        housed = (self.arm.visitors, *(0 for _ in names[1:])) if self.arm.balancing == "sticky" else ()
        yield from skew_figures(SKEW, samples, names, housed, seed)


def _add(arm: RunningArm, servers: Sequence[str]) -> None:
    for server in servers:
        arm.haproxy.rotate(server, "ready")


def run(lab: Lab, schemes: Sequence[str]) -> Iterator[Outcome]:
    """Arms that grow under logged-in visitors, beside arms whose visitors logged in with all servers there."""
    size = SIZES[lab.scale]
    growths = [growth for scheme in schemes for growth in _growths(lab, scheme, size)]
    fixed = [arm for scheme in schemes for arm in _fixed(lab, scheme, size)]
    slices = [SlicePlan("latency", size.rate_rps, seconds, pinned=False) for seconds in _seconds(size)]
    with lab.stage([*(one.arm for one in growths), *fixed], slices, prepare=partial(_rest, growths)) as stage:
        names = {name: [server.name for server in arm.facing] for name, arm in stage.arms.items()}
        calm = stage.load(0)
        grown = stage.load(1, _deeds(stage, growths, size.step_s))
    for growth in growths:
        name = growth.arm.id
        yield from growth.outcomes(calm[name], grown[name], names[name], lab.seed)
    for arm in fixed:
        expected = chance(arm, arm.replicas, binds=True)
        yield told(NAME, _setting(arm), grown[arm.id], shares(grown[arm.id].samples, arm.visitors, expected))


def _growths(lab: Lab, scheme: str, size: Size) -> Iterator[Growth]:
    spec = lab.spec(scheme)
    steps, binds = size.steps if _is_bound_api(spec) else size.few_steps, spec.traits.needs_affinity
    for balancing in dict.fromkeys(("roundrobin", fleet.suited(spec))):
        arm = lab.arm(scheme, visitors=size.visitors, replicas=steps[-1], balancing=balancing, label="growing")
        yield Growth(arm, steps, binds)


def _fixed(lab: Lab, scheme: str, size: Size) -> Iterator[ArmPlan]:
    """Where it matters which server is asked: every way to be sent to the next."""
    spec = lab.spec(scheme)
    if not _is_bound_api(spec):
        return
    arm = partial(lab.arm, scheme, visitors=size.visitors)
    for servers in size.steps[1:]:
        yield arm(replicas=servers)
        yield arm(replicas=servers, balancing="roundrobin-l4", label="connected")
        yield arm(replicas=servers, balancing="roundrobin-l4", label="reconnecting", reconnects=True)


def _is_bound_api(spec: SchemeSpec) -> bool:
    return spec.traits.needs_affinity and spec.front == "api"


def _seconds(size: Size) -> tuple[int, int]:
    return size.control_s, size.step_s * len(size.steps)


def _rest(growths: Sequence[Growth], arms: Mapping[str, RunningArm]) -> None:
    for growth in growths:
        growth.rest(arms[growth.arm.id])


def _deeds(stage: Stage, growths: Sequence[Growth], step_s: float) -> list[Deed]:
    return [deed for growth in growths for deed in growth.deeds(stage.arms[growth.arm.id], step_s)]


def _setting(arm: ArmPlan) -> str:
    words = {False: "connections kept", True: "connecting anew each time"}
    how = f", {words[arm.reconnects]}" if arm.balancing == "roundrobin-l4" else ""
    return f"{arm.replicas} servers from the start{how}"


EXPERIMENT = Experiment(
    name=NAME,
    question="one server becomes two, then four: who is logged out?",
    fault="servers are put into rotation while users are logged in",
    concerns=fleet.concerns,
    run=run,
    takes_s=40,
    axis="servers",
    plots=REFUSED,
    reading=(
        "A session in one server's memory is unknown to the others: of N servers in turn, 1 - 1/N of all requests are "
        "refused, and a user who asks k times is logged out with 1 - N^-k. Stickiness avoids that, but the new servers "
        "get only new logins: the old one goes on carrying everybody who was there. With the login in a store or in "
        "the token, nobody notices."
    ),
)
