"""What a master and its workers must agree on before they speak: their message, their versions, their machines."""

from importlib import metadata
from pathlib import Path

MESSAGE = "authbench"
"""The type of our messages on Locust's channel: to a worker {"do": ...}, from a worker {"did": ...}."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
REFUSED = 3
"""A worker's exit code when master and worker cannot work together: the environment is not ready."""


def versions() -> str:
    """The versions that must be equal on both sides: plans, samples and messages are theirs."""
    return ", ".join(f"{name} {_version(name)}" for name in ("authbench", "locust"))


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def machine() -> str:
    """The running kernel, the same for all processes on a machine; "" where it does not tell."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
