"""Users: found by one statement, banned and given passwords, and no name is an error."""

import pytest

from bench.stack.postgres import PostgresCluster
from services.parts import ServiceParts
from services.users import User


def test_a_user_is_found_by_name_and_by_id(parts: ServiceParts, user: User) -> None:
    """Both ways lead to the same row."""
    assert parts.users.by_name(user.name) == parts.users.by_id(user.id) == user


@pytest.mark.parametrize("name", ["nobody", "", "' OR 1=1 --", "nul\0", "\ud800", "x" * 10_000])
def test_whoever_does_not_exist_is_none(parts: ServiceParts, name: str) -> None:
    """Hostile names find nobody and fail nothing."""
    assert parts.users.by_name(name) is None
    assert parts.users.by_id(name) is None
    assert not parts.users.ban(name)


def test_a_ban_shows(parts: ServiceParts, user: User) -> None:
    """Login reads it from the row it reads anyway."""
    assert parts.users.ban(user.id)
    found = parts.users.by_id(user.id)
    assert found is not None
    assert found.banned


def test_a_new_password_hash_is_stored(parts: ServiceParts, user: User) -> None:
    """And only a user can have one."""
    assert parts.users.set_password(user.id, "new hash")
    found = parts.users.by_id(user.id)
    assert found is not None
    assert found.password_hash == "new hash"
    assert not parts.users.set_password("nobody", "new hash")


def test_a_login_costs_one_select(parts: ServiceParts, postgres: PostgresCluster, user: User) -> None:
    """No transaction around it: the server counts one SELECT and nothing else."""
    for _ in range(parts.settings.database_pool):
        parts.users.by_name(user.name)
    postgres.reset_counts("services")
    parts.users.by_name(user.name)
    assert postgres.statement_counts("services") == {"select": 1}


def test_a_password_hash_does_not_show_in_a_repr(user: User) -> None:
    """A user in a log tells nothing to crack."""
    assert "no hash" not in repr(user)
