"""The parts of a process: opened on first use, ready when every needed store answers."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.clock import set_offset
from services.contract import StoreDownError
from services.parts import ServiceParts, open_parts
from services.settings import Settings, SettingsError

AWAY = "redis://127.0.0.1:1/0"


@pytest.fixture
def without_redis(settings: Settings) -> Iterator[ServiceParts]:
    """Parts whose Redis is away and whose schemes do not need it."""
    parts = open_parts(replace(settings, schemes=("none", "jwt-hs256"), redis_url=AWAY))
    yield parts
    parts.close()


def test_every_store_is_opened_once(parts: ServiceParts) -> None:
    """Two schemes over one store share it, and so its sessions and connections."""
    assert parts.sessions("memory") is parts.sessions("memory")
    assert parts.sessions("redis") is parts.sessions("redis")
    assert parts.sessions("postgres") is parts.sessions("postgres")
    assert parts.keys is parts.keys


def test_a_store_that_keeps_no_vault_is_named(parts: ServiceParts) -> None:
    """Found, expected."""
    with pytest.raises(ValueError, match="no token vault in store 'postgres'; one of: memory, redis"):
        parts.vault("postgres")


def test_ready_when_all_stores_answer(parts: ServiceParts) -> None:
    """The whole catalogue is mounted and everything is there."""
    parts.check_ready()


def test_a_store_no_scheme_needs_is_not_asked(without_redis: ServiceParts) -> None:
    """A service of tokens is ready without Redis."""
    without_redis.check_ready()


def test_a_store_that_is_down_is_named(settings: Settings) -> None:
    """503 says which."""
    parts = open_parts(replace(settings, redis_url=AWAY))
    with pytest.raises(StoreDownError) as down:
        parts.check_ready()
    assert down.value.store == "redis"
    parts.close()


def test_keys_are_needed_when_they_are_used(settings: Settings) -> None:
    """The message says how to make some."""
    parts = open_parts(replace(settings, keys_file=None))
    with pytest.raises(SettingsError, match="AUTHBENCH_KEYS_FILE is unset"):
        _ = parts.keys


def test_the_clock_file_skews_this_process_alone(settings: Settings, tmp_path: Path) -> None:
    """A replica whose clock is wrong, on purpose."""
    file = tmp_path / "offset"
    set_offset(file, 3600)
    skewed, plain = open_parts(replace(settings, clock_file=file)), open_parts(settings)
    assert 3590 < skewed.clock() - plain.clock() < 3610
