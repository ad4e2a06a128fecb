"""Tokens of BFF sessions in Redis: every replica knows them, one GETEX reads them and keeps a session from going idle.

Limits are kept as `redis_sessions` keeps them.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from services.clock import Clock
from services.contract import Grant, RejectedError, SessionInfo, StoreDownError
from services.redis_client import RedisClient, Script
from services.settings import Settings
from services.stores.credentials import digest, new_credential
from services.stores.redis_records import MS_PER_S, RedisRecords, decoded, encoded
from services.stores.sessions import begin
from services.stores.vaults import Kept, Tokens, flight_s, opened, sealed

PREFIX = b"vault:"
INDEX_PREFIX = "vaults-of:"
LOCK_PREFIX = b"renewing:"
POLL_S = 0.015

# Whose lock has timed out must not release his successor's.
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class RedisVault:
    """A TokenVault over RedisRecords."""

    def __init__(self, settings: Settings, clock: Clock, client: RedisClient) -> None:
        self._settings = settings
        self._clock = clock
        self._client = client
        self._records = RedisRecords(settings, clock, client, PREFIX, INDEX_PREFIX)
        self._release = Script(client, _RELEASE)

    def prepare(self) -> None:
        """Have the server hold every script. StoreDownError."""
        self._records.prepare()
        self._release.load()

    def create(self, owner: str, sid: str, tokens: Tokens) -> Grant:
        """See TokenVault."""
        credential, now_s = new_credential(), self._clock()
        record = begin(self._settings, owner, "", sid, now_s)
        self._records.create(credential, record, encoded(record) + b"\n" + sealed(tokens, credential, sid))
        return Grant(credential, max(1, record.expires_in_s(now_s, self._settings.session_idle_s)), sid)

    def read(self, credential: str) -> Kept:
        """See TokenVault."""
        if not credential:
            raise RejectedError(reason="missing")
        idle_s = self._settings.session_idle_s
        value = self._client.command("GETEX", self._records.key(credential), "PX", idle_s * MS_PER_S)
        if value is None:
            raise RejectedError(reason="unknown")
        (record, box), now_s = decoded(value), self._clock()
        if now_s >= record.expires_at_s:
            raise RejectedError(reason="expired")
        tokens = opened(box, credential, record.sid)
        return Kept(record.user_id, record.sid, tokens, record.expires_in_s(now_s, idle_s))

    def replace(self, credential: str, sid: str, tokens: Tokens) -> None:
        """See TokenVault. A session that ends between the two commands is not there for XX."""
        key = self._records.key(credential)
        value = self._client.command("GET", key)
        if value is not None:
            record, _ = decoded(value)
            value = encoded(record) + b"\n" + sealed(tokens, credential, sid)
            self._client.command("SET", key, value, "XX", "KEEPTTL")

    @contextmanager
    def renewing(self, credential: str) -> Iterator[bool]:
        """See TokenVault. A lock that cannot be released ends by itself."""
        key, owner = LOCK_PREFIX + digest(credential), new_credential()
        lock_ms = int(flight_s(self._settings) * MS_PER_S)
        if not self._client.command("SET", key, owner, "NX", "PX", lock_ms):
            self._wait(key)
            yield False
            return
        try:
            yield True
        finally:
            with suppress(StoreDownError):
                self._release.run((key,), owner)

    def end(self, credential: str) -> None:
        """See TokenVault."""
        self._records.end(credential)

    def end_all(self, owner: str, keep_sid: str | None) -> int:
        """See TokenVault."""
        return self._records.end_all(owner, keep_sid)

    def of_owner(self, owner: str) -> Sequence[SessionInfo]:
        """See TokenVault."""
        return self._records.of_owner(owner)

    def _wait(self, key: bytes) -> None:
        """Return when whoever holds the lock is done."""
        over_s = time.monotonic() + flight_s(self._settings)
        while time.monotonic() < over_s and self._client.command("EXISTS", key):
            time.sleep(POLL_S)
