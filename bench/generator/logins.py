"""Logs in for generators that load with credentials they were given."""

import json
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection

from bench.generator.contender import Load
from bench.stack.listening import LOOPBACK
from services.carriers import CSRF_COOKIE, CSRF_HEADER
from services.contract import Carrier

LOGIN = json.dumps({"username": "user-000000", "password": "nobody checks it"})
NOTE = json.dumps({"text": "a note of some twenty chars"})
JSON_HEADERS: Mapping[str, str] = {"Content-Type": "application/json"}
TIMEOUT_S = 10.0

Headers = Mapping[str, str]
"""What a request of somebody who is logged in has besides."""


def log_in(load: Load, count: int) -> tuple[Headers, ...]:
    """`count` logins of their own. OSError, HTTPException."""
    return tuple(_logins(load, count))


def _logins(load: Load, count: int) -> Iterator[Headers]:
    connection = HTTPConnection(LOOPBACK, load.port, timeout=TIMEOUT_S)
    for _ in range(count):
        connection.request("POST", f"{load.path}/login", LOGIN, dict(JSON_HEADERS))
        answer = connection.getresponse()
        yield _headers(load.carrier, answer.headers.get_all("Set-Cookie", []), answer.read())
    connection.close()


def _headers(carrier: Carrier, set_cookies: list[str], body: bytes) -> Headers:
    if carrier == "bearer":
        return {"Authorization": f"Bearer {json.loads(body)['access_token']}"}
    cookies = [line.partition(";")[0] for line in set_cookies]
    values = dict(cookie.split("=", 1) for cookie in cookies)
    return {"Cookie": "; ".join(cookies), CSRF_HEADER: values[CSRF_COOKIE]}
