"""What an application counts about itself, published in Prometheus' words on a port of its own.

Label values come from the routes and the statuses of the service alone, never from what a client sends.
"""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import falcon
from prometheus_client import CollectorRegistry, Counter, Info
from prometheus_client.exposition import MetricsHandler
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.counting import Count, RoundTrips

NS_PER_S = 1_000_000_000
PATH = "/metrics"
OTHER = "other"
"""The route of every request that no route of ours matches."""

_STATM = Path("/proc/self/statm")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_RETRY_S = 0.1


class Metrics:
    """The counters of one application, in a registry of its own; also the Falcon middleware that counts requests."""

    def __init__(self, replica: str, front: str) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self.registry.register(Process())
        Info("authbench", "Which application this is.", registry=self.registry).info(
            {"replica": replica, "front": front}
        )
        labels = ("scheme", "carrier", "route", "status")
        self._requests = Counter("authbench_requests", "Requests answered.", labels, registry=self.registry)
        stores = Counter("authbench_store_calls", "Round trips to stores.", ("store",), registry=self.registry)
        upstream = Counter("authbench_upstream_calls", "Requests of a BFF to the API.", registry=self.registry)
        self.round_trips = RoundTrips(stores.labels("redis").inc, stores.labels("postgres").inc, upstream.inc)
        self._counts: dict[tuple[str | None, object], Count] = {}

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        _resource: object,
        _req_succeeded: bool,  # noqa: FBT001 - as Falcon calls it
    ) -> None:
        """Count the request, whatever became of it."""
        seen = req.uri_template, resp.status
        count = self._counts.get(seen)
        if count is None:
            labels = (*_route(req.uri_template), str(resp.status_code))
            count = self._counts[seen] = self._requests.labels(*labels).inc
        count()


class Process(Collector):
    """CPU time and memory of this process, as the kernel accounts for it at the time of the scrape."""

    def collect(self) -> Iterator[Metric]:
        """CPU time to the nanosecond; memory where the kernel tells of it in /proc."""
        cpu_s = time.process_time_ns() / NS_PER_S
        yield CounterMetricFamily("process_cpu_seconds", "User and system CPU time of the process.", cpu_s)
        if _STATM.exists():
            pages = int(_STATM.read_text(encoding="ascii").split()[1])
            yield GaugeMetricFamily("process_resident_memory_bytes", "Resident memory.", pages * _PAGE_BYTES)


class _Scrape(MetricsHandler):
    timeout = 5.0
    server_version, sys_version = "authbench", ""

    def handle(self) -> None:
        """Answer; a client that hangs up meanwhile is no news."""
        with suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:  # noqa: N802 - as http.server calls it
        """The metrics at their path, nothing elsewhere."""
        if self.path.partition("?")[0] == PATH:
            super().do_GET()
        else:
            self.send_error(404)


class Exposition(ThreadingHTTPServer):
    """GET /metrics on `listener`, which it takes over, from threads that end with the process.

    It is made after a fork, and after gevent has patched: a socket and threads of before would block its worker.
    """

    def __init__(self, registry: Collector, listener: socket.socket) -> None:
        super().__init__(listener.getsockname(), _Scrape.factory(registry), bind_and_activate=False)
        self.socket.close()
        self.socket = socket.socket(fileno=listener.detach())
        self._accepting = Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def server_close(self) -> None:
        """Listen no more."""
        self.socket.shutdown(socket.SHUT_RDWR)
        super().server_close()
        self._accepting.join()

    def _accept(self) -> None:
        """Unlike `serve_forever`, wake up for nothing but a scrape."""
        while self.socket.fileno() >= 0:
            try:
                self.process_request(*self.get_request())
            except OSError:  # closed, or for now without a descriptor left
                time.sleep(_RETRY_S)


def _route(template: str | None) -> tuple[str, str, str]:
    """Scheme, carrier and route of /{scheme}/{carrier}/{route}; what lies outside has neither of the first two."""
    path = template or f"/{OTHER}"
    match path.split("/", 3):
        case [_, scheme, carrier, route]:
            return scheme, carrier, route
    return "", "", path[1:]
