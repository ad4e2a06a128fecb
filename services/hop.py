"""A service among others: it finds out for itself who asks, then asks the next one with the caller's own credential.

A replica of it is a replica of the services with AUTHBENCH_FRONT=hop. AUTHBENCH_UPSTREAM_URL is the next hop; one
without it is the last and answers. AUTHBENCH_HOP_CHECK says how it finds out: it verifies as the scheme does, with keys
and stores of its own, or it asks the API, as RFC 7662 describes it: one request each time. What it asks for there is
the profile: the one endpoint that verifies, does nothing besides, and is answered alike for every scheme and user.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import falcon

from services.answers import App, Health
from services.carriers import HttpCarrier, challenge, open_carrier
from services.catalogue import chosen
from services.contract import Carrier, SchemeSpec
from services.counting import UNCOUNTED, RoundTrips, open_metrics
from services.endpoints import PROFILE
from services.link import Link, Request
from services.parts import ServiceParts, open_parts
from services.problems import install
from services.settings import Settings, from_environment

if TYPE_CHECKING:
    from services.metrics import Metrics

Asked = Callable[[str], bytes]
"""What another service answers to whoever holds a credential. RejectedError, StoreDownError."""


@dataclass(frozen=True, slots=True)
class Profile:
    """GET: the hot read, as the last hop gives it.

    `check` raises where the credential is not good. Nobody gets a new credential here: a token that slides is replaced
    by the API alone.
    """

    carrier: HttpCarrier
    check: Callable[[str], object]
    answer: Asked

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Who is refused here is not heard of further on."""
        credential = self.carrier.credential(req)
        self.check(credential)
        resp.data = self.answer(credential)


class Ready:
    """GET /readyz: the services it asks answer."""

    def __init__(self, links: Sequence[Link]) -> None:
        self._links = links

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """StoreDownError, so 503, when one does not."""
        for link in self._links:
            link.check_ready()
        resp.media = {"status": "ready"}


@dataclass(frozen=True, slots=True)
class Way:
    """Where a hop learns what it needs: `api` None: it verifies by itself; `further` None: it is the last."""

    parts: ServiceParts
    api: Link | None
    further: Link | None

    @property
    def links(self) -> Sequence[Link]:
        """The services it asks."""
        return [link for link in (self.api, self.further) if link]

    def profile(self, spec: SchemeSpec, name: Carrier) -> Profile:
        """The endpoint of one scheme under one carrier."""
        carrier, path = open_carrier(name, lambda: self.parts.keys.csrf_secret), _path(spec, name)
        check = _asking(self.api, carrier, path) if self.api else spec.build(self.parts).verify
        answer = _asking(self.further, carrier, path) if self.further else lambda _credential: PROFILE
        return Profile(carrier, check, answer)

    def close(self) -> None:
        """Close every connection that is not in use."""
        self.parts.close()
        for link in self.links:
            link.close()


def create_app(settings: Settings | None = None) -> App:
    """The hop as a WSGI application. Nobody is contacted before the first request, so a server may fork in between.

    SettingsError.
    """
    settings = settings or from_environment()
    metrics = open_metrics(settings, "hop")
    return assemble(open_way(settings, metrics.round_trips if metrics else UNCOUNTED), metrics)


def open_way(settings: Settings, count: RoundTrips = UNCOUNTED) -> Way:
    """What `settings` say. SettingsError."""
    bound_s, asks = settings.upstream_timeout_s, settings.hop_check == "introspect"
    api = Link("INTROSPECT_URL", settings.introspect_url, bound_s, count.upstream) if asks else None
    is_last = not settings.upstream_url
    further = None if is_last else Link("UPSTREAM_URL", settings.upstream_url, bound_s, count.upstream)
    return Way(open_parts(settings, round_trips=count), api, further)


def assemble(way: Way, metrics: "Metrics | None" = None) -> App:
    """Mount those of the settings' schemes that the API answers for, under every carrier each of them knows."""
    settings = way.parts.settings
    app = App(settings.replica, metrics)
    install(app, challenge)
    app.add_route("/healthz", Health())
    app.add_route("/readyz", Ready(way.links))
    for spec in chosen(settings.schemes):
        for name in spec.traits.carriers if spec.front == "api" else ():
            app.add_route(_path(spec, name), way.profile(spec, name))
    return app


def _asking(link: Link, carrier: HttpCarrier, path: str) -> Asked:
    """GET `path` with a credential, and with nothing else that a client sent."""

    def ask(credential: str) -> bytes:
        headers = {"User-Agent": "authbench-hop", "Accept": "application/json", **carrier.headers(credential)}
        return link.ask(Request("GET", path, headers), is_repeatable=True)

    return ask


def _path(spec: SchemeSpec, name: Carrier) -> str:
    return f"/{spec.name}/{name}/profile"
