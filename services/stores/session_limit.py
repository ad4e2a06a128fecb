"""The limit on a user's sessions in PostgreSQL: simultaneous logins are counted one after the other."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

from services.contract import LimitReachedError
from services.settings import Settings

if TYPE_CHECKING:
    from services.database import Database, Values

# Weak enough not to stop who merely refers to the user, such as a login of a service without a limit.
LOCK_USER = "SELECT id FROM users WHERE id = %(user_id)s FOR NO KEY UPDATE"


@dataclass(frozen=True, slots=True)
class Limited:
    """The statements of one kind of login: begin one, count the live ones, end the oldest beyond `keep`."""

    begin: LiteralString
    count: LiteralString
    evict: LiteralString


def begin_login(database: "Database", settings: Settings, statements: Limited, values: "Values") -> None:
    """Run `statements.begin`, alone where there is no limit. LimitReachedError; StoreDownError."""
    if not settings.max_sessions:
        database.run(statements.begin, values)
        return
    with database.connection() as connection, connection.transaction():
        connection.execute(LOCK_USER, values)
        if settings.session_limit == "evict-oldest":
            connection.execute(statements.evict, {**values, "keep": settings.max_sessions - 1})
        elif (connection.execute(statements.count, values).fetchone() or (0,))[0] >= settings.max_sessions:
            raise LimitReachedError
        connection.execute(statements.begin, values)
