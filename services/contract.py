"""The seam every scheme is built on: strings in, values out, no word of HTTP."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from services.clock import Clock
    from services.counting import RoundTrips
    from services.keys import KeyRing
    from services.settings import Settings
    from services.stores.denylist import Denylist
    from services.stores.refresh_tokens import RefreshTokenStore
    from services.stores.sessions import SessionStore
    from services.stores.vaults import TokenVault
    from services.users import User, UserStore

Carrier = Literal["cookie", "bearer"]
Store = Literal["memory", "redis", "postgres"]
Step = Literal["issue", "verify", "renew", "revoke"]
Event = Literal["logout", "revoke_user", "ban", "password_change"]
Reason = Literal[
    "missing", "malformed", "unknown", "expired", "not-yet-valid", "wrong-type", "bad-signature",
    "wrong-issuer", "wrong-audience", "revoked", "reused", "banned", "not-renewable",
]  # fmt: skip


class RejectedError(Exception):
    """The credential is refused: HTTP 401 with a stable `reason` a client and a record can count."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class LimitReachedError(Exception):
    """The user already has as many sessions as the limit allows and the policy is to refuse: HTTP 409."""


class CredentialTooLongError(ValueError):
    """The login has more to say than a credential may hold: HTTP 431."""


UPSTREAM = "api"
"""What a BFF keeps its users' logins in, as a `StoreDownError` names it."""


class StoreDownError(Exception):
    """A store did not answer within its bound: HTTP 503 with Retry-After, never 401 and never 200.

    `store`: a Store, the name of the helper service that keeps what the scheme needs to know, or UPSTREAM.
    """

    def __init__(self, store: str) -> None:
        super().__init__(store)
        self.store = store


@dataclass(frozen=True, slots=True)
class Grant:
    """What a client receives for one login or renewal. An empty `credential` means there is nothing to carry.

    `expires_in_s` and `refresh_expires_in_s` are whole seconds from now, > 0. `sid` names the login: it
    survives sliding and refresh, and CSRF tokens are bound to it. It is not a secret and authenticates nobody.
    """

    credential: str = field(repr=False)
    expires_in_s: int
    sid: str
    refresh_credential: str | None = field(default=None, repr=False)
    refresh_expires_in_s: int | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """Who sent the request. `replacement` is a new credential the client must swap in (sliding tokens)."""

    user_id: str
    role: str
    sid: str
    expires_in_s: int
    replacement: Grant | None = None


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """One live login of a user, as far as the scheme can know it. Times are service-clock seconds since 1970."""

    sid: str
    created_at_s: float
    expires_at_s: float


@dataclass(frozen=True, slots=True)
class Bound:
    """How long a credential outlives an event.

    `seconds` 0: refused at the next request; None: not before it expires by itself.
    """

    seconds: float | None
    scope: Literal["everywhere", "this replica"] = "everywhere"


@dataclass(frozen=True, slots=True)
class Operations:
    """What one step does to the stores on a warm connection, as the servers themselves count it.

    `round_trips`: client round trips per store, e.g. {"redis": 1}.
    `commands`: server commands per store, e.g. {"redis": {"getex": 1}}; Redis commands run inside a script are
    listed as well, PostgreSQL statements by their leading keyword in lower case ("select", "begin", ...).
    """

    round_trips: Mapping[Store, int] = field(default_factory=dict)
    commands: Mapping[Store, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Traits:
    """What a scheme claims about itself; the proof holds the running stack to every line of it.

    `operations` holds every step the scheme has; a step that touches no store has empty Operations. The user
    lookup at login belongs to the endpoint and is not listed here.
    `needs_affinity`: a credential works only on the replica that issued it.
    `can_list_sessions`: it knows the logins of a user, and so how many `revoke_user` ended.
    `antipattern` is "" or one sentence saying what is wrong with it.
    """

    carriers: tuple[Carrier, ...]
    default_carrier: Carrier
    stores: tuple[Store, ...]
    needs_affinity: bool
    operations: Mapping[Step, Operations]
    revoked_within: Mapping[Event, Bound]
    can_list_sessions: bool = False
    can_limit_sessions: bool = False
    antipattern: str = ""

    @property
    def can_renew(self) -> bool:
        """Whether a refresh credential can be exchanged for a new grant."""
        return "renew" in self.operations


class Scheme(Protocol):
    """One approach to keeping a user logged in. Thread-safe; every method may block on the scheme's stores.

    Any method may raise StoreDownError. What a scheme cannot do is a method whose docstring says so, and a trait.
    """

    def issue(self, user: "User", *, claims: Mapping[str, str] = ...) -> Grant:
        """Log `user` in. LimitReachedError when the session limit refuses."""
        ...

    def verify(self, credential: str) -> Verified:
        """Say who `credential` belongs to: the hot path. RejectedError(reason); "" is `missing`."""
        ...

    def renew(self, refresh_credential: str) -> Grant:
        """Exchange a refresh credential for a new grant, rotating it where the scheme rotates. RejectedError."""
        ...

    def revoke(self, credential: str | None, refresh_credential: str | None) -> None:
        """End the login both credentials belong to. Either may be expired or unknown; idempotent."""
        ...

    def revoke_user(self, user_id: str, *, keep_sid: str | None = None) -> int:
        """End every login of a user but `keep_sid`; the number ended, 0 where the scheme cannot."""
        ...

    def sessions(self, user_id: str) -> Sequence[SessionInfo]:
        """Live logins of a user, oldest first; empty where the scheme cannot know."""
        ...


class Parts(Protocol):
    """What a scheme is built from. Each store is opened on first use, so a scheme pays only for what it calls."""

    @property
    def settings(self) -> "Settings":
        """What the process was told."""
        ...

    @property
    def clock(self) -> "Clock":
        """Decides every expiry."""
        ...

    @property
    def keys(self) -> "KeyRing":
        """Signing and verification keys."""
        ...

    @property
    def round_trips(self) -> "RoundTrips":
        """Who counts what a scheme asks of a store by a client of its own."""
        ...

    @property
    def users(self) -> "UserStore":
        """Who may log in."""
        ...

    @property
    def refresh_tokens(self) -> "RefreshTokenStore":
        """Rotated refresh tokens in PostgreSQL."""
        ...

    @property
    def denylist(self) -> "Denylist":
        """Revoked tokens in Redis."""
        ...

    def sessions(self, store: Store) -> "SessionStore":
        """Sessions kept in the given store."""
        ...

    def vault(self, store: Store) -> "TokenVault":
        """Tokens a BFF holds for its sessions, kept in the given store."""
        ...

    def helper_url(self, name: str) -> str:
        """Where the helper service called `name` listens. SettingsError when `settings.helpers` does not tell."""
        ...


@dataclass(frozen=True, slots=True)
class HelperService:
    """A service of a plugin's own that the stack starts, once per arm, before the replicas.

    `command` is an argv ("python" is the interpreter that runs us); it must serve HTTP on 127.0.0.1:$PORT, which it is
    told in its environment beside the settings of the services, and answer GET `ready_path` with any status. Replicas
    find it by `Parts.helper_url(name)`.
    """

    name: str
    command: tuple[str, ...]
    ready_path: str = "/healthz"


@dataclass(frozen=True, slots=True)
class SchemeSpec:
    """What the catalogue holds: everything about a scheme that can be known without starting anything.

    `front`: who answers clients, the API itself or the BFF before it.
    """

    name: str
    summary: str
    traits: Traits
    build: Callable[[Parts], Scheme]
    front: Literal["api", "bff"] = "api"
    helpers: tuple[HelperService, ...] = ()
