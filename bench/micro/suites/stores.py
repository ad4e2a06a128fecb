"""Every session store: get, set, touch, take; where reading slides, in memory and by GETEX, get and touch are one."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import get_args

import pytest

from bench.micro.case import Case
from bench.micro.laboratory import Laboratory, StoreName
from bench.micro.store_floors import GET, SET, TAKE, TOUCH
from services.stores.sessions import SessionStore
from services.users import User

Measure = Callable[[Case], None]

STORES: tuple[StoreName, ...] = get_args(StoreName)


@pytest.mark.parametrize("name", STORES)
def test_get(name: StoreName, laboratory: Laboratory, measure: Measure) -> None:
    """A session is read."""
    settings = laboratory.settings_of(name)
    store, servers = laboratory.store(name, settings)
    floors = GET[name](laboratory, settings)
    measure(Case("store get", name, "session", store.read, _sessions(laboratory, store), servers=servers, bares=floors))


@pytest.mark.parametrize("name", STORES)
def test_set(name: StoreName, laboratory: Laboratory, measure: Measure) -> None:
    """A session begins, index and limit included; each is another user's."""
    settings = laboratory.settings_of(name)
    store, servers = laboratory.store(name, settings)
    floors = SET[name](laboratory, settings)

    def create(user: User) -> None:
        store.create(user.id, user.role)

    measure(Case("store set", name, "session", create, laboratory.people, is_spent=True, servers=servers, bares=floors))


@pytest.mark.parametrize("name", STORES)
def test_touch(name: StoreName, laboratory: Laboratory, measure: Measure) -> None:
    """A session is read, and the use written down at once."""
    settings = replace(laboratory.settings_of(name), session_touch_s=0)
    store, servers = laboratory.store(name, settings)
    supply, floors = _sessions(laboratory, store), TOUCH[name](laboratory, settings)
    measure(Case("store touch", name, "session", store.read, supply, servers=servers, bares=floors))


@pytest.mark.parametrize("name", STORES)
def test_take(name: StoreName, laboratory: Laboratory, measure: Measure) -> None:
    """A session ends."""
    settings = laboratory.settings_of(name)
    store, servers = laboratory.store(name, settings)
    supply, floors = _sessions(laboratory, store), TAKE[name](laboratory, settings)
    measure(Case("store take", name, "session", store.end, supply, is_spent=True, servers=servers, bares=floors))


def _sessions(laboratory: Laboratory, store: SessionStore) -> Callable[[int], Sequence[str]]:
    def supply(count: int) -> Sequence[str]:
        people = [(user.id, user.role) for user in laboratory.people(count)]
        return [grant.credential for grant in store.create_many(people)]

    return supply
