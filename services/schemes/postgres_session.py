"""Sessions in PostgreSQL: the store most teams already have, asked once per request."""

from collections.abc import Mapping, Sequence

from services.contract import Bound, Grant, Operations, Parts, RejectedError, SchemeSpec, SessionInfo, Traits, Verified
from services.users import User

# On the usual path: without a session limit, and with the last use noted not long ago.
TRAITS = Traits(
    carriers=("cookie", "bearer"),
    default_carrier="cookie",
    stores=("postgres",),
    needs_affinity=False,
    operations={
        "issue": Operations({"postgres": 1}, {"postgres": {"insert": 1}}),
        "verify": Operations({"postgres": 1}, {"postgres": {"select": 1}}),
        "revoke": Operations({"postgres": 1}, {"postgres": {"delete": 1}}),
    },
    revoked_within={event: Bound(0) for event in ("logout", "revoke_user", "ban", "password_change")},
    can_list_sessions=True,
    can_limit_sessions=True,
)


class PostgresSession:
    """A Scheme over PostgresSessions; revocation, limits and lists reach everywhere."""

    def __init__(self, parts: Parts) -> None:
        self._sessions = parts.sessions("postgres")

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
        """End the user's sessions."""
        return self._sessions.end_all(user_id, keep_sid)

    def sessions(self, user_id: str) -> Sequence[SessionInfo]:
        """The user's sessions."""
        return self._sessions.of_user(user_id)


SPEC = SchemeSpec("postgres-session", "sessions in PostgreSQL, sliding by a rare UPDATE", TRAITS, PostgresSession)
