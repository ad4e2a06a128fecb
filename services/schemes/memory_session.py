"""Sessions in the replica's memory: fine with one server; add one and everyone is logged out."""

from collections.abc import Mapping, Sequence

from services.contract import Bound, Grant, Operations, Parts, RejectedError, SchemeSpec, SessionInfo, Traits, Verified
from services.users import User

TRAITS = Traits(
    carriers=("cookie", "bearer"),
    default_carrier="cookie",
    stores=("memory",),
    needs_affinity=True,
    operations={"issue": Operations(), "verify": Operations(), "revoke": Operations()},
    revoked_within={event: Bound(0, "this replica") for event in ("logout", "revoke_user", "ban", "password_change")},
    can_list_sessions=True,
    can_limit_sessions=True,
)


class MemorySession:
    """A Scheme over MemorySessions; revocation, limits and lists reach as far as this replica."""

    def __init__(self, parts: Parts) -> None:
        self._sessions = parts.sessions("memory")

    def issue(self, user: User, *, claims: Mapping[str, str] = {}) -> Grant:  # noqa: ARG002 - the record is fixed
        """Begin a session."""
        return self._sessions.create(user.id, user.role)

    def verify(self, credential: str) -> Verified:
        """Look the session up and keep it from going idle."""
        return self._sessions.read(credential)

    def renew(self, refresh_credential: str) -> Grant:  # noqa: ARG002 - it has none
        """Never: a session slides by being used."""
        raise RejectedError(reason="not-renewable")

    def revoke(self, credential: str | None, refresh_credential: str | None) -> None:  # noqa: ARG002 - it has none
        """End the session."""
        if credential:
            self._sessions.end(credential)

    def revoke_user(self, user_id: str, *, keep_sid: str | None = None) -> int:
        """End the user's sessions on this replica."""
        return self._sessions.end_all(user_id, keep_sid)

    def sessions(self, user_id: str) -> Sequence[SessionInfo]:
        """The user's sessions on this replica."""
        return self._sessions.of_user(user_id)


SPEC = SchemeSpec("memory-session", "sessions in the replica's memory", TRAITS, MemorySession)
