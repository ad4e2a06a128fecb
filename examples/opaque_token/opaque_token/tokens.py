"""What the authorization server knows of its tokens: in memory, each kept only as its hash."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from services.clock import Clock
from services.stores.credentials import digest, new_credential


@dataclass(frozen=True, slots=True)
class Login:
    """What a token stands for, in the words of RFC 7662, 2.2. `iat` and `exp` are whole seconds since 1970."""

    sub: str
    username: str
    role: str
    sid: str
    iat: int
    exp: int


MAX_CHARS = 256


def is_token(text: str) -> bool:
    """Whether it can be a token: nobody is asked about what is none by its looks."""
    return text.isascii() and len(text) <= MAX_CHARS


class Tokens:
    """Live tokens in the order of their issue; thread-safe. One is gone when it is ended or `clock` has passed it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._logins: dict[bytes, Login] = {}
        self._by_user: dict[str, dict[bytes, Login]] = {}

    def issue(self, login: Login) -> str:
        """A new token for `login`. Whoever logs in clears the oldest away that have expired."""
        token = new_credential()
        key = digest(token)
        with self._lock:
            self._sweep()
            self._logins[key] = login
            self._by_user.setdefault(login.sub, {})[key] = login
        return token

    def login(self, token: str) -> Login | None:
        """What `token` stands for; None when it is unknown, ended or expired."""
        with self._lock:
            login = self._logins.get(digest(token))
        return login if login and login.exp > self._clock() else None

    def end(self, token: str) -> None:
        """End `token`; nothing happens when there is none."""
        with self._lock:
            self._remove(digest(token))

    def end_all(self, sub: str, keep_sid: str) -> int:
        """End every token of a user but that of `keep_sid`; the number ended."""
        with self._lock:
            self._sweep()
            ending = [key for key, login in self._by_user.get(sub, {}).items() if login.sid != keep_sid]
            for key in ending:
                self._remove(key)
        return len(ending)

    def of_user(self, sub: str) -> Sequence[Login]:
        """What a user's live tokens stand for, oldest first."""
        with self._lock:
            self._sweep()
            return list(self._by_user.get(sub, {}).values())

    def __len__(self) -> int:
        return len(self._logins)

    def _sweep(self) -> None:
        now_s = self._clock()
        while self._logins and next(iter(self._logins.values())).exp <= now_s:
            self._remove(next(iter(self._logins)))

    def _remove(self, key: bytes) -> None:
        login = self._logins.pop(key, None)
        if login is not None:
            held = self._by_user[login.sub]
            del held[key]
            if not held:
                del self._by_user[login.sub]
