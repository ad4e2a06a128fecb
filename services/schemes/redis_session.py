"""Sessions in Redis: they work across servers, for one more hop and one point of failure."""

from collections.abc import Mapping, Sequence

from services.contract import Bound, Grant, Operations, Parts, RejectedError, SchemeSpec, SessionInfo, Traits, Verified
from services.users import User

# On the usual path: no session of the user has ended unseen, and none has to make way.
CREATE = {"evalsha": 1, "zremrangebyscore": 1, "zrange": 1, "mget": 1, "set": 1, "zadd": 1, "pexpire": 1}
END = {"evalsha": 1, "getdel": 1, "zrem": 1}

TRAITS = Traits(
    carriers=("cookie", "bearer"),
    default_carrier="cookie",
    stores=("redis",),
    needs_affinity=False,
    operations={
        "issue": Operations({"redis": 1}, {"redis": CREATE}),
        "verify": Operations({"redis": 1}, {"redis": {"getex": 1}}),
        "revoke": Operations({"redis": 1}, {"redis": END}),
    },
    revoked_within={event: Bound(0) for event in ("logout", "revoke_user", "ban", "password_change")},
    can_list_sessions=True,
    can_limit_sessions=True,
)


class RedisSession:
    """A Scheme over RedisSessions; revocation, limits and lists reach everywhere."""

    def __init__(self, parts: Parts) -> None:
        self._sessions = parts.sessions("redis")

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


SPEC = SchemeSpec("redis-session", "sessions in Redis, sliding by GETEX", TRAITS, RedisSession)
