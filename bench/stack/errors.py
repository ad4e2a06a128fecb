"""What the environment lacks, as one line a user can act on: found, expected, what to do."""


class NotReadyError(Exception):
    """The environment cannot serve a run (exit code 3); nothing was measured."""


class ProcessDiedError(NotReadyError):
    """A server ended, or never answered, where it should have become ready."""
