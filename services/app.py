"""The service: the same endpoints for every scheme and carrier, under /{scheme}/{carrier}."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import falcon

from services.answers import App, Health
from services.carriers import challenge, open_carrier
from services.catalogue import chosen
from services.contract import SchemeSpec
from services.counting import UNCOUNTED, open_metrics
from services.endpoints import ENDPOINTS, Mount, Notes
from services.parts import ServiceParts, open_parts
from services.passwords import Passwords
from services.problems import install
from services.settings import Settings, from_environment
from services.spans import watch

if TYPE_CHECKING:
    from services.metrics import Metrics

JWKS_CACHE_S = 60


class Ready:
    """GET /readyz: the stores answer."""

    def __init__(self, parts: ServiceParts) -> None:
        self._parts = parts

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """StoreDownError, so 503, names the store that does not."""
        self._parts.check_ready()
        resp.media = {"status": "ready"}


class KeySet:
    """GET /.well-known/jwks.json: the public keys."""

    def __init__(self, parts: ServiceParts) -> None:
        self._parts = parts

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Anyone may see and, for a minute, cache them."""
        resp.set_header("Cache-Control", f"public, max-age={JWKS_CACHE_S}")
        resp.media = self._parts.keys.jwks()


def create_app(settings: Settings | None = None) -> App:
    """The API as a WSGI application. No store is contacted before the first request, so a server may fork in between.

    It leaves schemes whose front is the BFF to `services.bff`. SettingsError for a bad environment, an unknown scheme
    or an unusable key ring.
    """
    settings = settings or from_environment()
    metrics = open_metrics(settings, "api")
    parts = open_parts(settings, round_trips=metrics.round_trips if metrics else UNCOUNTED)
    return assemble(parts, [spec for spec in chosen(settings.schemes) if spec.front == "api"], metrics)


def assemble(parts: ServiceParts, specs: Iterable[SchemeSpec], metrics: "Metrics | None" = None) -> App:
    """Mount `specs` over `parts`, under every carrier each of them knows."""
    app = App(parts.settings.replica, metrics)
    install(app, challenge)
    app.add_route("/healthz", Health())
    app.add_route("/readyz", Ready(parts))
    app.add_route("/.well-known/jwks.json", KeySet(parts))
    passwords = Passwords(parts.settings.password_profile)
    notes = Notes(parts.settings.notes_max)
    for spec in specs:
        scheme = spec.build(parts)
        watch("verify", scheme, "issue", "verify", "renew", "revoke")
        for name in spec.traits.carriers:
            carrier = open_carrier(name, lambda: parts.keys.csrf_secret)
            _mount(app, f"/{spec.name}/{name}", Mount(scheme, carrier, parts, passwords, notes))
    return app


def _mount(app: App, prefix: str, mount: Mount) -> None:
    for path, endpoint in ENDPOINTS.items():
        app.add_route(f"{prefix}/{path}", endpoint(mount))
