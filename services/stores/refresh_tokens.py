"""Rotated refresh tokens in PostgreSQL: used once, kept as hashes, and a second use betrays the thief.

A family is one login, named by its sid; a token is a member of it with at most one use. The family's row is locked
before anything is decided, so whatever a race minted dies with its family. Rows of a live family stay, so any ancestor
is recognised for as long as the family lives.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.clock import Clock
from services.contract import RejectedError, SessionInfo
from services.settings import Settings
from services.stores import refresh_sql as sql
from services.stores.credentials import digest, new_credential, new_sid
from services.stores.sealing import seal, unseal
from services.stores.session_limit import Limited, begin_login

if TYPE_CHECKING:
    from services.database import Connection, Database, Values

_LIMITED = Limited(sql.BEGIN_FAMILY, sql.COUNT_FAMILIES, sql.EVICT_FAMILIES)


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A login and the refresh token that continues it, good for `expires_in_s` whole seconds (> 0) if unused."""

    user_id: str
    role: str
    sid: str
    token: str = field(repr=False)
    expires_in_s: int


@dataclass(frozen=True, slots=True)
class _Family:
    """A locked family, with its user as he is now."""

    sid: str
    user_id: str
    role: str
    is_banned: bool
    is_revoked: bool
    expires_at_s: float


@dataclass(frozen=True, slots=True)
class _Use:
    """One presentation of a token: everything the decision needs, inside the transaction that decides."""

    connection: "Connection"
    family: _Family
    token: str
    now_s: float

    def values(self) -> "Values":
        """The parameters that the statements share."""
        return {"hash": digest(self.token), "sid": self.family.sid, "now": self.now_s}


class RefreshTokenStore:
    """Refresh tokens under one of three policies for a token that is presented again. Any method: StoreDownError.

    strict: it revokes the family. grace-replay: within the grace its bearer gets the successor again. grace-mint: he
    gets a sibling of it, the oldest sibling making way beyond `refresh_siblings_max`. The grace runs from the first
    use, never slides, and ends when a successor is used. SQL receives the service clock's time, never its own.
    """

    def __init__(self, settings: Settings, clock: Clock, database: "Database") -> None:
        self._settings = settings
        self._clock = clock
        self._database = database

    def begin(self, user_id: str, role: str) -> Refreshed:
        """A new family with its first token: one statement where sessions are not limited. LimitReachedError.

        A family that has to make way is revoked: it renews no more, but its access tokens live until they expire.
        """
        now_s, sid, token = self._clock(), new_sid(), new_credential()
        expires_at_s = now_s + self._settings.refresh_ttl_s
        family = _Family(sid, user_id, role, is_banned=False, is_revoked=False, expires_at_s=expires_at_s)
        idle_at_s = self._idle_at_s(family, now_s)
        values = {"sid": sid, "user_id": user_id, "now": now_s, "expires_at": expires_at_s}
        values |= {"hash": digest(token), "idle_at": idle_at_s}
        begin_login(self._database, self._settings, _LIMITED, values)
        return _refreshed(family, token, idle_at_s - now_s)

    def rotate(self, token: str) -> Refreshed:
        """Exchange `token` for its successor. RejectedError(reason); a family revoked on the way stays revoked."""
        if not token:
            raise RejectedError(reason="missing")
        # returned, not raised: the transaction must commit what a refusal decided
        with self._database.connection() as connection, connection.transaction():
            outcome = self._exchange(connection, token)
        if isinstance(outcome, RejectedError):
            raise outcome
        return outcome

    def revoke(self, sid: str | None, token: str | None) -> None:
        """End the family called `sid` and the one `token`, used or expired or not, belongs to: one statement."""
        self._database.run(sql.REVOKE, {"sid": sid, "hash": digest(token or ""), "now": self._clock()})

    def revoke_user(self, user_id: str, keep_sid: str | None) -> int:
        """End every family of a user but `keep_sid`; the number ended."""
        values = {"user_id": user_id, "keep_sid": keep_sid or "", "now": self._clock()}
        row = self._database.one(sql.REVOKE_USER, values)
        return row[0] if row else 0

    def sessions(self, user_id: str) -> Sequence[SessionInfo]:
        """Families of a user that can still be renewed, oldest first."""
        rows = self._database.all(sql.SESSIONS, {"user_id": user_id, "now": self._clock()})
        return [SessionInfo(*row) for row in rows]

    def prune(self) -> int:
        """Erase sealed successors whose grace is over and remove dead families; the number of families removed."""
        now_s = self._clock()
        self._database.run(sql.ERASE, {"grace_from": now_s - self._settings.refresh_grace_s})
        return self._database.run(sql.PRUNE, {"now": now_s})

    def _exchange(self, connection: "Connection", token: str) -> Refreshed | RejectedError:
        row = connection.execute(sql.LOCK_FAMILY, {"hash": digest(token)}).fetchone()
        if row is None:
            return RejectedError("unknown")
        use = _Use(connection, _Family(*row), token, self._clock())
        if use.family.is_revoked:
            return RejectedError("revoked")
        if use.now_s >= use.family.expires_at_s:
            return RejectedError("expired")
        if use.family.is_banned:
            return RejectedError("banned")
        if connection.execute(sql.USE, use.values()).fetchone() is not None:
            return self._mint(use)
        return self._again(use)

    def _mint(self, use: _Use) -> Refreshed:
        """A new child of the token; what of other families is past its grace is erased on the way."""
        successor, idle_at_s = new_credential(), self._idle_at_s(use.family, use.now_s)
        replayable = self._settings.refresh_policy == "grace-replay"
        sealed = seal(successor, use.token, use.family.sid) if replayable else None
        grace_from_s = use.now_s - self._settings.refresh_grace_s
        values = {"child": digest(successor), "idle_at": idle_at_s, "sealed": sealed, "grace_from": grace_from_s}
        use.connection.execute(sql.MINT, {**use.values(), **values})
        return _refreshed(use.family, successor, idle_at_s - use.now_s)

    def _again(self, use: _Use) -> Refreshed | RejectedError:
        """The token is idle for too long, or has been used: a retry within its grace, or a theft."""
        used_at_s, has_used_children = use.connection.execute(sql.SECOND_USE, use.values()).fetchone() or (None, False)
        if used_at_s is None:
            return RejectedError("expired")
        if use.now_s < used_at_s + self._settings.refresh_grace_s and not has_used_children:
            renewed = self._within_grace(use)
            if renewed is not None:
                return renewed
        use.connection.execute(sql.REVOKE, use.values())
        return RejectedError("reused")

    def _within_grace(self, use: _Use) -> Refreshed | None:
        if self._settings.refresh_policy == "grace-replay":
            return self._replay(use)
        return self._sibling(use) if self._settings.refresh_policy == "grace-mint" else None

    def _replay(self, use: _Use) -> Refreshed | None:
        """The current successor, which only the bearer of the token can open."""
        row = use.connection.execute(sql.SEALED_CHILD, use.values()).fetchone()
        if row is None:
            return None
        sealed, idle_at_s = row
        return _refreshed(use.family, unseal(sealed, use.token, use.family.sid), idle_at_s - use.now_s)

    def _sibling(self, use: _Use) -> Refreshed:
        """One more child; beyond the cap the oldest makes way."""
        keep = max(0, self._settings.refresh_siblings_max - 1)
        use.connection.execute(sql.MAKE_WAY, {**use.values(), "keep": keep})
        return self._mint(use)

    def _idle_at_s(self, family: _Family, now_s: float) -> float:
        return min(now_s + self._settings.refresh_idle_s, family.expires_at_s)


def _refreshed(family: _Family, token: str, expires_in_s: float) -> Refreshed:
    return Refreshed(family.user_id, family.role, family.sid, token, max(1, int(expires_in_s)))
