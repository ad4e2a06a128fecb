"""The API as a BFF reaches it: fixed paths, kept connections, a bound, and nothing of the browser's but its data.

The BFF sends headers of its own making alone, so whatever a browser sends under Authorization, Cookie, Host or X-*
ends here; of an answer it takes the status, the body and the reason.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from services.contract import UPSTREAM, Grant, StoreDownError
from services.counting import Count
from services.link import Link, Request
from services.settings import Settings
from services.spans import watch
from services.stores.vaults import Tokens

MOUNT = "/refresh-token/bearer"

Path = Literal[
    "login", "profile", "notes", "refresh", "logout", "logout-everywhere", "password", "admin/revoke", "admin/ban",
]  # fmt: skip
"""All that a BFF asks of the API."""

Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Call:
    """One request. A GET and a refresh may be sent again when their answer was lost.

    A refresh, because its second use gets the successor that the first one got, within its grace.
    """

    method: Literal["GET", "POST"]
    path: Path
    access: str = field(default="", repr=False)
    fields: Fields = field(default_factory=dict, repr=False)

    @property
    def is_repeatable(self) -> bool:
        """Whether sending it twice does what sending it once does."""
        return self.method == "GET" or self.path == "refresh"

    def headers(self) -> Mapping[str, str]:
        """Every header it has, beside those HTTP itself needs."""
        said = {"User-Agent": "authbench-bff", "Accept": "application/json"}
        said |= {"Authorization": f"Bearer {self.access}"} if self.access else {}
        return said | ({"Content-Type": "application/json"} if self.fields else {})

    def body(self) -> bytes:
        """The fields as JSON, as short as they came: an escaped text might be too long for the API."""
        return json.dumps(self.fields, ensure_ascii=False).encode("utf-8", "surrogatepass") if self.fields else b""


class Upstream:
    """The API's mount of refresh tokens, and so a TokenSource. Any method: StoreDownError(UPSTREAM)."""

    def __init__(self, settings: Settings, count: Count | None = None) -> None:
        self._link = Link("UPSTREAM_URL", settings.upstream_url, settings.upstream_timeout_s, count)
        watch("upstream", self, "ask")

    def ask(self, call: Call) -> bytes:
        """The body of a success. RejectedError, or the Problem the API answered with."""
        request = Request(call.method, f"{MOUNT}/{call.path}", call.headers(), call.body())
        return self._link.ask(request, is_repeatable=call.is_repeatable)

    def log_in(self, name: str, password: str, previous: Tokens | None) -> Grant:
        """A fresh login, in place of the one that `previous` belongs to. As `ask`."""
        fields = {"username": name, "password": password}
        if previous is None:
            return _grant(self.ask(Call("POST", "login", fields=fields)))
        return _grant(self.ask(Call("POST", "login", previous.access, fields | {"refresh_token": previous.refresh})))

    def renew(self, refresh_credential: str) -> Grant:
        """See TokenSource. The login's sid is the API's secret."""
        return _grant(self.ask(Call("POST", "refresh", fields={"refresh_token": refresh_credential})))

    def revoke(self, credential: str | None, refresh_credential: str | None) -> None:
        """See TokenSource."""
        fields = {"refresh_token": refresh_credential} if refresh_credential else {}
        self.ask(Call("POST", "logout", credential or "", fields))

    def check_ready(self) -> None:
        """Return when the API answers."""
        self._link.check_ready()

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._link.close()


def _grant(body: bytes) -> Grant:
    try:
        said = json.loads(body)
        return Grant(said["access_token"], said["expires_in"], "", said["refresh_token"])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreDownError(UPSTREAM) from error
