"""The API as a BFF reaches it: fixed paths, kept connections, a bound, and nothing of the browser's but its data.

The BFF sends headers of its own making alone, so whatever a browser sends under Authorization, Cookie, Host or X-*
ends here; of an answer it takes the status, the body and the reason.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, cast, get_args

from urllib3 import BaseHTTPResponse, Timeout, connection_from_url
from urllib3.exceptions import HTTPError, LocationValueError, ProtocolError

from services.contract import UPSTREAM, Grant, Reason, RejectedError, StoreDownError
from services.counting import Count, counted
from services.problems import PROBLEMS, Problem
from services.settings import Settings, SettingsError
from services.stores.vaults import Tokens

MOUNT = "/refresh-token/bearer"
CONNECTIONS_MAX = 64

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
    """The API's mount of refresh tokens, and so a TokenSource. Any method: StoreDownError(UPSTREAM).

    The API has `upstream_timeout_s` to answer. It is down when it does not, and also when it answers that it, or a
    store of its own, failed: either way nothing is known about a credential.
    """

    def __init__(self, settings: Settings, count: Count | None = None) -> None:
        self._timeout_s = settings.upstream_timeout_s
        try:
            self._pool = connection_from_url(
                settings.upstream_url, maxsize=CONNECTIONS_MAX, block=True, timeout=Timeout(total=self._timeout_s)
            )
        except LocationValueError as error:
            message = f"AUTHBENCH_UPSTREAM_URL is {settings.upstream_url!r}, expected http://HOST:PORT; correct it"
            raise SettingsError(message) from error
        self._request = counted(self._pool.request, count)

    def ask(self, call: Call) -> bytes:
        """The body of a success. RejectedError, or the Problem the API answered with."""
        response = self._response(call)
        if response.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            raise _refusal(response)
        return response.data

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
        try:
            response = self._request("GET", "/healthz", retries=False, pool_timeout=self._timeout_s)
        except HTTPError as error:
            raise StoreDownError(UPSTREAM) from error
        if response.status != HTTPStatus.OK:
            raise StoreDownError(UPSTREAM)

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._pool.close()

    def _response(self, call: Call) -> BaseHTTPResponse:
        try:
            try:
                return self._sent(call)
            except ProtocolError:
                if not call.is_repeatable:
                    raise
                return self._sent(call)
        except HTTPError as error:
            raise StoreDownError(UPSTREAM) from error

    def _sent(self, call: Call) -> BaseHTTPResponse:
        """ProtocolError when the answer was lost on the way, another HTTPError when there is none."""
        response = self._request(
            call.method,
            f"{MOUNT}/{call.path}",
            call.body(),
            headers=call.headers(),
            retries=False,
            redirect=False,
            pool_timeout=self._timeout_s,
        )
        if response.status == HTTPStatus.BAD_GATEWAY:  # how a load balancer tells of it
            message = "the load balancer got no answer"
            raise ProtocolError(message)
        return response


def _refusal(response: BaseHTTPResponse) -> RejectedError | Problem | StoreDownError:
    """What the API refused, as our own refusal."""
    try:
        said = json.loads(response.data)
        reason, detail = said["reason"], said["detail"]
    except (ValueError, KeyError, TypeError):
        return StoreDownError(UPSTREAM)
    if reason in get_args(Reason):
        return RejectedError(cast("Reason", reason))
    if reason not in PROBLEMS or response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return StoreDownError(UPSTREAM)
    return Problem(reason=reason, detail=detail)


def _grant(body: bytes) -> Grant:
    try:
        said = json.loads(body)
        return Grant(said["access_token"], said["expires_in"], "", said["refresh_token"])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreDownError(UPSTREAM) from error
