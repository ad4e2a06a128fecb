"""The command that opens the web UI on this machine's loopback; importing it does not import Locust."""

import sys
from pathlib import Path

from loadtests.locust_.ui_options import SEEDED_USERS

LOCUSTFILE = Path(__file__).parents[1] / "locustfile.py"
LOOPBACK = "127.0.0.1"


def locust_command(
    host: str, password_file: Path, web_port: int, *, seeded_users: int = SEEDED_USERS, scheme: str = ""
) -> tuple[str, ...]:
    """The argv of a Locust that loads `host` (http://NAME:PORT) when its form says so.

    `scheme`: what the form has chosen at first; "": its default.
    """
    asked = ("--scheme", scheme) if scheme else ()
    return (
        *(sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE), "--host", host),
        *("--web-host", LOOPBACK, "--web-port", str(web_port)),
        *("--user-password-file", str(password_file), "--seeded-users", str(seeded_users)),
        *asked,
    )
