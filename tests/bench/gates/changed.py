"""Schemes made of redis-session with one change each, as a commit may bring it: what a count gate has to notice.

Their names are as long as the original's, since a scheme's name is part of the path of every request.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bench.selfcheck.broken.authbench_broken import AsksTwice, Whole
from loadtests.assignment import USERNAME
from services.catalogue import SCHEMES, schemes
from services.contract import Grant, Parts, Scheme, SchemeSpec, Verified
from services.users import User

ROOT = Path(__file__).parents[3]
ORIGINAL = "redis-session"
LONGER_BYTES = 16
UNLUCKY = USERNAME.format(3)


class CarriesMore(Whole):
    """Hands out a longer credential than the store knows."""

    def issue(self, user: User, *, claims: Mapping[str, str] = {}) -> Grant:
        """With something behind it."""
        grant = super().issue(user, claims=claims)
        return replace(grant, credential=grant.credential + "x" * LONGER_BYTES)

    def verify(self, credential: str) -> Verified:
        """Without it."""
        return super().verify(credential[:-LONGER_BYTES])

    def revoke(self, credential: str | None, refresh_credential: str | None) -> None:
        """Without it."""
        super().revoke(credential[:-LONGER_BYTES] if credential else None, refresh_credential)


class LosesOne(Whole):
    """Forgets the session of one user as soon as it begins."""

    def issue(self, user: User, *, claims: Mapping[str, str] = {}) -> Grant:
        """As the original, but for the unlucky one."""
        grant = super().issue(user, claims=claims)
        if user.name == UNLUCKY:
            self.revoke(grant.credential, None)
        return grant


def _changed(name: str, change: Callable[[Scheme], Scheme]) -> SchemeSpec:
    spec = SCHEMES[ORIGINAL]

    def build(parts: Parts) -> Scheme:
        return change(spec.build(parts))

    return replace(spec, name=name, summary=f"{ORIGINAL}, changed", build=build)


ASKS_TWICE = _changed("asks-twice-se", AsksTwice)
CARRIES_MORE = _changed("carries-16-se", CarriesMore)
LOSES_ONE = _changed("loses-one-ses", LosesOne)
CHANGED = {spec.name: spec for spec in (ASKS_TWICE, CARRIES_MORE, LOSES_ONE)}
"""By name: what is asked of the store, what travels, who stays logged in."""

_METADATA = "Metadata-Version: 2.1\nName: authbench-changed\nVersion: 1.0\n"
_ENTRY_POINTS = f"""\
[authbench.schemes]
{ASKS_TWICE.name} = {__name__}:ASKS_TWICE
{CARRIES_MORE.name} = {__name__}:CARRIES_MORE
{LOSES_ONE.name} = {__name__}:LOSES_ONE
"""


@contextmanager
def installed(site: Path) -> Iterator[None]:
    """Have this process, and those it starts, find them as a plugin, by an entry point below `site`."""
    folder = site / "authbench_changed-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(_METADATA, encoding="utf-8")
    (folder / "entry_points.txt").write_text(_ENTRY_POINTS, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{site}:{ROOT}")
        patch.syspath_prepend(site)
        schemes.cache_clear()
        yield
    schemes.cache_clear()
