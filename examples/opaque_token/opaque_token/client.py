"""The services' side of the authorization server: pooled connections, and an answer in time or StoreDownError."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from urllib3 import Timeout, connection_from_url
from urllib3.exceptions import HTTPError

from opaque_token.access import authorization
from opaque_token.tokens import Login
from services.contract import HelperService, Parts, StoreDownError

SERVER = HelperService("opaque-token-server", ("python", "-m", "gunicorn", "--config", "python:opaque_token.serving"))

OK = 200
FORM = "application/x-www-form-urlencoded"
CONNECTIONS_KEPT = 16
"""As many as a replica has threads, and more; further ones are opened when they are needed, and closed."""


class AuthorizationServer:
    """Thread-safe; any method may raise StoreDownError. Nothing is retried: it answers in time, or it is down."""

    def __init__(self, parts: Parts) -> None:
        self._pool = connection_from_url(
            parts.helper_url(SERVER.name),
            headers={"Authorization": authorization(parts.keys), "Content-Type": FORM},
            timeout=Timeout(total=parts.settings.store_timeout_s),
            maxsize=CONNECTIONS_KEPT,
            retries=False,
        )

    def issue(self, login: Login) -> str:
        """A token for `login`."""
        return str(self._ask("/issue", asdict(login))["access_token"])

    def introspect(self, token: str) -> Login | None:
        """What `token` stands for; None when it is not active."""
        answer = self._ask("/introspect", {"token": token})
        return _login(answer) if answer["active"] else None

    def revoke(self, token: str) -> None:
        """End `token`, whatever it is."""
        self._ask("/revoke", {"token": token})

    def revoke_user(self, sub: str, keep_sid: str) -> int:
        """End every token of a user but that of `keep_sid`; the number ended."""
        return int(self._ask("/revoke-user", {"sub": sub, "keep_sid": keep_sid})["ended"])

    def logins(self, sub: str) -> Sequence[Login]:
        """What a user's live tokens stand for, oldest first."""
        return [_login(one) for one in self._ask("/logins", {"sub": sub})["logins"]]

    def _ask(self, path: str, fields: Mapping[str, str | int]) -> dict[str, Any]:
        """An answer that is no 200 is none: who may not ask, or asks in a wrong way, knows nothing of the token."""
        try:
            answer = self._pool.urlopen("POST", path, urlencode(fields))
            document = answer.json()
        except (HTTPError, ValueError) as error:
            raise StoreDownError(SERVER.name) from error
        if answer.status != OK:
            raise StoreDownError(SERVER.name)
        return dict(document)


def _login(answer: Mapping[str, Any]) -> Login:
    return Login(**{name: answer[name] for name in Login.__slots__})
