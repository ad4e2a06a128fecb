"""Whether the load balancer answered what the visitors received, and the stores were asked what that takes."""

from collections import Counter
from collections.abc import Iterator, Mapping

from loadtests.record import Record

SLOTTED = 100
"""Statuses of one class share their hundreds."""


def disagreements(record: Record, before: Mapping[str, int], after: Mapping[str, int]) -> tuple[str, ...]:
    """What client and load balancer count differently between two readings of its answers by class, in words.

    Where a visitor gave up waiting the load balancer may have answered nobody, so only that it answered no fewer can be
    asked. Without readings (layer 4 sees no answers) nothing can be told.
    """
    if not after:
        return ()
    received = Counter(f"{sample.status // SLOTTED}xx" for sample in record.samples if sample.status)
    unanswered = sum(not sample.status for sample in record.samples)
    answered = {name: after[name] - before.get(name, 0) for name in after}
    return tuple(_told(received, answered, unanswered))


def _told(received: Mapping[str, int], answered: Mapping[str, int], unanswered: int) -> Iterator[str]:
    for name in sorted(received.keys() | {name for name in answered if answered[name]}):
        client, balancer = received.get(name, 0), answered.get(name, 0)
        if not client <= balancer <= client + unanswered:
            yield (
                f"visitors received {client} answers {name}, the load balancer gave {balancer}; expected the same: "
                "samples were lost or someone else sent requests; run it again with nothing else using the stack"
            )
