"""What a request costs: CPU, store operations and bytes, from what the servers and the clients counted."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from bench.analysis.outcomes import succeeded
from loadtests.record import Record, Resource, Sample

NS_PER_US = 1e3
NS_PER_S = 1e9
TOTAL = "total"


def cpu_us(record: Record) -> dict[str, float]:
    """CPU microseconds per successful request by component and in `total`; empty where it cannot be known.

    Per process: (c1 - c0 - i (t1 - t0)) / n, with c its CPU clock at the first and last reading t0, t1, i its
    idle consumption (none subtracted where it was not measured) and n the 2xx answers. Summed over a component's
    processes. A figure below zero is reported as it is: it means that idling costs more than the work.
    """
    successes = sum(map(succeeded, record.samples))
    if record.footer is None or not record.resources or successes == 0:
        return {}
    idle = record.footer.idle_cpu_ns_per_s
    costs: dict[str, float] = defaultdict(float)
    for process, (first, last) in _readings(record.resources).items():
        idle_ns = idle.get(process, 0.0) * (last.at_ns - first.at_ns) / NS_PER_S
        costs[process.split("/")[0]] += (last.cpu_ns - first.cpu_ns - idle_ns) / successes / NS_PER_US
    return {**costs, TOTAL: sum(costs.values())}


def _readings(resources: Iterable[Resource]) -> Mapping[str, tuple[Resource, Resource]]:
    """The first and the last reading of every process."""
    readings: dict[str, tuple[Resource, Resource]] = {}
    for reading in sorted(resources, key=lambda reading: reading.at_ns):
        first, _ = readings.get(reading.process, (reading, reading))
        readings[reading.process] = (first, reading)
    return readings


def store_operations(records: Iterable[Record]) -> dict[str, float] | None:
    """Server commands per request by store, over the records that know them; None where none does."""
    commands: Counter[str] = Counter()
    requests = 0
    for record in records:
        if record.footer is not None and record.footer.store_commands is not None:
            requests += len(record.samples)
            commands.update({store: sum(counts.values()) for store, counts in record.footer.store_commands.items()})
    return {store: count / requests for store, count in commands.items()} if requests else None


def mean_bytes(samples: Sequence[Sample]) -> tuple[float, float]:
    """HTTP bytes up and down per successful request; 0 when none succeeded."""
    sizes = [(sample.bytes_up, sample.bytes_down) for sample in samples if succeeded(sample)]
    if not sizes:
        return 0.0, 0.0
    up, down = map(sum, zip(*sizes, strict=True))
    return up / len(sizes), down / len(sizes)
