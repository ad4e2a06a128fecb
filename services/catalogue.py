"""Every scheme by name: ours in the order of the story, then those that installed plugins add."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from services.contract import SchemeSpec
from services.schemes import (
    bff,
    bff_memory,
    jwt_denylist,
    jwt_denylist_by_string,
    jwt_eddsa,
    jwt_es256,
    jwt_hs256,
    jwt_rs256,
    jwt_rs256_pem,
    jwt_sliding,
    memory_session,
    none,
    postgres_session,
    redis_session,
    redis_session_default_retries,
    refresh_token,
)
from services.settings import SettingsError

PLUGIN_GROUP = "authbench.schemes"

SCHEMES: Mapping[str, SchemeSpec] = {
    "none": none.SPEC,
    "memory-session": memory_session.SPEC,
    "redis-session": redis_session.SPEC,
    "postgres-session": postgres_session.SPEC,
    "jwt-hs256": jwt_hs256.SPEC,
    "jwt-rs256": jwt_rs256.SPEC,
    "jwt-es256": jwt_es256.SPEC,
    "jwt-eddsa": jwt_eddsa.SPEC,
    "jwt-sliding": jwt_sliding.SPEC,
    "jwt-denylist": jwt_denylist.SPEC,
    "refresh-token": refresh_token.SPEC,
    "bff": bff.SPEC,
    "bff-memory": bff_memory.SPEC,
    "redis-session-default-retries": redis_session_default_retries.SPEC,
    "jwt-rs256-pem": jwt_rs256_pem.SPEC,
    "jwt-denylist-by-string": jwt_denylist_by_string.SPEC,
}


class CatalogueError(SettingsError):
    """A scheme cannot be had; the message says what was found, what was expected and what to do."""


@cache
def schemes() -> Mapping[str, SchemeSpec]:
    """SCHEMES and the plugins of this environment. CatalogueError when a plugin is no scheme or takes a name twice."""
    known = dict(SCHEMES)
    for point in entry_points(group=PLUGIN_GROUP):
        spec = _loaded(point)
        if not isinstance(spec, SchemeSpec) or spec.name in known:
            message = (
                f"plugin {point.name!r} ({point.value}): found {spec!r:.80}, expected a SchemeSpec with a name of its "
                "own; correct or uninstall it"
            )
            raise CatalogueError(message)
        known[spec.name] = spec
    return known


def find(name: str) -> SchemeSpec:
    """The scheme called `name`. CatalogueError when there is none."""
    known = schemes()
    if name not in known:
        raise CatalogueError(_unknown(name, tuple(known)))
    return known[name]


def chosen(names: Sequence[str]) -> Sequence[SchemeSpec]:
    """The schemes called `names`, in their order; all when there are none. CatalogueError."""
    return [find(name) for name in names] or list(schemes().values())


def _loaded(point: EntryPoint) -> object:
    """What a plugin's entry point names, or why there is nothing."""
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        return error


def _unknown(name: str, known: tuple[str, ...]) -> str:
    nearest = get_close_matches(name, known, n=1)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    return f"scheme {name!r} unknown; one of: {', '.join(known)}{hint}"
