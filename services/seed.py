"""Creates the tables and the users of a run; doing it again changes nothing but the passwords."""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg

from services.passwords import Passwords
from services.settings import PasswordProfile, Settings, SettingsError, from_environment
from services.stores import refresh_sql, session_sql

ADMIN = "admin"

USERS_SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    id text PRIMARY KEY,
    name text NOT NULL UNIQUE,
    role text NOT NULL,
    password_hash text NOT NULL,
    banned boolean NOT NULL DEFAULT false
);
"""

_STAGE = "CREATE TEMPORARY TABLE seeded (LIKE users INCLUDING DEFAULTS) ON COMMIT DROP"
_COPY = "COPY seeded (id, name, role, password_hash) FROM STDIN"
_MERGE = """
INSERT INTO users SELECT * FROM seeded
ON CONFLICT (id) DO UPDATE SET password_hash = EXCLUDED.password_hash, role = EXCLUDED.role, banned = false
"""


def seed(settings: Settings, users: int, password: str) -> None:
    """Create what is missing: tables, ADMIN and `user_name(0)` onwards, all with `password` under their own salts.

    Seeded users are unbanned again. psycopg.Error.
    """
    passwords = Passwords(settings.password_profile)
    with psycopg.connect(settings.database_url, password=_read(settings.database_password_file)) as connection:
        connection.execute(USERS_SCHEMA)
        connection.execute(refresh_sql.SCHEMA)
        connection.execute(session_sql.SCHEMA)
        connection.execute(_STAGE)
        with connection.cursor().copy(_COPY) as copy:
            for name, role in _names(users):
                copy.write_row((f"id-{name}", name, role, passwords.hash(password)))
        connection.execute(_MERGE)


def user_name(number: int) -> str:
    """The name of a seeded user: user-000000, user-000001, ..."""
    return f"user-{number:06d}"


def main(arguments: list[str]) -> int:
    """`python -m services.seed --users N --password-file F`: 0; 2 for a bad setting, 3 for a database that fails."""
    given = _parser().parse_args(arguments)
    try:
        settings = from_environment()
        password = given.password_file.read_text(encoding="utf-8").strip()
        seed(_with_profile(settings, given.profile), given.users, password)
    except (SettingsError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except psycopg.Error as error:
        sys.stderr.write(f"{str(error).splitlines()[0]}; expected the database of AUTHBENCH_DATABASE_URL to answer\n")
        return 3
    return 0


def _names(users: int) -> Iterator[tuple[str, str]]:
    yield ADMIN, "admin"
    yield from ((user_name(number), "user") for number in range(users))


def _with_profile(settings: Settings, profile: PasswordProfile | None) -> Settings:
    return replace(settings, password_profile=profile) if profile else settings


def _read(file: Path | None) -> str | None:
    return file.read_text(encoding="utf-8").strip() if file else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.seed", description="Create the tables and users of a run."
    )
    parser.add_argument("--users", type=int, required=True, metavar="N", help="how many, besides admin")
    parser.add_argument("--password-file", type=Path, required=True, metavar="F", help="holds the password of them all")
    parser.add_argument("--profile", choices=("owasp", "harness"), help="cost of a hash; default: the setting's")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
