"""Metrics: they say what was done, to the call and the nanosecond, and a client cannot add to what they say."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as quick
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from services import bff, metrics
from services.app import assemble
from services.catalogue import SCHEMES
from services.clock import Clock
from services.contract import Grant, Scheme, SchemeSpec, Step, Store
from services.endpoints import ENDPOINTS
from services.metrics import Exposition, Metrics
from services.parts import ServiceParts, open_parts
from services.settings import Settings
from services.upstream import Upstream
from services.users import User
from tests.services.web.client import Client, Send, in_process

Labels = frozenset[tuple[str, str]]

LOOPBACKS = ("127.0.0.1", "::1")
SCHEME, CARRIER = "redis-session", "cookie"
STEPS: Mapping[Step, Callable[[Scheme, User, Grant], object]] = {
    "issue": lambda scheme, user, _: scheme.issue(user),
    "verify": lambda scheme, _, grant: scheme.verify(grant.credential),
    "renew": lambda scheme, _, grant: scheme.renew(grant.refresh_credential or ""),
    "revoke": lambda scheme, _, grant: scheme.revoke(grant.credential, grant.refresh_credential),
}


def samples(text: str) -> Mapping[str, Mapping[Labels, float]]:
    """Every sample of an exposition by its name and labels."""
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def scrape_text(counters: Metrics) -> str:
    """The exposition as it goes over the wire."""
    return generate_latest(counters.registry).decode()


def scraped(counters: Metrics) -> Mapping[str, Mapping[Labels, float]]:
    """What a scrape of `counters` says now."""
    return samples(scrape_text(counters))


def requests(counters: Metrics) -> Mapping[tuple[str, ...], float]:
    """Requests by scheme, carrier, route and status."""
    order = ("scheme", "carrier", "route", "status")
    counts = scraped(counters).get("authbench_requests_total", {})
    return {tuple(dict(labels)[name] for name in order): value for labels, value in counts.items()}


def store_calls(counters: Metrics) -> Mapping[str, float]:
    """Round trips by store."""
    return {dict(labels)["store"]: value for labels, value in scraped(counters)["authbench_store_calls_total"].items()}


@pytest.fixture
def counters() -> Metrics:
    """Those of a fresh replica."""
    return Metrics("api-1", "api")


@pytest.fixture
def counted_parts(settings: Settings, clock: Clock, counters: Metrics) -> Iterator[ServiceParts]:
    """The parts of a replica that `counters` listen to, its PostgreSQL connections warm."""
    parts = open_parts(replace(settings, database_pool=1), clock, round_trips=counters.round_trips)
    yield parts
    parts.close()


@pytest.fixture
def send(counted_parts: ServiceParts, counters: Metrics) -> Send:
    """Every scheme of the API, counted."""
    return in_process(assemble(counted_parts, [s for s in SCHEMES.values() if s.front == "api"], counters))


def test_what_is_exposed_is_prometheus_text(counters: Metrics) -> None:
    """It parses, every name is documented, and who speaks is said."""
    families = {family.name: family for family in text_string_to_metric_families(scrape_text(counters))}
    kinds = {name: family.type for name, family in families.items() if not name.endswith("_created")}
    assert kinds == {
        "authbench_info": "gauge",
        "authbench_requests": "counter",
        "authbench_store_calls": "counter",
        "authbench_upstream_calls": "counter",
        "process_cpu_seconds": "counter",
        "process_resident_memory_bytes": "gauge",
    }
    assert all(family.documentation for family in families.values())
    assert scraped(counters)["authbench_info"] == {frozenset({("replica", "api-1"), ("front", "api")}): 1.0}


def test_when_counting_began_is_told() -> None:
    """Even before anything was counted: who scrapes notices that a worker was replaced by another."""
    first, second = (scraped(Metrics("api-1", "api"))["authbench_upstream_calls_created"] for _ in range(2))
    assert first[frozenset()] < second[frozenset()] <= time.time()


def test_cpu_time_is_the_kernels_to_the_nanosecond(counters: Metrics) -> None:
    """It lies between two readings of the clock that the harness reads from outside, without rounding."""
    clock_id = (~os.getpid()) << 3 | 2
    before_ns = time.clock_gettime_ns(clock_id)
    (cpu_s,) = scraped(counters)["process_cpu_seconds_total"].values()
    assert before_ns <= round(cpu_s * 1e9) <= time.clock_gettime_ns(clock_id)
    assert (cpu_s * 1e9) % 1000


def test_memory_is_told_where_the_kernel_tells_it(counters: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    """In bytes; left out, not zero, on a system without /proc."""
    (rss_bytes,) = scraped(counters)["process_resident_memory_bytes"].values()
    assert rss_bytes % os.sysconf("SC_PAGE_SIZE") == 0
    assert 1e6 < rss_bytes < 1e10
    monkeypatch.setattr(metrics, "_STATM", Path("/nowhere/statm"))
    assert "process_resident_memory_bytes" not in scraped(counters)


def test_every_answer_is_counted_where_it_was_given(send: Send, counters: Metrics, user: User) -> None:
    """By scheme, carrier, route and status, refusals included; what lies outside the mounts under its own name."""
    client = Client(send, SCHEME, CARRIER)
    for _ in range(3):
        client.get("profile")
    client.log_in(user.name, "wrong")
    client.post("admin/ban", {})
    client.request("DELETE", "profile", {}, b"")
    for path in ("/healthz", "/.well-known/jwks.json", "/favicon.ico", f"/{SCHEME}/{CARRIER}/nothing"):
        send("GET", path, {}, b"")
    assert requests(counters) == {
        (SCHEME, CARRIER, "profile", "401"): 3,
        (SCHEME, CARRIER, "login", "401"): 1,
        (SCHEME, CARRIER, "admin/ban", "401"): 1,
        (SCHEME, CARRIER, "profile", "405"): 1,
        ("", "", "healthz", "200"): 1,
        ("", "", ".well-known/jwks.json", "200"): 1,
        ("", "", "other", "404"): 2,
    }


def test_a_failure_of_ours_is_counted(counted_parts: ServiceParts, counters: Metrics) -> None:
    """A 500 is an answer too."""
    send = in_process(assemble(counted_parts, [replace(SCHEMES["none"], build=lambda _: None)], counters))  # type: ignore[arg-type, return-value]
    assert send("GET", "/none/bearer/profile", {}, b"").status == 500
    assert requests(counters) == {("none", "bearer", "profile", "500"): 1}


HOSTILE = st.text(st.characters(codec="latin-1", exclude_characters="?"), max_size=40)


@given(paths=st.lists(HOSTILE, max_size=5), method=st.sampled_from(["GET", "POST", "OPTIONS", "TRACE"]))
@quick(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_client_adds_a_label(send: Send, counters: Metrics, paths: list[str], method: str) -> None:
    """Whatever it asks for, whichever header it sends: labels are of our routes and statuses alone."""
    for path in paths:
        for prefix in ("/", f"/{SCHEME}/", f"/{SCHEME}/{CARRIER}/", f"/{SCHEME}/{CARRIER}/profile/"):
            send(method, prefix + path, {"X-Replica": "evil", "User-Agent": "evil"}, b"")
    mounts = {(name, carrier) for name, spec in SCHEMES.items() for carrier in spec.traits.carriers}
    for scheme, carrier, route, status in requests(counters):
        assert (scheme, carrier) in mounts | {("", "")}
        assert route in {*ENDPOINTS, "other", "healthz", "readyz", ".well-known/jwks.json"}
        assert status in {"200", "201", "400", "401", "403", "404", "405", "411", "415"}


@pytest.mark.parametrize("spec", SCHEMES.values(), ids=lambda spec: spec.name)
def test_round_trips_are_those_the_traits_declare(
    spec: SchemeSpec, counted_parts: ServiceParts, counters: Metrics, user: User
) -> None:
    """Of every step of every scheme, per store: what a run computes its ledger with is what a replica counts."""
    scheme = spec.build(counted_parts)
    for step in STEPS:  # opens connections, loads scripts
        if step in spec.traits.operations:
            STEPS[step](scheme, user, scheme.issue(user))
    grant = scheme.issue(user)
    for step, declared in spec.traits.operations.items():
        before = store_calls(counters)
        taken = STEPS[step](scheme, user, grant)
        grant = taken if isinstance(taken, Grant) else grant
        after = store_calls(counters)
        stores: tuple[Store, Store] = ("redis", "postgres")
        assert {store: after[store] - before[store] for store in stores} == {
            store: declared.round_trips.get(store, 0) for store in stores
        }


def test_a_bff_counts_what_it_asks_of_the_api(settings: Settings) -> None:
    """Every request that went out, answered or not."""
    counters = Metrics("bff-1", "bff")
    away = replace(settings, upstream_url="http://127.0.0.1:1")
    with closing(Upstream(away, counters.round_trips.upstream)) as upstream:
        send = in_process(bff.assemble(away, time.time, {}, upstream, counters))
        assert [send("GET", "/readyz", {}, b"").status for _ in range(2)] == [503, 503]
    assert scraped(counters)["authbench_upstream_calls_total"] == {frozenset(): 2}
    assert requests(counters) == {("", "", "readyz", "503"): 2}


def test_applications_do_not_share_counters() -> None:
    """Two in one process count each for itself, under the same names."""
    first, second = Metrics("api-1", "api"), Metrics("bff-1", "bff")
    (first.round_trips.redis or print)()
    assert (store_calls(first)["redis"], store_calls(second)["redis"]) == (1, 0)


@pytest.fixture(params=LOOPBACKS)
def published(request: pytest.FixtureRequest, counters: Metrics) -> Iterator[Exposition]:
    """`counters` on a free port."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    exposition = Exposition(counters.registry, socket.create_server((request.param, 0), family=family))
    yield exposition
    exposition.server_close()


def fetched(exposition: Exposition, method: str, path: str) -> tuple[int, str, str]:
    """Status, Server header and body of one request."""
    host, port = exposition.socket.getsockname()[:2]
    with closing(HTTPConnection(host, port, timeout=10)) as connection:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.headers["Server"], answer.read().decode()


def test_the_metrics_are_at_their_path_alone(published: Exposition) -> None:
    """GET /metrics, query or none, over IPv4 and IPv6; nothing elsewhere, and no word of what serves it."""
    for path in ("/metrics", "/metrics?name[]=process_cpu_seconds_total"):
        status, server, body = fetched(published, "GET", path)
        assert (status, server.strip()) == (200, "authbench")
        assert "process_cpu_seconds_total" in samples(body)
    assert fetched(published, "GET", "/")[0] == 404
    assert fetched(published, "GET", "//[metrics")[0] == 404
    assert fetched(published, "POST", "/metrics")[0] == 501


def test_a_client_that_hangs_up_harms_nobody(published: Exposition, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither who says nothing nor who resets; the next scrape is answered and no log is written."""
    for said in (b"", b"GET /metrics HTTP/1.0\r\n"):
        with socket.create_connection(published.socket.getsockname()[:2]) as rude:
            rude.sendall(said)
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert fetched(published, "GET", "/metrics")[0] == 200
    assert capfd.readouterr().err == ""


def test_it_serves_on_after_a_want_of_descriptors(counters: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that cannot be accepted now is accepted later."""
    accept, fails = Exposition.get_request, [True]

    def starved(self: Exposition) -> tuple[socket.socket, object]:
        if fails and fails.pop():
            raise OSError
        return accept(self)

    monkeypatch.setattr(Exposition, "get_request", starved)
    exposition = Exposition(counters.registry, socket.create_server(("127.0.0.1", 0)))
    assert fetched(exposition, "GET", "/metrics")[0] == 200
    exposition.server_close()


def test_a_closed_port_is_closed(counters: Metrics) -> None:
    """Nobody can connect any more, and the thread is gone."""
    exposition = Exposition(counters.registry, socket.create_server(("127.0.0.1", 0)))
    address = exposition.socket.getsockname()
    exposition.server_close()
    assert not exposition._accepting.is_alive()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_nothing_secret_is_exposed(send: Send, counters: Metrics, user: User) -> None:
    """Neither names nor credentials nor what a client wrote: labels are words of ours."""
    client = Client(send, SCHEME, CARRIER)
    client.credential = "canary-credential"
    client.log_in(user.name, "canary-password")
    client.get("profile", {"Cookie": "__Host-session=canary-cookie"})
    send("POST", "/canary-path", {"Content-Type": "application/json"}, json.dumps({"canary": 1}).encode())
    text = scrape_text(counters)
    assert "canary" not in text
    assert user.name not in text
    assert user.id not in text
