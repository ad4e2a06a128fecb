"""Sessions outside, tokens inside: every request finds an access token that is good, however many ask at once."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from services.clock import Clock
from services.contract import UPSTREAM, Grant, LimitReachedError, RejectedError, StoreDownError
from services.settings import Settings
from services.spans import watch
from services.stores.vaults import Kept, Tokens, TokenVault


class TokenSource(Protocol):
    """Who grants the tokens: the API over HTTP, or the refresh-token scheme in this process."""

    def renew(self, refresh_credential: str) -> Grant:
        """Exchange a refresh token. RejectedError(reason); StoreDownError when it cannot say."""
        ...

    def revoke(self, credential: str | None, refresh_credential: str | None) -> None:
        """End the login both tokens belong to. StoreDownError."""
        ...


class Backchannel:
    """The one place where a BFF renews. Any method: StoreDownError, of the vault or of the source.

    A token is renewed while it has `upstream_left_s` to live, but at most half of the shortest life early: one that
    lives for seconds is used as well.
    """

    def __init__(self, settings: Settings, clock: Clock, vault: TokenVault, source: TokenSource) -> None:
        self._clock = clock
        self._vault = vault
        self._source = source
        shortest_s = settings.access_ttl_s * (1 - settings.access_ttl_jitter_ratio)
        self._left_s = min(settings.upstream_left_s, shortest_s / 2)
        watch("verify", self, "fresh")

    def begin(self, owner: str, sid: str, grant: Grant) -> Grant:
        """A session over the tokens of `grant`; these are revoked when it cannot begin. LimitReachedError."""
        try:
            return self._vault.create(owner, sid, self._tokens(grant))
        except (LimitReachedError, StoreDownError):
            self._source.revoke(grant.credential, grant.refresh_credential)
            raise

    def fresh(self, credential: str) -> Kept:
        """The session, with an access token that has not expired. RejectedError(reason)."""
        return self._renewed(credential, self._is_ending)

    def instead_of(self, refused: str, credential: str) -> Kept:
        """The session, with another access token than `refused`, which the API did not take. RejectedError(reason)."""
        return self._renewed(credential, lambda kept: kept.tokens.access == refused)

    def held(self, credential: str) -> Tokens | None:
        """The tokens of a session, as they are; None when it is over."""
        try:
            return self._vault.read(credential).tokens
        except RejectedError:
            return None

    def end(self, credential: str) -> None:
        """End a session and the login behind it: that first, so that a failure leaves a session to try again with."""
        tokens = self.held(credential)
        if tokens is not None:
            self._source.revoke(tokens.access, tokens.refresh)
        self._vault.end(credential)

    def _renewed(self, credential: str, is_stale: Callable[[Kept], bool]) -> Kept:
        """Single flight: one renews, the others wait and read what he left."""
        kept = self._vault.read(credential)
        if not is_stale(kept):
            return kept
        with self._vault.renewing(credential) as is_mine:
            kept = self._vault.read(credential)
            if not is_stale(kept):
                return kept
            try:
                return self._renew(credential, kept, is_mine=is_mine)
            except StoreDownError:
                if self._clock() >= kept.tokens.expires_at_s or not self._is_ending(kept):
                    raise
                return kept  # renewing was early: there is time left to try again

    def _renew(self, credential: str, kept: Kept, *, is_mine: bool) -> Kept:
        if not is_mine:
            raise StoreDownError(UPSTREAM)  # whoever renewed failed, and would have again
        try:
            tokens = self._tokens(self._source.renew(kept.tokens.refresh))
        except RejectedError:
            self._vault.end(credential)
            raise
        self._vault.replace(credential, kept.sid, tokens)
        return replace(kept, tokens=tokens)

    def _is_ending(self, kept: Kept) -> bool:
        return self._clock() >= kept.tokens.expires_at_s - self._left_s

    def _tokens(self, grant: Grant) -> Tokens:
        return Tokens(grant.credential, grant.refresh_credential or "", self._clock() + grant.expires_in_s)
