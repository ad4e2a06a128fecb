"""The commands that open the web UI, and workers for it, on this machine's loopback; knows nothing of Locust itself."""

import sys
from pathlib import Path

from loadtests.locust_.ui_options import SEEDED_USERS

LOCUSTFILE = Path(__file__).parents[1] / "locustfile.py"
LOOPBACK = "127.0.0.1"
_LOCUST = (sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE))


def locust_command(
    host: str, password_file: Path, web_port: int, *, seeded_users: int = SEEDED_USERS, scheme: str = ""
) -> tuple[str, ...]:
    """The argv of a Locust that loads `host` (http://NAME:PORT) when its form says so.

    `scheme`: what the form has chosen at first; "": its default.
    """
    asked = ("--scheme", scheme) if scheme else ()
    return (
        *(*_LOCUST, "--host", host),
        *("--web-host", LOOPBACK, "--web-port", str(web_port)),
        *("--user-password-file", str(password_file), "--seeded-users", str(seeded_users)),
        *asked,
    )


def sticky_options(sticky_host: str, *, chosen: bool) -> tuple[str, ...]:
    """What `locust_command` is given besides, for a form that offers a sticky balancer, and has it chosen at first."""
    return ("--sticky-host", sticky_host, *(("--balancing", "sticky") if chosen else ()))


def master_options(port: int) -> tuple[str, ...]:
    """What makes of a `locust_command` the master of workers that come to `port`."""
    return ("--master", "--master-bind-host", LOOPBACK, "--master-bind-port", str(port))


def worker_command(port: int) -> tuple[str, ...]:
    """The argv of one worker of the master at `port`, which tells it everything else."""
    return (*_LOCUST, "--worker", "--master-host", LOOPBACK, "--master-port", str(port))
