"""The backend for a frontend: cookies outside, tokens inside, HTTP to the API, under /{scheme}/cookie.

A replica of it is a replica of the services with AUTHBENCH_FRONT=bff. It finds the API by AUTHBENCH_UPSTREAM_URL, where
refresh-token has to be mounted, and takes the Redis and keys settings, and AUTHBENCH_SCHEMES, as every replica does.
It has no database.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import falcon

from services.answers import App, Health
from services.backchannel import Backchannel
from services.bff_endpoints import ENDPOINTS, BffMount
from services.carriers import challenge, open_carrier
from services.catalogue import chosen
from services.clock import Clock, open_clock
from services.contract import SchemeSpec
from services.counting import UNCOUNTED, Count, open_metrics
from services.keys import open_ring
from services.problems import install
from services.settings import Settings, SettingsError, from_environment
from services.stores.memory_vault import MemoryVault
from services.stores.vaults import TokenVault
from services.upstream import Upstream

if TYPE_CHECKING:
    from services.metrics import Metrics


class Ready:
    """GET /readyz: the vaults and the API answer."""

    def __init__(self, vaults: Iterable[TokenVault], upstream: Upstream) -> None:
        self._vaults = tuple(vaults)
        self._upstream = upstream

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """StoreDownError, so 503, names who does not."""
        for vault in self._vaults:
            vault.prepare()
        self._upstream.check_ready()
        resp.media = {"status": "ready"}


def create_app(settings: Settings | None = None) -> App:
    """The BFF as a WSGI application. Nobody is contacted before the first request, so a server may fork in between.

    It serves those of the settings' schemes whose front is the BFF; a scheme says by its first store where its tokens
    lie. SettingsError for a bad environment, an unusable key ring, or no scheme to serve.
    """
    settings = settings or from_environment()
    clock = open_clock(settings.clock_file)
    metrics = open_metrics(settings, "bff")
    count = metrics.round_trips if metrics else UNCOUNTED
    vaults = _open_vaults(settings, clock, count.redis)
    return assemble(settings, clock, vaults, Upstream(settings, count.upstream), metrics)


def assemble(
    settings: Settings,
    clock: Clock,
    vaults: Mapping[str, TokenVault],
    upstream: Upstream,
    metrics: "Metrics | None" = None,
) -> App:
    """Mount a scheme over each of `vaults`, by its name."""
    ring = open_ring(settings)
    carrier = open_carrier("cookie", lambda: ring.csrf_secret)
    app = App(settings.replica, metrics)
    install(app, challenge)
    app.add_route("/healthz", Health())
    app.add_route("/readyz", Ready(vaults.values(), upstream))
    for name, vault in vaults.items():
        mount = BffMount(carrier, vault, Backchannel(settings, clock, vault, upstream), upstream)
        for path, endpoint in ENDPOINTS.items():
            app.add_route(f"/{name}/cookie/{path}", endpoint(mount))
    return app


def _open_vaults(settings: Settings, clock: Clock, count: Count | None) -> Mapping[str, TokenVault]:
    served = [spec for spec in chosen(settings.schemes) if spec.front == "bff"]
    if not served:
        message = f"AUTHBENCH_SCHEMES is {','.join(settings.schemes)!r}, expected one a BFF serves; add bff or unset it"
        raise SettingsError(message)
    return {spec.name: _open_vault(spec, settings, clock, count) for spec in served}


def _open_vault(spec: SchemeSpec, settings: Settings, clock: Clock, count: Count | None) -> TokenVault:
    if spec.traits.stores[0] == "memory":
        return MemoryVault(settings, clock)
    # the client library alone takes half a replica's start
    from services.redis_client import RedisClient  # noqa: PLC0415 - see above
    from services.stores.redis_vault import RedisVault  # noqa: PLC0415 - see above

    return RedisVault(settings, clock, RedisClient(settings, count=count))
