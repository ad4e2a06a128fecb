"""How what was asked for ends: well, by the user, or with a load worker; what was measured until then is kept."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from authbench.exits import Exit
from authbench.progress import LiveProgress, live_progress
from bench.measure.crew import LoadLostError


@dataclass(frozen=True, slots=True)
class Early:
    """Why it ended before its end, and the exit code of that."""

    why: str
    code: Exit

    def tell(self, kept: Path) -> Exit:
        """Say so on standard error, which is no part of the result; the exit code."""
        print(f"authbench: {self.why} is kept in {kept}", file=sys.stderr)  # noqa: T201 - as said
        return self.code


def carry_out(work: Callable[[LiveProgress], None], *, noun: str, verb: str = "measured") -> Early | None:
    """Do `work`, showing its progress; None where it came to its end. `noun` names it: the run, the search."""
    try:
        with live_progress() as progress:
            work(progress)
    except KeyboardInterrupt:
        return Early(f"interrupted; what was {verb}", Exit.INTERRUPTED)
    except LoadLostError as loss:
        return Early(f"{loss}; the {noun} ends here, what was {verb}", Exit.NOTHING_VALID)
    return None
