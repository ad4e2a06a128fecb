"""Who may log in: the users table, read by one SELECT without a transaction around it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.database import Database, Row


@dataclass(frozen=True, slots=True)
class User:
    """A row of the users table. A banned user can neither log in nor renew."""

    id: str
    name: str
    role: str
    password_hash: str = field(repr=False)
    banned: bool = False


class UserStore:
    """Users in PostgreSQL. Any method may raise StoreDownError."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    def by_name(self, name: str) -> User | None:
        """Whoever logs in under `name`: one SELECT."""
        # NUL and lone surrogates are JSON and no PostgreSQL text, and no name holds them
        return _user(self._database.one(_BY_NAME, {"name": name})) if name.isprintable() else None

    def by_id(self, user_id: str) -> User | None:
        """The user with this id: one SELECT."""
        return _user(self._database.one(_BY_ID, {"id": user_id})) if user_id.isprintable() else None

    def set_password(self, user_id: str, password_hash: str) -> bool:
        """Store a new hash; False when there is no such user. Ending the other logins is the caller's."""
        return self._database.run(_SET_PASSWORD, {"id": user_id, "hash": password_hash}) == 1

    def ban(self, user_id: str) -> bool:
        """Block login and renewal; False when there is no such user. Ending the logins is the caller's."""
        return user_id.isprintable() and self._database.run(_BAN, {"id": user_id}) == 1


def _user(row: "Row | None") -> User | None:
    return User(*row) if row else None


_BY_NAME = "SELECT id, name, role, password_hash, banned FROM users WHERE name = %(name)s"
_BY_ID = "SELECT id, name, role, password_hash, banned FROM users WHERE id = %(id)s"
_SET_PASSWORD = "UPDATE users SET password_hash = %(hash)s WHERE id = %(id)s"  # noqa: S105 - a statement
_BAN = "UPDATE users SET banned = true WHERE id = %(id)s"
