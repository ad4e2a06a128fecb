"""What every token vault of a BFF promises: tokens that only the bearer of the session's cookie can reach."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.exceptions import InvalidTag

from services.contract import Grant, RejectedError, SessionInfo
from services.settings import Settings
from services.stores.sealing import seal, unseal


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the API granted. `expires_at_s`: when the access token ends, in service-clock seconds since 1970."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at_s: float


@dataclass(frozen=True, slots=True)
class Kept:
    """One session of the BFF: whose it is, its name, and the tokens behind it. `owner` is whom `end_all` means."""

    owner: str
    sid: str
    tokens: Tokens
    expires_in_s: int


class TokenVault(Protocol):
    """Sessions that hold tokens; thread-safe. Any method may raise StoreDownError.

    Idle and absolute limits, the limit on sessions per owner and its policy are those of the settings, as for every
    session. A credential is stored as its hash alone, and the tokens are sealed under a key that only the credential
    yields: a dump of the store opens nothing.
    """

    def prepare(self) -> None:
        """Return when the store answers, as warm as it gets."""
        ...

    def create(self, owner: str, sid: str, tokens: Tokens) -> Grant:
        """Begin a session. LimitReachedError when `owner` has `max_sessions` and the policy is to refuse."""
        ...

    def read(self, credential: str) -> Kept:
        """The session; reading keeps it from going idle. RejectedError(reason)."""
        ...

    def replace(self, credential: str, sid: str, tokens: Tokens) -> None:
        """Keep other tokens for the session `sid`, whose limits stay; nothing happens when it has ended meanwhile."""
        ...

    def renewing(self, credential: str) -> AbstractContextManager[bool]:
        """Single flight over all replicas that share the store: True for the one caller that shall renew now.

        The others get False once he is done, or after `flight_s`, which outlasts him; what they then read is renewed.
        """
        ...

    def end(self, credential: str) -> None:
        """End one session; nothing happens when there is none."""
        ...

    def end_all(self, owner: str, keep_sid: str | None) -> int:
        """End every session of `owner` but `keep_sid`; the number ended."""
        ...

    def of_owner(self, owner: str) -> Sequence[SessionInfo]:
        """The live sessions of `owner`, oldest first."""
        ...


def flight_s(settings: Settings) -> float:
    """The longest a renewal takes: two questions to the API, and reading and writing the vault."""
    return 2 * settings.upstream_timeout_s + 2 * settings.store_timeout_s


def sealed(tokens: Tokens, credential: str, sid: str) -> bytes:
    """`tokens` as a vault keeps them."""
    text = f"{tokens.expires_at_s}\n{tokens.access}\n{tokens.refresh}"
    return seal(text, credential, sid, "bff tokens")


def opened(box: bytes, credential: str, sid: str) -> Tokens:
    """The tokens in `box`. RejectedError when it was tampered with or moved here from another session."""
    try:
        expires_at_s, access, refresh = unseal(box, credential, sid, "bff tokens").split("\n")
    except (InvalidTag, ValueError):
        raise RejectedError(reason="unknown") from None
    return Tokens(access, refresh, float(expires_at_s))
