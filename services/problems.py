"""Every refusal is an RFC 9457 problem document whose `reason` is stable enough for a client to count."""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import NoReturn

import falcon

from services.contract import UPSTREAM, CredentialTooLongError, LimitReachedError, RejectedError, StoreDownError

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_S = 1

PROBLEMS: Mapping[str, tuple[HTTPStatus, str]] = {
    "missing": (HTTPStatus.UNAUTHORIZED, "No credential was sent; log in."),
    "malformed": (HTTPStatus.UNAUTHORIZED, "The credential cannot be read; log in again."),
    "unknown": (HTTPStatus.UNAUTHORIZED, "The credential is not known here; log in again."),
    "expired": (HTTPStatus.UNAUTHORIZED, "The credential has expired; refresh it or log in again."),
    "not-yet-valid": (HTTPStatus.UNAUTHORIZED, "The credential is from the future; check the clocks."),
    "wrong-type": (HTTPStatus.UNAUTHORIZED, "The credential is meant for another use; send the right one."),
    "bad-signature": (HTTPStatus.UNAUTHORIZED, "The credential was not signed by this service; log in again."),
    "wrong-issuer": (HTTPStatus.UNAUTHORIZED, "The credential comes from another issuer; log in here."),
    "wrong-audience": (HTTPStatus.UNAUTHORIZED, "The credential is meant for another service; log in here."),
    "revoked": (HTTPStatus.UNAUTHORIZED, "The credential was revoked; log in again."),
    "reused": (HTTPStatus.UNAUTHORIZED, "The refresh credential was used before; its login is ended, log in again."),
    "banned": (HTTPStatus.UNAUTHORIZED, "The account is banned; ask an administrator."),
    "not-renewable": (HTTPStatus.UNAUTHORIZED, "This scheme has nothing to refresh; log in again."),
    "invalid-login": (HTTPStatus.UNAUTHORIZED, "User name or password is wrong; correct them and try again."),
    "wrong-password": (HTTPStatus.FORBIDDEN, "The current password is wrong; correct it and try again."),
    "not-admin": (HTTPStatus.FORBIDDEN, "The role admin is needed; log in as an administrator."),
    "cross-site": (HTTPStatus.FORBIDDEN, "The request comes from another site; send it from this one."),
    "csrf": (HTTPStatus.FORBIDDEN, "The CSRF token is missing or of another login; copy the cookie into X-CSRF-Token."),
    "bad-request": (HTTPStatus.BAD_REQUEST, "The request cannot be understood; see the API description."),
    "bad-json": (HTTPStatus.BAD_REQUEST, "The body is not a JSON object; send one."),
    "bad-field": (HTTPStatus.BAD_REQUEST, "A field of the body is missing or not usable; see the API description."),
    "not-found": (HTTPStatus.NOT_FOUND, "Nothing is served at this path; see the API description."),
    "no-such-user": (HTTPStatus.NOT_FOUND, "No user has this name; check the spelling."),
    "method-not-allowed": (HTTPStatus.METHOD_NOT_ALLOWED, "The method is not served at this path; see Allow."),
    "session-limit": (HTTPStatus.CONFLICT, "The user has as many sessions as allowed; log out elsewhere first."),
    "length-required": (HTTPStatus.LENGTH_REQUIRED, "The body has no Content-Length; send one."),
    "body-too-large": (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large; shorten it."),
    "not-json": (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body is not application/json; send it as that."),
    "cookie-too-large": (
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The credential does not fit a cookie of 4096 bytes; carry it as bearer or give it fewer claims.",
    ),
    "credential-too-long": (
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The credential does not fit a header line of common servers; give it fewer claims.",
    ),
    "internal": (HTTPStatus.INTERNAL_SERVER_ERROR, "The service failed; its log says why."),
    "store-down": (HTTPStatus.SERVICE_UNAVAILABLE, "A store does not answer; keep the credential and try again."),
    "upstream-down": (HTTPStatus.SERVICE_UNAVAILABLE, "The API does not answer; keep the credential and try again."),
}
"""Status and explanation of every `reason` the service answers with."""

_UNNAMED: Mapping[int, str] = {404: "not-found", 405: "method-not-allowed"}


class Problem(falcon.HTTPError):
    """A refusal named by its `reason`, a key of PROBLEMS; `detail` replaces the explanation there."""

    def __init__(self, *, reason: str, detail: str = "", headers: Mapping[str, str] | None = None) -> None:
        status, explanation = PROBLEMS[reason]
        super().__init__(status, description=detail or explanation, headers=dict(headers or {}))
        self.reason = reason


def install(app: falcon.App[falcon.Request, falcon.Response], challenge: Callable[[str], str]) -> None:
    """Make `app` answer every error, its own and Falcon's, as a problem document.

    `challenge` gives the WWW-Authenticate of a 401 under a URI template.
    """

    def write(req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError) -> None:
        problem = error if isinstance(error, Problem) else Problem(reason=_reason(error.status_code))
        resp.status = problem.status
        resp.content_type = PROBLEM_JSON
        resp.data = _document(problem)
        if problem.status is HTTPStatus.UNAUTHORIZED:
            resp.set_header("WWW-Authenticate", challenge(req.uri_template or ""))

    app.set_error_serializer(write)
    app.add_error_handler(RejectedError, _rejected)
    app.add_error_handler(LimitReachedError, _limit_reached)
    app.add_error_handler(CredentialTooLongError, _too_long)
    app.add_error_handler(StoreDownError, _store_down)


def _document(problem: Problem) -> bytes:
    fields = {
        "title": HTTPStatus(problem.status_code).phrase,
        "status": problem.status_code,
        "detail": problem.description,
        "reason": problem.reason,
    }
    return json.dumps(fields, separators=(",", ":")).encode()


def _reason(status: int) -> str:
    return _UNNAMED.get(status, "bad-request" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal")


def _rejected(_req: falcon.Request, _resp: falcon.Response, error: RejectedError, _params: object) -> NoReturn:
    raise Problem(reason=error.reason) from error


def _limit_reached(_req: falcon.Request, _resp: falcon.Response, error: LimitReachedError, _params: object) -> NoReturn:
    raise Problem(reason="session-limit") from error


def _too_long(_req: falcon.Request, _resp: falcon.Response, error: CredentialTooLongError, _params: object) -> NoReturn:
    raise Problem(reason="credential-too-long") from error


def _store_down(_req: falcon.Request, _resp: falcon.Response, error: StoreDownError, _params: object) -> NoReturn:
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    if error.store == UPSTREAM:
        raise Problem(reason="upstream-down", headers=headers) from error
    detail = f"The store {error.store!r} does not answer; keep the credential and try again."
    raise Problem(reason="store-down", detail=detail, headers=headers) from error
