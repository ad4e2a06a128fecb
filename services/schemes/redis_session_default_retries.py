"""Sessions in Redis over a client left as it comes: as good as any other, until the server hangs."""

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
    antipattern="when Redis hangs, its client waits and retries for many seconds before a request gets its 503",
)


class RedisSessionDefaultRetries:
    """A Scheme over RedisSessions with redis-py's own idea of patience; its connections close with it."""

    def __init__(self, parts: Parts) -> None:
        from services.redis_client import RedisClient, library_defaults  # noqa: PLC0415 - only who mounts it pays for it
        from services.stores.redis_sessions import RedisSessions  # noqa: PLC0415 - as above

        client = RedisClient(parts.settings, library_defaults, parts.round_trips.redis)
        self._sessions = RedisSessions(parts.settings, parts.clock, client)

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


SPEC = SchemeSpec(
    "redis-session-default-retries", "redis-session with its client's defaults", TRAITS, RedisSessionDefaultRetries
)
