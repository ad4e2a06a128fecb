"""Every approach in the order of the story: what each one changed in the one before it, and why it can break."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from loadtests.plan import BALANCINGS

Keeping = Literal["memory", "store", "token", "checked token", "pair", "bff", "unknown"]
FIRST = "memory-session on one server"


@dataclass(frozen=True, slots=True)
class Event:
    """A column of the story: what happens (`column`), as a noun (`noun`), and the experiment that shows it.

    `settings`: those of its settings that it is about, the plain one first; without any it is about all.
    """

    experiment: str
    column: str
    noun: str
    settings: tuple[str, ...] = ()


EVENTS = (
    Event("add-a-server", "a server is added", "adding a server"),
    Event("kill-a-replica", "a server dies", "the death of a server"),
    Event("redeploy", "a redeploy", "a redeploy"),
    Event("store-down", "the store dies", "the death of the store"),
    Event("revocation-window", "a stolen credential after logout", "a credential stolen before a logout", ("logout",)),
    Event(
        "revocation-window",
        "a stolen credential after a ban",
        "a credential stolen before a ban",
        ("ban", "ban at the API behind it", "ban on another replica"),
    ),
)
PRICES = (
    Event("wire-bytes", "bytes a request carries", "its bytes on the wire"),
    Event("session-memory", "memory a session takes", "its memory in the store"),
)


@dataclass(frozen=True, slots=True)
class Approach:
    """`mechanism` says how it works, `keeping` where it knows its users from; `after` is what it was to improve on."""

    mechanism: str
    keeping: Keeping
    after: str = ""


APPROACHES: Mapping[str, Approach] = {
    FIRST: Approach("the only server keeps who is logged in in its memory", "memory"),
    "memory-session": Approach("each server keeps in its own memory who is logged in", "memory", FIRST),
    "memory-session, sticky": Approach(
        "a cookie leads each visitor back to the server that knows them", "memory", "memory-session"
    ),
    "redis-session": Approach("all servers ask one Redis who is logged in", "store", "memory-session, sticky"),
    "postgres-session": Approach("all servers ask one PostgreSQL who is logged in", "store", "redis-session"),
    "jwt-hs256": Approach("a signed token says who is logged in, nobody is asked", "token", "redis-session"),
    "jwt-rs256": Approach("the same with an RSA signature", "token", "jwt-hs256"),
    "jwt-es256": Approach("the same with an ECDSA signature", "token", "jwt-hs256"),
    "jwt-eddsa": Approach("the same with an Ed25519 signature", "token", "jwt-hs256"),
    "jwt-sliding": Approach("a token that is replaced while its user is active", "token", "jwt-hs256"),
    "jwt-denylist": Approach("a token, and a Redis asked whether it was revoked", "checked token", "jwt-hs256"),
    "refresh-token": Approach("a short-lived token, renewed from a database", "pair", "jwt-hs256"),
    "bff": Approach("the browser has a cookie, a backend of its own holds its tokens", "bff", "refresh-token"),
    "bff-memory": Approach("the same with the tokens in that backend's memory", "memory", "bff"),
    "redis-session-default-retries": Approach(
        "a Redis session with the client library's own retries", "store", "redis-session"
    ),
    "jwt-rs256-pem": Approach("an RSA key that is parsed for every request", "token", "jwt-rs256"),
    "jwt-denylist-by-string": Approach("a denylist of tokens as they are spelt", "checked token", "jwt-denylist"),
}
UNKNOWN = Approach("", "unknown")
BALANCED: Mapping[str, str] = {
    "sticky": "a cookie leads each visitor back to the same server",
    "leastconn": "a request goes to the server with the fewest connections",
    "roundrobin-l4": "a connection, not a request, goes to the next server in turn",
    "source": "a visitor's address decides on the server",
    "as-deployed": "somebody else's load balancer decides on the server",
}
WHY: Mapping[tuple[Keeping, str], str] = {
    ("memory", "add-a-server"): "the other servers do not know the session",
    ("memory", "kill-a-replica"): "the sessions die with the memory that holds them",
    ("memory", "redeploy"): "a server that starts again has forgotten its sessions",
    ("memory", "revocation-window"): "the memory that holds the session does not learn of it",
    ("store", "store-down"): "every request asks the store",
    ("token", "revocation-window"): "nobody is asked whether a token was revoked",
    ("checked token", "store-down"): "every request asks the denylist",
    ("pair", "store-down"): "renewing asks the database",
    ("pair", "revocation-window"): "only renewing asks whether it was revoked",
    ("bff", "store-down"): "that backend's tokens are out of reach",
    ("bff", "revocation-window"): "the API behind it sees a token that is valid until it expires",
}
"""Said of a harm that was counted, never of one that was not."""


def approach(name: str) -> Approach:
    """The approach called `name`, `scheme` or `scheme, balancing`; one of UNKNOWN mechanism where it is a plugin's."""
    scheme, _, balancing = name.partition(", ")
    if name in APPROACHES or not balancing:
        return APPROACHES.get(name, UNKNOWN)
    return Approach(BALANCED[balancing], APPROACHES.get(scheme, UNKNOWN).keeping, scheme)


def place(name: str) -> tuple[int, str, int]:
    """Where an approach stands in the story: by scheme, those unknown last and by alphabet, then by balancing."""
    scheme, _, balancing = name.partition(", ")
    known = list(APPROACHES)
    first = known.index(scheme) if scheme in APPROACHES else len(known)
    return first, scheme, BALANCINGS.index(balancing) if balancing in BALANCINGS else 0
