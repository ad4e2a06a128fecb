"""The command that opens the web UI; that it works is held where it is run."""

import subprocess
import sys
from pathlib import Path

from loadtests.locust_.ui_command import LOCUSTFILE, locust_command


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


def test_the_form_keeps_its_default_scheme() -> None:
    """Without a scheme asked for, the command names none."""
    assert "--scheme" not in locust_command("http://127.0.0.1:8080", Path("password"), 8089)


def test_making_the_command_does_not_import_locust() -> None:
    """Locust patches the standard library when it is imported: who only starts it must not be touched."""
    program = "import sys; import loadtests.locust_.ui_command; sys.exit('locust' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
