"""Exit codes, as documented in `authbench --help`."""

from enum import IntEnum


class Exit(IntEnum):
    """What a process's end means to the shell or the CI job that started it."""

    OK = 0
    GATE_FAILED = 1
    USAGE = 2
    NOT_READY = 3
    NOTHING_VALID = 4
    INCONCLUSIVE = 5
    INTERRUPTED = 130
