"""Four schemes with one fault each, under traits that are true of the scheme each was made from.

A plugin like any other: a module and its entry points on a path of their own, found where PYTHONPATH names it.
"""  # noqa: INP001 - a top-level module on purpose, as a plugin's is

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import jwt

from services.catalogue import SCHEMES
from services.contract import Grant, Parts, RejectedError, Scheme, SchemeSpec, SessionInfo, Verified
from services.users import User


class Whole:
    """Does what `scheme` does: everything about a broken scheme but its fault."""

    def __init__(self, scheme: Scheme) -> None:
        self.scheme = scheme

    def issue(self, user: User, *, claims: Mapping[str, str] = {}) -> Grant:
        """As the original."""
        return self.scheme.issue(user, claims=claims)

    def verify(self, credential: str) -> Verified:
        """As the original."""
        return self.scheme.verify(credential)

    def renew(self, refresh_credential: str) -> Grant:
        """As the original."""
        return self.scheme.renew(refresh_credential)

    def revoke(self, credential: str | None, refresh_credential: str | None) -> None:
        """As the original."""
        self.scheme.revoke(credential, refresh_credential)

    def revoke_user(self, user_id: str, *, keep_sid: str | None = None) -> int:
        """As the original."""
        return self.scheme.revoke_user(user_id, keep_sid=keep_sid)

    def sessions(self, user_id: str) -> Sequence[SessionInfo]:
        """As the original."""
        return self.scheme.sessions(user_id)


class SkipsStore(Whole):
    """Remembers whom it verified and asks the store only once per credential."""

    def __init__(self, scheme: Scheme) -> None:
        super().__init__(scheme)
        self._known: dict[str, Verified] = {}

    def verify(self, credential: str) -> Verified:
        """From memory where it can."""
        if credential not in self._known:
            self._known[credential] = self.scheme.verify(credential)
        return self._known[credential]


class AcceptsExpired(Whole):
    """Checks everything about a token but its age."""

    def verify(self, credential: str) -> Verified:
        """The original looks at the age last, so whatever it calls expired is genuine."""
        try:
            return self.scheme.verify(credential)
        except RejectedError as refusal:
            if refusal.reason != "expired":
                raise
            claims = jwt.decode(credential, options={"verify_signature": False})
            return Verified(claims["sub"], claims["role"], claims["sid"], expires_in_s=0)


class AsksTwice(Whole):
    """Costs twice the declared round trips."""

    def verify(self, credential: str) -> Verified:
        """Once to know, once more for nothing."""
        self.scheme.verify(credential)
        return self.scheme.verify(credential)


class IgnoresRevocation(Whole):
    """Lets a login live on after its logout."""

    def revoke(self, credential: str | None, refresh_credential: str | None) -> None:
        """Nothing, in spite of its traits."""


def _broken(name: str, fault: Callable[[Scheme], Scheme], original: str) -> SchemeSpec:
    spec = SCHEMES[original]

    def build(parts: Parts) -> Scheme:
        return fault(spec.build(parts))

    traits = replace(spec.traits, antipattern="broken on purpose, to be refused by the proof")
    return replace(spec, name=name, summary=f"{original}, broken on purpose", traits=traits, build=build)


SKIPS_STORE = _broken("broken-skips-store", SkipsStore, "redis-session")
ACCEPTS_EXPIRED = _broken("broken-accepts-expired", AcceptsExpired, "jwt-hs256")
ASKS_TWICE = _broken("broken-asks-twice", AsksTwice, "redis-session")
IGNORES_REVOCATION = _broken("broken-ignores-revocation", IgnoresRevocation, "memory-session")
