"""How a generator that is a command of its own is let run to its end."""

from bench.stack.errors import ProcessDiedError
from bench.stack.process import Process

START_AND_END_S = 30.0


def carry_out(process: Process, seconds: float) -> None:
    """Return when `process` has ended well. ProcessDiedError when it did not, or not in `seconds` and a while."""
    process.wait_ended(seconds + START_AND_END_S)
    if process.popen.returncode:
        message = (
            f"{process.command.name}: ended with {process.popen.returncode}, expected it to load for {seconds:g} s and "
            f"end well; it said: {process.last_line()} (see {process.log})"
        )
        raise ProcessDiedError(message)
