"""One generator, once, against the running server: started on its own cores, watched, and held against the stamps."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from bench.generator.arrivals import NS_PER_S, Arrivals, lateness_ms
from bench.generator.contender import Contender, Load, Name, Spread, Told, spread
from bench.generator.server import BareServer
from bench.generator.watch import Reading, Watch, within
from bench.stack.pinning import apart
from bench.stack.supervisor import Supervisor

NS_PER_US = 1000
LEAD_S, TAIL_S = 1.5, 0.5
"""What of a load is no steady state: so much after its first request, and so much before its end."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one generator cost and did in one round.

    `cpu_us`: per request, over the steady window. `sent_ratio`: iterations begun in time over those that were to be.
    `lateness` is as the server saw it, `recorded` as the generator did; `refused` are requests that the server refused,
    `failed` those without a good answer by the generator's own count.
    """

    generator: Name
    cpu_us: float
    sent_ratio: float | None
    lateness: Spread | None
    recorded: Spread | None
    response: Spread | None
    refused: int
    failed: int


def measure(supervisor: Supervisor, server: BareServer, contender: Contender, load: Load) -> Outcome:
    """Servers on the first half of the cores, generators on the other. ProcessDiedError, ValueError."""
    server.arrivals()
    ours = (os.getpid(),)
    with ExitStack() as ending:
        with apart(server.pids, ours):  # what is started meanwhile inherits the generators' half
            running = ending.enter_context(contender.start(supervisor, load))
        with apart((*server.pids, *ours), ()), Watch(running.process) as watch:
            told = running.finish()
    return outcome(contender, load, server.arrivals(), watch.readings, told)


def outcome(contender: Contender, load: Load, arrivals: Arrivals, readings: Sequence[Reading], told: Told) -> Outcome:
    """What the stamps, the clocks and the generator itself say of one load. ValueError where it never began."""
    firsts_ns = arrivals.firsts_ns
    if not len(firsts_ns):
        name = contender.name
        message = f"{name}: found no request of its at the server, expected {load.target}; try it with --only {name}"
        raise ValueError(message)
    begin_ns = int(firsts_ns[0])
    end_ns = begin_ns + load.seconds * NS_PER_S
    first, last = within(readings, begin_ns + int(LEAD_S * NS_PER_S), end_ns - int(TAIL_S * NS_PER_S))
    steady_ns = firsts_ns[(firsts_ns > first.at_ns) & (firsts_ns <= last.at_ns)]
    half_slot_ns = NS_PER_S / load.rate_rps / 2  # the slot that lies on the end is the next load's first
    in_time = int(np.count_nonzero(firsts_ns < end_ns - half_slot_ns))
    return Outcome(
        generator=contender.name,
        cpu_us=(last.cpu_ns - first.cpu_ns) / NS_PER_US / arrivals.count(first.at_ns, last.at_ns),
        sent_ratio=in_time / load.target if contender.is_paced else None,
        lateness=spread(lateness_ms(steady_ns, load.rate_rps)) if contender.is_paced else None,
        recorded=told.lateness,
        response=told.response,
        refused=arrivals.refused,
        failed=told.failed,
    )
