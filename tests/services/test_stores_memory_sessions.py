"""Sessions in memory: hashed, and cleared away in bounded steps."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from services.clock import Clock
from services.contract import RejectedError
from services.settings import Settings
from services.stores.memory_records import SWEEP_MAX
from services.stores.memory_sessions import MemorySessions

IDLE_S = 100


@pytest.fixture
def store(clock: Clock) -> MemorySessions:
    """An empty store."""
    return MemorySessions(replace(Settings(), session_idle_s=IDLE_S, session_absolute_s=10 * IDLE_S), clock)


def test_a_dump_holds_no_usable_credential(store: MemorySessions) -> None:
    """Only hashes are kept."""
    credential = store.create("id-1", "user").credential
    assert credential not in repr((store._records._live, store._records._by_owner))


def test_abandoned_sessions_are_cleared_by_later_logins(
    store: MemorySessions, advance: Callable[[float], None]
) -> None:
    """Each login clears a bounded number, so memory follows the live sessions and no login pays for all."""
    for number in range(3 * SWEEP_MAX):
        store.create(f"id-{number}", "user")
    advance(IDLE_S)
    store.create("new", "user")
    assert len(store._records._live) == 2 * SWEEP_MAX + 1
    for number in range(2):
        store.create(f"newer-{number}", "user")
    assert len(store._records._live) == 3
    assert store._records._by_owner.keys() == {"new", "newer-0", "newer-1"}


def test_an_expired_session_is_forgotten_when_it_is_seen(
    store: MemorySessions, advance: Callable[[float], None]
) -> None:
    """It is refused as expired once, and unknown from then on."""
    credential = store.create("id-1", "user").credential
    advance(IDLE_S)
    for expected in ("expired", "unknown"):
        with pytest.raises(RejectedError) as refused:
            store.read(credential)
        assert refused.value.reason == expected
    assert not store._records._live
