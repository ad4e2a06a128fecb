"""The control: the same endpoints unprotected, so that every cost is a difference to it."""

from collections.abc import Mapping, Sequence

from services.contract import Bound, Grant, Operations, Parts, RejectedError, SchemeSpec, SessionInfo, Traits, Verified
from services.users import User

NOBODY = "nobody"

TRAITS = Traits(
    carriers=("bearer", "cookie"),
    default_carrier="bearer",
    stores=(),
    needs_affinity=False,
    operations={"issue": Operations(), "verify": Operations(), "revoke": Operations()},
    revoked_within={event: Bound(None) for event in ("logout", "revoke_user", "ban", "password_change")},
    antipattern="Everybody may do everything.",
)


class NoScheme:
    """A Scheme that asks nobody who he is."""

    def __init__(self, parts: Parts) -> None:
        self._lasts_s = parts.settings.session_absolute_s

    def issue(self, user: User, *, claims: Mapping[str, str] = {}) -> Grant:  # noqa: ARG002 - nothing to carry
        """An empty credential."""
        return Grant("", self._lasts_s, NOBODY)

    def verify(self, credential: str) -> Verified:  # noqa: ARG002 - whatever it says
        """Always the same nobody."""
        return Verified(NOBODY, "user", NOBODY, self._lasts_s)

    def renew(self, refresh_credential: str) -> Grant:  # noqa: ARG002 - it has none
        """Never: there is nothing to renew."""
        raise RejectedError(reason="not-renewable")

    def revoke(self, credential: str | None, refresh_credential: str | None) -> None:
        """Nothing: everybody stays welcome."""

    def revoke_user(self, user_id: str, *, keep_sid: str | None = None) -> int:  # noqa: ARG002 - nothing to end
        """Ends nothing: nobody is logged in."""
        return 0

    def sessions(self, user_id: str) -> Sequence[SessionInfo]:  # noqa: ARG002 - nothing is known
        """Empty: it knows no logins."""
        return ()


SPEC = SchemeSpec("none", "the same endpoints unprotected: the control", TRAITS, NoScheme)
