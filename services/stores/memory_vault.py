"""Tokens of BFF sessions in this process's memory: no other replica knows them, a restart forgets them."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from services.clock import Clock
from services.contract import Grant, SessionInfo
from services.settings import Settings
from services.stores.credentials import digest, new_credential
from services.stores.memory_records import MemoryRecords
from services.stores.sessions import begin
from services.stores.vaults import Kept, Tokens, flight_s, opened, sealed


class MemoryVault:
    """A TokenVault over MemoryRecords."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._records = MemoryRecords(settings, clock)
        self._flights: dict[bytes, threading.Event] = {}

    def prepare(self) -> None:
        """Memory always answers."""

    def create(self, owner: str, sid: str, tokens: Tokens) -> Grant:
        """See TokenVault."""
        credential, now_s = new_credential(), self._clock()
        record = begin(self._settings, owner, "", sid, now_s)
        self._records.create(credential, record, sealed(tokens, credential, sid))
        return Grant(credential, max(1, record.expires_in_s(now_s, self._settings.session_idle_s)), sid)

    def read(self, credential: str) -> Kept:
        """See TokenVault."""
        now_s = self._clock()
        record, box = self._records.read(credential, now_s)
        expires_in_s = record.expires_in_s(now_s, self._settings.session_idle_s)
        return Kept(record.user_id, record.sid, opened(box, credential, record.sid), expires_in_s)

    def replace(self, credential: str, sid: str, tokens: Tokens) -> None:
        """See TokenVault."""
        self._records.attach(credential, sealed(tokens, credential, sid))

    @contextmanager
    def renewing(self, credential: str) -> Iterator[bool]:
        """See TokenVault."""
        key, mine = digest(credential), threading.Event()
        flight = self._flights.setdefault(key, mine)
        if flight is not mine:
            flight.wait(flight_s(self._settings))
            yield False
            return
        try:
            yield True
        finally:
            del self._flights[key]
            mine.set()

    def end(self, credential: str) -> None:
        """See TokenVault."""
        self._records.end(credential)

    def end_all(self, owner: str, keep_sid: str | None) -> int:
        """See TokenVault."""
        return self._records.end_all(owner, keep_sid)

    def of_owner(self, owner: str) -> Sequence[SessionInfo]:
        """See TokenVault."""
        return self._records.of_owner(owner)
