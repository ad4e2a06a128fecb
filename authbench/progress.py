"""Live progress on standard error; silent where that is not a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.progress_bar import ProgressBar

from authbench import interruption
from bench.measure.proof import Proof


class TimedBar(BarColumn):
    """A bar that fills with the clock over the seconds a stage is known to take."""

    def render(self, task: Task) -> ProgressBar:
        """Called at every refresh."""
        if task.total:
            task.completed = min(task.elapsed or 0.0, task.total)
        return super().render(task)


class LiveProgress:
    """One line that says what is happening, and one that stays per arm when it is first proven."""

    def __init__(self, console: Console, bars: Progress) -> None:
        self._console = console
        self._bars = bars
        self._proven: set[str] = set()

    def stage(self, text: str, *, seconds: float = 0.0) -> None:
        """Replace the line; KeyboardInterrupt if one was asked for and not heard."""
        interruption.check()
        for task in list(self._bars.task_ids):
            self._bars.remove_task(task)
        self._bars.add_task(text, total=seconds or None)

    def proven(self, proof: Proof) -> None:
        """Say so once; what does not hold is said each time."""
        if not proof.holds:
            lines = escape("".join(f"\n    {failure}" for failure in proof.failures))
            self._console.print(f"[red]✗[/] {proof.arm} is not timed, its proof does not hold:{lines}", highlight=False)
        elif proof.arm not in self._proven:
            self._proven.add(proof.arm)
            self._console.print(f"[green]✓[/] {proof.arm} proven: {len(proof.checks)} checks hold", highlight=False)


@contextmanager
def live_progress() -> Iterator[LiveProgress]:
    """Progress for the time of a run."""
    console = Console(stderr=True, quiet=not _is_terminal())
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimedBar(bar_width=20), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        yield LiveProgress(console, bars)


def _is_terminal() -> bool:
    return Console(stderr=True).is_terminal
