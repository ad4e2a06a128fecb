"""What every session store promises: hashed credentials, an idle and an absolute limit, and an index per user."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from services.contract import Grant, SessionInfo, Verified
from services.settings import Settings
from services.stores.credentials import new_credential, new_sid


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One login. Times are service-clock seconds since 1970; `expires_at_s` is the absolute limit and never moves."""

    user_id: str
    role: str
    sid: str
    created_at_s: float
    expires_at_s: float

    def expires_in_s(self, now_s: float, idle_s: float) -> int:
        """Whole seconds an unused session has left, at least 0."""
        return max(0, int(min(idle_s, self.expires_at_s - now_s)))

    def info(self) -> SessionInfo:
        """What a user may see of it."""
        return SessionInfo(self.sid, self.created_at_s, self.expires_at_s)


class SessionStore(Protocol):
    """Sessions of all users; thread-safe. Any method may raise StoreDownError."""

    def create(self, user_id: str, role: str) -> Grant:
        """Begin a session. LimitReachedError when the user has `max_sessions` and the policy is to refuse."""
        ...

    def create_many(self, people: Iterable[tuple[str, str]]) -> Iterator[Grant]:
        """Begin a session for each (user id, role) as `create` would, in few round trips; the grants in their order.

        A stream on both sides: it goes on as the grants are taken, and keeps a bounded number of them. `max_sessions`
        holds, and with the policy to refuse LimitReachedError ends the stream; others of the same round trip may
        have begun by then, and nobody holds their credentials.
        """
        ...

    def read(self, credential: str) -> Verified:
        """Whose session it is; reading keeps it from going idle. RejectedError(reason)."""
        ...

    def end(self, credential: str) -> None:
        """End one session; nothing happens when there is none."""
        ...

    def end_all(self, user_id: str, keep_sid: str | None) -> int:
        """End every session of a user but `keep_sid`; the number ended."""
        ...

    def of_user(self, user_id: str) -> Sequence[SessionInfo]:
        """The live sessions of a user, oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that is about to be kept, and the credential that will open it."""

    credential: str = field(repr=False)
    record: SessionRecord

    def grant(self, idle_s: float) -> Grant:
        """What its user receives."""
        left_s = self.record.expires_in_s(self.record.created_at_s, idle_s)
        return Grant(self.credential, max(1, left_s), self.record.sid)


def begin_new(settings: Settings, user_id: str, role: str, now_s: float) -> Begun:
    """A session that starts now, under a credential and a sid of its own."""
    return Begun(new_credential(), begin(settings, user_id, role, new_sid(), now_s))


def begin(settings: Settings, user_id: str, role: str, sid: str, now_s: float) -> SessionRecord:
    """A session that starts now."""
    return SessionRecord(user_id, role, sid, now_s, now_s + settings.session_absolute_s)
