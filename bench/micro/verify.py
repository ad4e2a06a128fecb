"""`verify` of a scheme beside its floor: the bare hardened PyJWT call, the bare redis-py GETEX."""

from collections.abc import Iterator
from dataclasses import dataclass

import jwt
import redis
from jwt.types import Options
from redis.backoff import NoBackoff
from redis.retry import Retry

from bench.analysis.model import Estimate
from bench.micro.pairing import ratio_to_floor
from bench.stack.supervisor import Supervisor
from bench.stack.valkey import Valkey, start_valkey
from services.catalogue import find
from services.keys import generate
from services.parts import ServiceParts, open_parts
from services.settings import Settings
from services.stores.credentials import digest
from services.stores.redis_sessions import PREFIX
from services.users import User

CREDENTIALS = 400
USER = User(id="user-000000", name="user-000000", role="user", password_hash="", banned=False)
HARDENED: Options = {
    "require": ["exp", "iat", "sub", "jti", "iss", "aud", "sid"],
    "strict_aud": True,
    "enforce_minimum_key_length": True,
}
"""What PyJWT itself offers against the attacks its plain call accepts."""


@dataclass(frozen=True, slots=True)
class ToFloor:
    """What `verify` of a scheme costs as a multiple of `floor`."""

    scheme: str
    floor: str
    ratio: Estimate


def ratios(supervisor: Supervisor) -> Iterator[ToFloor]:
    """Every core scheme that has a floor. Starts a Valkey of its own."""
    keys_file = supervisor.folder("micro") / "keys.json"
    generate(keys_file)
    valkey = start_valkey(supervisor, "micro.valkey")
    parts = open_parts(Settings(keys_file=keys_file, redis_url=valkey.url, redis_password_file=valkey.password_file))
    for name, alg in (("jwt-hs256", "HS256"), ("jwt-rs256", "RS256")):
        yield _token(parts, name, alg)
    yield _session(parts, valkey)
    parts.close()


def _token(parts: ServiceParts, name: str, alg: str) -> ToFloor:
    scheme, key, settings = find(name).build(parts), parts.keys.signing(alg), parts.settings
    credentials = [scheme.issue(USER).credential for _ in range(CREDENTIALS)]

    def floor(credential: str) -> object:
        return jwt.decode(
            credential,
            key.verification,
            [alg],
            audience=settings.audience,
            issuer=settings.issuer,
            options=HARDENED,
        )

    return ToFloor(name, "hardened jwt.decode", ratio_to_floor(scheme.verify, floor, credentials))


def _session(parts: ServiceParts, valkey: Valkey) -> ToFloor:
    """The floor is told the key; a scheme has to hash the credential for it."""
    scheme = find("redis-session").build(parts)
    credentials = [scheme.issue(USER).credential for _ in range(CREDENTIALS)]
    idle_s = parts.settings.session_idle_s
    keys = {credential: PREFIX + digest(credential) for credential in credentials}
    with _bare(valkey) as client:

        def floor(credential: str) -> object:
            return client.getex(keys[credential], ex=idle_s)

        return ToFloor("redis-session", "redis-py GETEX", ratio_to_floor(scheme.verify, floor, credentials))


def _bare(valkey: Valkey) -> redis.Redis:
    """The client as its documentation shows it, with the timeouts and without the retries that any service needs."""
    return redis.Redis.from_url(
        valkey.url,
        password=valkey.password_file.read_text(encoding="utf-8"),
        protocol=2,
        socket_timeout=1.0,
        retry=Retry(NoBackoff(), 0),
    )
