"""CPU clocks of a target's services, from their /metrics: what the kernel charged each, less what our asking cost."""

import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from itertools import pairwise
from statistics import median
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from bench.measure.client import exchange
from bench.measure.profiles import PlanError
from bench.stack.errors import NotReadyError
from loadtests.assignment import Target
from loadtests.record import Resource

COMPONENTS: Mapping[str, str] = {"api": "replicas", "bff": "bff"}
"""By what `authbench_info` calls the front of a process."""
NS_PER_S = 1_000_000_000
PATH = "/metrics"
OK = 200
TRIALS = 5


@dataclass(frozen=True, slots=True)
class Service:
    """One process at one instant. `born`: when it began to count, so that one which was replaced is noticed."""

    replica: str
    front: str
    born: str
    at_ns: int
    cpu_ns: int
    rss_bytes: int

    @property
    def name(self) -> str:
        """`component/replica`."""
        return f"{COMPONENTS[self.front]}/{self.replica}"


class Metrics:
    """The services behind some URLs; a host name with several addresses means all of them."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._places = [_place(url) for url in urls]
        self._asked: Counter[str] = Counter()
        self._asking_ns: dict[str, float] = {}

    def calibrate(self) -> None:
        """Learn what one answer costs each service, from asking it several times in a row. NotReadyError."""
        seen: dict[str, list[int]] = {}
        for _ in range(TRIALS + 1):
            for service in self._scrape():
                seen.setdefault(service.name, []).append(service.cpu_ns)
        if not seen:
            where = ", ".join(f"{place.authority}{PATH}" for place in self._places)
            message = f"{where}: found no metrics, expected those of authbench's services; correct --target-metrics"
            raise NotReadyError(message)
        self._asking_ns = {
            name: median(later - earlier for earlier, later in pairwise(clocks))
            for name, clocks in seen.items()
            if len(clocks) > 1
        }

    def services(self) -> tuple[Service, ...]:
        """Those that answer."""
        return tuple(self._scrape())

    def resource(self, service: Service) -> Resource:
        """Its account, without the CPU time that our questions took."""
        asking_ns = self._asking_ns.get(service.name, 0.0) * (self._asked[service.name] - 1)
        return Resource(service.at_ns, service.name, service.cpu_ns - round(asking_ns), service.rss_bytes)

    def _scrape(self) -> Iterator[Service]:
        for place in self._places:
            for address in _addresses(place):
                service = _ask(address, place.authority)
                if service:
                    self._asked[service.name] += 1
                    yield service


def _place(url: str) -> Target:
    try:
        parts = urlsplit(url)
        place = Target(parts.hostname or "", parts.port or 0)
    except ValueError:
        place = Target("", 0)
    if not (place.host and place.port) or parts.scheme != "http" or parts.path not in {"", "/", PATH}:
        message = f"--target-metrics: found {url!r}, expected http://HOST:PORT{PATH}; correct it"
        raise PlanError(message)
    return place


def _addresses(place: Target) -> list[Target]:
    """Every address of a host name; none while it has none."""
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [Target(str(host), place.port) for host in sorted({entry[4][0] for entry in found})]


def _ask(address: Target, authority: str) -> Service | None:
    """None where nothing answers, or something else."""
    request = f"GET {PATH} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n"
    try:
        answer = exchange(address, request.encode())
        return _parsed(answer.body.decode()) if answer.status == OK else None
    except (OSError, HTTPException, ValueError, KeyError):
        return None


def _parsed(text: str) -> Service:
    """ValueError or KeyError where it is no service of ours."""
    samples = {sample.name: sample for family in text_string_to_metric_families(text) for sample in family.samples}
    about = samples["authbench_info"].labels
    if about["front"] not in COMPONENTS:
        raise ValueError(about["front"])
    born = samples.get("authbench_upstream_calls_created")
    return Service(
        replica=about["replica"],
        front=about["front"],
        born=str(born.value) if born else "",
        at_ns=time.monotonic_ns(),
        cpu_ns=round(samples["process_cpu_seconds_total"].value * NS_PER_S),
        rss_bytes=round(samples["process_resident_memory_bytes"].value),
    )
