"""The command that opens the web UI; that it works is held where it is run."""

import subprocess
import sys
from pathlib import Path

from loadtests.locust_.ui_command import (
    LOCUSTFILE,
    locust_command,
    master_options,
    sticky_options,
    worker_command,
)


def test_the_web_ui_is_for_this_machine_alone() -> None:
    """It listens on the loopback, at the port asked for, and the password is named by its file."""
    command = locust_command("http://127.0.0.1:8080", Path("password"), 8089, scheme="jwt-rs256")
    assert command[:5] == (sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE))
    options = dict(zip(command[5::2], command[6::2], strict=True))
    assert options == {
        "--host": "http://127.0.0.1:8080",
        "--web-host": "127.0.0.1",
        "--web-port": "8089",
        "--user-password-file": "password",
        "--seeded-users": "1000",
        "--scheme": "jwt-rs256",
    }


def test_master_and_workers_meet_on_this_machine_alone() -> None:
    """Master and worker name the same port of the loopback; a worker is told nothing else, no password either."""
    assert master_options(5557) == ("--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", "5557")
    assert worker_command(5557)[5:] == ("--worker", "--master-host", "127.0.0.1", "--master-port", "5557")


def test_stickiness_is_offered_and_may_be_chosen() -> None:
    """The form knows where the sticky balancer is in any case."""
    assert sticky_options("http://lb:8081", chosen=False) == ("--sticky-host", "http://lb:8081")
    assert sticky_options("http://lb:8081", chosen=True)[2:] == ("--balancing", "sticky")


def test_the_form_keeps_its_default_scheme() -> None:
    """Without a scheme asked for, the command names none."""
    assert "--scheme" not in locust_command("http://127.0.0.1:8080", Path("password"), 8089)


def test_making_the_command_does_not_import_locust() -> None:
    """Locust patches the standard library when it is imported: who only starts it must not be touched."""
    program = "import sys; import loadtests.locust_.ui_command; sys.exit('locust' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
