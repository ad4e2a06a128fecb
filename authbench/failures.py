"""Which errors are the user's and which the machine's: each is one line, and an exit code."""

from bench.gates.errors import ConfigError, GateError, UnknownRefError
from bench.measure.profiles import PlanError
from bench.measure.rundir import RunDirectoryError
from bench.stack.errors import NotReadyError
from loadtests.record import RecordError
from services.settings import SettingsError


class UsageError(Exception):
    """The command line asks for what there is not; the message says what was found, expected and to be done."""


USAGE = (UsageError, ConfigError, GateError, UnknownRefError, PlanError, RunDirectoryError, RecordError, SettingsError)
NOT_READY = (NotReadyError, OSError)
