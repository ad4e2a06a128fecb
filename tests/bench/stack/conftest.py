"""What tests of the stack share."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.stack.process import Owner

SAME_PYTHON = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]!r})"
NOBODY = Owner(65_534, 65_534)


@pytest.fixture(scope="session")
def public_python() -> str:
    """A Python of this version that an ordinary user can run; root's own may lie below a private home."""
    for path in (Path(sys.executable), Path(f"/usr/bin/python3.{sys.version_info.minor}")):
        try:
            subprocess.run([path, "-c", SAME_PYTHON], user=NOBODY.uid, group=NOBODY.gid, check=True, cwd="/")
        except (OSError, subprocess.CalledProcessError):
            continue
        return str(path)
    pytest.skip(f"no Python {sys.version_info.major}.{sys.version_info.minor} that an ordinary user can run")
