"""`authbench worker`: generates load for the runs of a master, here or on another machine, until Ctrl-C."""

import argparse
import os
import sys
from typing import NoReturn


def command(chosen: argparse.Namespace) -> NoReturn:
    """Become the worker: Locust patches the process that imports it, so that one is to be nothing else."""
    host, port = chosen.master
    words = ["-m", "loadtests.locust_.worker", host, str(port), *(["--once"] if chosen.once else [])]
    os.execv(sys.executable, [sys.executable, *words])  # noqa: S606 - the interpreter that runs us, and no shell
