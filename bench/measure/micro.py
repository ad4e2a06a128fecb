"""The figures of microbenchmarks that were run, which pytest-benchmark's own file alone decides."""

import json
from pathlib import Path

from bench.measure.rundir import MICRO, RunDirectory, RunDirectoryError
from bench.micro.figures import Figure
from bench.micro.session import DOCUMENT, figures_of


def measured(directory: RunDirectory) -> tuple[Figure, ...]:
    """The figures, none where it ended before there were any. RunDirectoryError when they cannot be read."""
    path, status = directory.path / DOCUMENT, directory.document(MICRO)["status"]
    if not path.exists() and status != "complete":
        return ()
    try:
        return figures_of(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except (ValueError, LookupError, TypeError) as error:
        raise _unreadable(path, f"something else ({error!r})") from error


def _unreadable(path: Path, found: str) -> RunDirectoryError:
    message = f"{path}: found {found}, expected what authbench micro has pytest-benchmark write; measure it again"
    return RunDirectoryError(message)
