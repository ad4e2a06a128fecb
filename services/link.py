"""Another service of ours as one asks it over HTTP: kept connections, a bound, and refusals that are taken over."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, cast, get_args

from urllib3 import BaseHTTPResponse, Timeout, connection_from_url
from urllib3.exceptions import HTTPError, LocationValueError, ProtocolError

from services.contract import UPSTREAM, Reason, RejectedError, StoreDownError
from services.counting import Count, counted
from services.problems import PROBLEMS, Problem
from services.settings import PREFIX, SettingsError

CONNECTIONS_MAX = 64


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, word for word; HTTP adds Host and the length alone."""

    method: Literal["GET", "POST"]
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


class Link:
    """The service that the setting `name` says is at `url`. Any method: StoreDownError(UPSTREAM).

    It has `timeout_s` to answer. It is down when it does not, and also when it answers that it, or a store of its own,
    failed: either way nothing is known about a credential.
    """

    def __init__(self, name: str, url: str, timeout_s: float, count: Count | None = None) -> None:
        self._timeout_s = timeout_s
        try:
            self._pool = connection_from_url(
                url, maxsize=CONNECTIONS_MAX, block=True, timeout=Timeout(total=self._timeout_s)
            )
        except LocationValueError as error:
            message = f"{PREFIX}{name} is {url!r}, expected http://HOST:PORT; correct it"
            raise SettingsError(message) from error
        self._request = counted(self._pool.request, count)

    def ask(self, request: Request, *, is_repeatable: bool) -> bytes:
        """The body of a success. RejectedError, or the Problem it answered with.

        What is repeatable is sent again, once, when its answer was lost.
        """
        response = self._response(request, is_repeatable=is_repeatable)
        if response.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            raise _refusal(response)
        return response.data

    def check_ready(self) -> None:
        """Return when it answers."""
        try:
            response = self._request("GET", "/healthz", retries=False, pool_timeout=self._timeout_s)
        except HTTPError as error:
            raise StoreDownError(UPSTREAM) from error
        if response.status != HTTPStatus.OK:
            raise StoreDownError(UPSTREAM)

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._pool.close()

    def _response(self, request: Request, *, is_repeatable: bool) -> BaseHTTPResponse:
        try:
            try:
                return self._sent(request)
            except ProtocolError:
                if not is_repeatable:
                    raise
                return self._sent(request)
        except HTTPError as error:
            raise StoreDownError(UPSTREAM) from error

    def _sent(self, request: Request) -> BaseHTTPResponse:
        """ProtocolError when the answer was lost on the way, another HTTPError when there is none."""
        response = self._request(
            request.method,
            request.path,
            request.body or None,
            headers=request.headers,
            retries=False,
            redirect=False,
            pool_timeout=self._timeout_s,
        )
        if response.status == HTTPStatus.BAD_GATEWAY:  # how a load balancer tells of it
            message = "the load balancer got no answer"
            raise ProtocolError(message)
        return response


def _refusal(response: BaseHTTPResponse) -> RejectedError | Problem | StoreDownError:
    """What it refused, as our own refusal."""
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
