"""Two BFFs in this process, behind a wire to the API that a test can listen to and cut."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from services.bff import assemble
from services.clock import Clock
from services.redis_client import RedisClient
from services.settings import Settings
from services.stores.memory_vault import MemoryVault
from services.stores.redis_vault import RedisVault
from services.stores.vaults import TokenVault
from services.upstream import Upstream
from tests.fleet import Fleet
from tests.services.web.client import Client, Send, in_process
from tests.services.wiretap import Wiretap, tapped


@dataclass(slots=True)
class Bff:
    """Two replicas in this process, with a clock of their own, behind a tapped wire to the API of a fleet."""

    sends: tuple[Send, Send]
    tap: Wiretap
    settings: Settings
    fleet: Fleet
    ahead_s: list[float]

    def client(self, scheme: str = "bff", replica: int = 0) -> Client:
        """A browser."""
        return Client(self.sends[replica], scheme, "cookie")

    def logged_in(self, scheme: str = "bff", name: str = "") -> Client:
        """A browser of `name`, or of a user of its own, who is logged in."""
        client = self.client(scheme)
        assert client.log_in(name or self.fleet.new_user(), self.fleet.password).status == 200
        return client

    def elsewhere(self, client: Client) -> Client:
        """The same browser, whose requests go to the other replica."""
        return replace(client, send=self.sends[1])

    def expire_access(self, *, left_s: float = 0) -> None:
        """Let the access tokens have so long to live, as the BFF sees it."""
        self.ahead_s[0] += self.settings.access_ttl_s - left_s


@contextmanager
def running(fleet: Fleet) -> Iterator[Bff]:
    """Two replicas before the API of `fleet`."""
    ahead_s = [0.0]

    def clock() -> float:
        return time.time() + ahead_s[0]

    with ExitStack() as stack:
        tap = stack.enter_context(tapped(fleet.pair.port))
        settings = settings_for(fleet, tap)

        def replica() -> Send:
            client, upstream = RedisClient(settings), Upstream(settings)
            stack.callback(client.close)
            stack.callback(upstream.close)
            return in_process(assemble(settings, clock, vaults(settings, clock, client), upstream))

        yield Bff((replica(), replica()), tap, settings, fleet, ahead_s)


def vaults(settings: Settings, clock: Clock, client: RedisClient) -> Mapping[str, TokenVault]:
    """One of each kind."""
    return {"bff": RedisVault(settings, clock, client), "bff-memory": MemoryVault(settings, clock)}


def settings_for(fleet: Fleet, tap: Wiretap) -> Settings:
    """Those of the fleet, but a session outlives its access tokens by far, and an API that hangs is found out soon."""
    valkey = fleet.pair.valkey
    assert valkey is not None
    settings = fleet.foundation.settings
    return replace(
        settings,
        replica="bff",
        redis_url=valkey.url,
        redis_password_file=valkey.password_file,
        upstream_url=tap.url,
        upstream_timeout_s=2.0,
        session_idle_s=6 * settings.access_ttl_s,
    )
