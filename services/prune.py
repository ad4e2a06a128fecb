"""The prune job: erases what refresh tokens no longer need, and forgets logins and sessions that are over."""

import sys
from contextlib import closing

from services.contract import StoreDownError
from services.parts import open_parts
from services.settings import SettingsError, from_environment
from services.stores.postgres_sessions import PostgresSessions


def main() -> int:
    """`python -m services.prune` every minute or so: 0; 2 for a bad setting, 3 when the database is down."""
    try:
        with closing(open_parts(from_environment())) as parts:
            parts.refresh_tokens.prune()
            PostgresSessions(parts.settings, parts.clock, parts.database).prune()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except StoreDownError:
        sys.stderr.write("postgres did not answer; expected the database of AUTHBENCH_DATABASE_URL; run again later\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
