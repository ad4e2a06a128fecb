"""Logs schemathesis in: what it draws is sent by somebody logged in at that mount, one request in five by nobody.

Loaded by schemathesis (SCHEMATHESIS_HOOKS) in a process of its own, which is told where the service is.
"""

import os
from itertools import count
from typing import Any

import schemathesis
from schemathesis import AuthContext, Case

from services.seed import ADMIN
from tests.services.web.client import Client, over_tcp

ENDING = ("/logout", "/logout-everywhere", "/login", "/refresh")
"""After one of these a login is over, or another one."""
FRESH_S = 60
ANONYMOUS_EVERY = 5

_send = over_tcp(int(os.environ["LOGIN_PORT"]))
_password = os.environ["LOGIN_PASSWORD"]
_lasting, _ending = os.environ["LOGIN_USERS"].split(",")
_numbers = count()


def _key(case: Case[Any], _context: AuthContext) -> str:
    """One login for an operation; one for each request that may end it."""
    return f"{case.operation.path} {next(_numbers)}" if case.operation.path.endswith(ENDING) else case.operation.path


@schemathesis.auth(refresh_interval=FRESH_S, cache_by_key=_key).apply_to(path_regex="/(cookie|bearer)/")
class Login:
    """A user agent at the mount of the operation; ADMIN where only an administrator gets further.

    What ends logins does so to another user than the one whose logins last.
    """

    def get(self, case: Case[Any], _context: AuthContext) -> Client:
        """Log in."""
        path = case.operation.path
        _, scheme, carrier, *rest = path.split("/")
        client = Client(_send, scheme, carrier)
        name = ADMIN if "admin" in rest else _ending if path.endswith(ENDING) else _lasting
        assert client.log_in(name, _password).status == 200
        return client

    def set(self, case: Case[Any], client: Client, _context: AuthContext) -> None:
        """Send along what the client holds."""
        if next(_numbers) % ANONYMOUS_EVERY == 0:
            return
        if client.carrier == "cookie":
            case.cookies = {**(case.cookies or {}), **client.cookies}
            case.headers["X-CSRF-Token"] = client.cookies.get("__Host-csrf", "")
        elif client.credential:
            case.headers["Authorization"] = f"Bearer {client.credential}"
