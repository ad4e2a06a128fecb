"""Every scheme under every carrier it knows, sorted by what the traits claim, so that a new scheme finds its tests."""

import pytest

from services.catalogue import SCHEMES
from services.contract import SchemeSpec

Mount = tuple[str, str]

CONTROL = "none"
SLIDING_SCHEMES = frozenset({"jwt-sliding"})
PLAIN_DECODE = frozenset({"jwt-denylist-by-string"})
"""Anti-patterns that check what a plain `jwt.decode` checks and no more: that is their flaw."""
UNBOUNDED = frozenset({"redis-session-default-retries"})
"""Anti-patterns that wait for a store for as long as it pleases."""


def _says_it_all(spec: SchemeSpec) -> bool:
    """Whether the credential is a signed token: a login that is not written down, or not looked up, anywhere."""
    operations = spec.traits.operations
    looked_up = operations["issue"].commands and operations["verify"].commands
    return spec.front == "api" and "memory" not in spec.traits.stores and not looked_up


MOUNTS: list[Mount] = [(spec.name, carrier) for spec in SCHEMES.values() for carrier in spec.traits.carriers]
API = [mount for mount in MOUNTS if SCHEMES[mount[0]].front == "api"]
BFF = [mount for mount in MOUNTS if SCHEMES[mount[0]].front == "bff"]
GUARDED = [mount for mount in MOUNTS if mount[0] != CONTROL]
COOKIES = [mount for mount in GUARDED if mount[1] == "cookie"]
SIGNED = [mount for mount in GUARDED if _says_it_all(SCHEMES[mount[0]])]
"""A client can read, and try to rewrite, what it was given."""
JWT = [mount for mount in SIGNED if mount[0] not in PLAIN_DECODE]
"""Signed, and checked as RFC 8725 asks."""
OPAQUE = [mount for mount in GUARDED if mount not in SIGNED]
RENEWABLE = [mount for mount in GUARDED if SCHEMES[mount[0]].traits.can_renew]
FIXED = [mount for mount in GUARDED if mount not in RENEWABLE]
SLIDING = [mount for mount in GUARDED if mount[0] in SLIDING_SCHEMES]
REVOCABLE = [mount for mount in GUARDED if SCHEMES[mount[0]].traits.revoked_within["logout"].seconds == 0]
STATELESS = [mount for mount in GUARDED if mount not in REVOCABLE]
LISTING = [mount for mount in GUARDED if SCHEMES[mount[0]].traits.can_list_sessions]
LIMITED = [mount for mount in GUARDED if SCHEMES[mount[0]].traits.can_limit_sessions]
STORED = [mount for mount in GUARDED if set(SCHEMES[mount[0]].traits.stores) - {"memory"}]
REDIS_READ = [
    mount
    for mount in GUARDED
    if "redis" in SCHEMES[mount[0]].traits.operations["verify"].commands and mount[0] not in UNBOUNDED
]


def under(mounts: list[Mount]) -> pytest.MarkDecorator:
    """The test once per mount."""
    return pytest.mark.parametrize("mount", mounts, ids="/".join)
