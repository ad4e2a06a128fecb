"""The floor of every scheme's `verify` and `issue`: the bare library or store call that does the same work."""

from collections.abc import Callable, Mapping

from bench.micro import store_floors
from bench.micro.bare import decoder, encoder, payload_of, redis_client
from bench.micro.case import Bare
from bench.micro.laboratory import Laboratory
from services.contract import Scheme
from services.stores.credentials import digest
from services.stores.redis_records import LINES, MS_PER_S
from services.stores.redis_vault import PREFIX
from services.stores.sealing import unseal
from services.stores.vaults import sealed
from services.users import User

Floors = Callable[[Laboratory, Scheme], tuple[Bare, ...]]

HS256 = "HS256"
DENIED, NOT_BEFORE = "denied:", "not-before:"


def signature(alg: str) -> Floors:
    """The hardened decode alone."""
    return lambda laboratory, _scheme: (
        Bare("library", "hardened jwt.decode", decoder(laboratory.settings, laboratory.parts.keys.signing(alg))),
    )


def denylist(laboratory: Laboratory, _scheme: Scheme) -> tuple[Bare, ...]:
    """The decode, then one MGET of both keys."""
    decode = decoder(laboratory.settings, laboratory.parts.keys.signing(HS256))
    client = laboratory.ending.enter_context(redis_client(laboratory.settings))

    def floor(token: str) -> object:
        claims = decode(token)
        return client.mget((DENIED + claims["jti"], NOT_BEFORE + claims["sub"]))

    return (Bare("library", "hardened jwt.decode + redis-py MGET", floor),)


def stored(floors: store_floors.Floors) -> Floors:
    """What the session store alone has for a floor."""
    return lambda laboratory, _scheme: floors(laboratory, laboratory.settings)


def bff(laboratory: Laboratory, scheme: Scheme) -> tuple[Bare, ...]:
    """GETEX, unsealing, and the decode of what was sealed. It is told where the box lies and whose it is."""
    settings, decode = laboratory.settings, decoder(laboratory.settings, laboratory.parts.keys.signing(HS256))
    client = laboratory.ending.enter_context(redis_client(settings))
    idle_ms = settings.session_idle_s * MS_PER_S

    def floor(given: tuple[bytes, str, str]) -> object:
        key, credential, sid = given
        box = client.getex(key, px=idle_ms).split(b"\n", LINES)[LINES]
        return decode(unseal(box, credential, sid, "bff tokens").split("\n")[1])

    def told(credential: str) -> tuple[bytes, str, str]:
        return PREFIX + digest(credential), credential, scheme.verify(credential).sid

    return (Bare("library", "redis-py GETEX + unseal + hardened jwt.decode", floor, told),)


def bff_memory(laboratory: Laboratory, _scheme: Scheme) -> tuple[Bare, ...]:
    """As `bff`, from a dict by digest."""
    vault, decode = laboratory.parts.vault("memory"), decoder(laboratory.settings, laboratory.parts.keys.signing(HS256))
    boxes: dict[bytes, bytes] = {}

    def floor(given: tuple[str, str]) -> object:
        credential, sid = given
        return decode(unseal(boxes[digest(credential)], credential, sid, "bff tokens").split("\n")[1])

    def boxed(credential: str) -> tuple[str, str]:
        kept = vault.read(credential)
        boxes[digest(credential)] = sealed(kept.tokens, credential, kept.sid)
        return credential, kept.sid

    return (Bare("library", "digest + dict + unseal + hardened jwt.decode", floor, boxed),)


VERIFY: Mapping[str, Floors] = {
    "memory-session": stored(store_floors.in_memory),
    "redis-session": stored(store_floors.getex),
    "redis-session-default-retries": stored(store_floors.getex),
    "postgres-session": stored(store_floors.select),
    "jwt-hs256": signature(HS256),
    "jwt-rs256": signature("RS256"),
    "jwt-rs256-pem": signature("RS256"),
    "jwt-es256": signature("ES256"),
    "jwt-eddsa": signature("EdDSA"),
    "jwt-sliding": signature(HS256),
    "jwt-denylist": denylist,
    "jwt-denylist-by-string": denylist,
    "refresh-token": signature(HS256),
    "bff": bff,
    "bff-memory": bff_memory,
}
"""By scheme. `none` does nothing; a plugin's floor is for its author to know."""


def signing(alg: str) -> Floors:
    """The bare encode of the payload that the scheme itself would sign."""

    def floors(laboratory: Laboratory, scheme: Scheme) -> tuple[Bare, ...]:
        def payload(user: User) -> dict[str, object]:
            return payload_of(scheme.issue(user).credential)

        return (Bare("library", "jwt.encode", encoder(laboratory.parts.keys.signing(alg)), payload),)

    return floors


ISSUE: Mapping[str, Floors] = {
    "jwt-hs256": signing(HS256),
    "jwt-rs256": signing("RS256"),
    "jwt-rs256-pem": signing("RS256"),
    "jwt-es256": signing("ES256"),
    "jwt-eddsa": signing("EdDSA"),
    "jwt-sliding": signing(HS256),
    "jwt-denylist": signing(HS256),
}
"""By scheme whose logins are signatures alone."""
