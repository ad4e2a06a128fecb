"""The libraries and servers as their own documentation shows them, with the bounds that any service needs."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import jwt
import psycopg
import redis
from jwt.types import Options
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.key_file import Key
from services.settings import Settings
from services.tokens import TOKEN_TYPE

HARDENED: Options = {
    "require": ["exp", "iat", "sub", "jti", "iss", "aud", "sid"],
    "strict_aud": True,
    "enforce_minimum_key_length": True,
}
"""What PyJWT itself offers against the attacks its plain call accepts."""
BOUND_S = 1.0
REPLY_BYTES = 65_536

Payload = dict[str, Any]
Ask = Callable[[bytes], bytes]


def decoder(settings: Settings, key: Key) -> Callable[[str], Payload]:
    """`jwt.decode` under a key object, with all the checks it has."""

    def decode(token: str) -> Payload:
        return jwt.decode(
            token,
            key.verification,
            [key.alg],
            audience=settings.audience,
            issuer=settings.issuer,
            options=HARDENED,
        )

    return decode


def encoder(key: Key) -> Callable[[Payload], str]:
    """`jwt.encode` under a key object."""

    def encode(payload: Payload) -> str:
        return jwt.encode(payload, key.signing, key.alg, {"typ": TOKEN_TYPE, "kid": key.kid})

    return encode


def payload_of(token: str) -> Payload:
    """What a token of ours says."""
    return jwt.decode(token, options={"verify_signature": False})


def redis_client(settings: Settings) -> redis.Redis:
    """The client without the retries it comes with: a service has a bound to keep."""
    return redis.Redis.from_url(
        settings.redis_url,
        password=_password(settings),
        protocol=2,
        socket_timeout=BOUND_S,
        retry=Retry(NoBackoff(), 0),
    )


def postgres_connection(settings: Settings) -> psycopg.Connection:
    """In autocommit; statements are prepared at their first use, as the services' are."""
    file = settings.database_password_file
    password = file.read_text(encoding="utf-8").strip() if file else None
    return psycopg.connect(settings.database_url, password=password, autocommit=True, prepare_threshold=0)


@contextmanager
def wire(settings: Settings) -> Iterator[Ask]:
    """Bytes to Redis and back on a socket of our own, which knows nothing of the protocol."""
    with _connected(settings.redis_url) as connection:
        connection.settimeout(BOUND_S)

        def ask(request: bytes) -> bytes:
            connection.sendall(request)
            return connection.recv(REPLY_BYTES)

        password = _password(settings)
        if password:
            ask(resp(b"AUTH", password.encode()))
        yield ask


def resp(*words: bytes) -> bytes:
    """A command as RESP spells it: an array of bulk strings."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def _connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(parts.path)
        return connection
    connection = socket.create_connection((parts.hostname or "", parts.port or 0), BOUND_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _password(settings: Settings) -> str | None:
    file = settings.redis_password_file
    return file.read_text(encoding="utf-8").strip() if file else None
