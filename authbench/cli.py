"""`authbench`: parses the command line and hands over to one command; each is imported only when it is called."""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from authbench import interruption
from authbench.demand import add_demand
from authbench.exits import Exit
from authbench.gate_options import add_gate
from authbench.needs import add_needs
from authbench.options import (
    add_choices,
    add_experiments,
    add_max_rate,
    add_micro,
    add_output,
    add_target,
    add_workers,
    address,
    port,
    whole_number,
)

Command = Callable[[argparse.Namespace], int]

EPILOG = """\
exit codes:
    0  ok: at least one valid comparison, invalid cells are shown
    1  a gate failed
    2  usage
    3  environment not ready
    4  nothing valid; with --strict: any invalid cell; advise: nobody remains
    5  a gate was inconclusive
  130  interrupted, what was measured is kept
"""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; the usage is a `--help` away."""

    def error(self, message: str) -> NoReturn:
        """Exit code 2."""
        self.exit(Exit.USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. User errors are one line on standard error."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    chosen = _parser().parse_args(arguments)
    chosen.argv = arguments
    try:
        with interruption.listening():
            return _command(chosen.module)(chosen)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except Exception as error:
        code = _documented(error)
        if code is None:
            raise
        print(f"authbench: {_line(error)}", file=sys.stderr)  # noqa: T201 - the one line a user error is
        return code


def _documented(error: Exception) -> Exit | None:
    """The exit code of an error that is the user's or the machine's; None for one that is ours."""
    from authbench.failures import NOT_READY, USAGE  # noqa: PLC0415 - `--help` needs none of the rooms behind it

    if isinstance(error, USAGE):
        return Exit.USAGE
    return Exit.NOT_READY if isinstance(error, NOT_READY) else None


def _line(error: Exception) -> str:
    """What an error says; the system's own say little, so what was found is put between what to expect and to do."""
    if not isinstance(error, OSError):
        return str(error)
    found = error.strerror or type(error).__name__
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}found {found!r}, expected the machine to allow it; free space or rights, or choose another -o"


def _command(module: str) -> Command:
    command: Command = import_module(f"authbench.{module}").command
    return command


def _parser() -> Parser:
    parser = Parser(
        prog="authbench",
        description="Sessions or tokens? Measured on your own machine, uncertainty included.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_run(commands.add_parser("run", help="measure schemes side by side; prints a table, writes a report"))
    _add_consequences(commands.add_parser("consequences", help="what breaks, counted in users: faults under load"))
    _add_micro(commands.add_parser("micro", help="what single calls cost: a signature, a lookup, a hash"))
    _add_up(commands.add_parser("up", help="start a stack and Locust's web UI before it"))
    _add_worker(commands.add_parser("worker", help="generate load for a run that waits for workers"))
    _add(commands.add_parser("list", help="the schemes and what they claim"), "listing", json=True)
    _add(commands.add_parser("doctor", help="whether this machine can measure, and what it would use"), "doctor")
    _add_report(commands.add_parser("report", help="make a run's table and report.html again from its records"))
    _add_diff(commands.add_parser("diff", help="two runs side by side, where they may be compared"))
    _add_gate(commands.add_parser("gate", help="hold the code to its project's gates; made for CI, exit codes below"))
    _add_trend(commands.add_parser("trend", help="where figures moved over many runs; nightly use only, never blocks"))
    _add_plan(commands.add_parser("plan", help="what a deployment needs for your numbers, from measured constants"))
    _add_advise(commands.add_parser("advise", help="session, token or both? answered by needs and measurements"))
    _add_selfcheck(commands.add_parser("selfcheck", help="show on this machine that the harness deserves trust"))
    return parser


def _add(parser: argparse.ArgumentParser, module: str, *, json: bool = False) -> None:
    parser.set_defaults(module=module)
    if json:
        parser.add_argument("--json", action="store_true", help="print JSON instead of the table")


def _add_run(parser: argparse.ArgumentParser) -> None:
    _add(parser, "run")
    add_choices(parser)
    add_max_rate(parser)
    add_target(parser)
    add_workers(parser)
    add_output(parser)


def _add_consequences(parser: argparse.ArgumentParser) -> None:
    _add(parser, "consequences")
    add_experiments(parser)
    add_output(parser)


def _add_micro(parser: argparse.ArgumentParser) -> None:
    _add(parser, "micro", json=True)
    add_micro(parser)


def _add_worker(parser: argparse.ArgumentParser) -> None:
    _add(parser, "worker")
    parser.add_argument(
        "--master", type=address, required=True, metavar="HOST[:PORT]", help="where `run --expect-workers` listens"
    )
    parser.add_argument("--once", action="store_true", help="end after one run (default: serve the next)")


def _add_up(parser: argparse.ArgumentParser) -> None:
    _add(parser, "up")
    parser.add_argument(
        "--replicas", type=whole_number, default=2, metavar="N", help="replicas of the API (default: 2)"
    )
    parser.add_argument(
        "--balancing",
        default="roundrobin",
        choices=("roundrobin", "sticky", "leastconn", "source"),
        help="what the form has chosen at first; sticky is offered in any case (default: roundrobin)",
    )
    parser.add_argument("--workers", type=whole_number, default=0, metavar="N", help="Locust workers (default: none)")
    parser.add_argument("--port", type=port, default=8080, help="the load balancer's (default: 8080)")
    parser.add_argument("--sticky-port", type=port, default=8081, help="as --port, with affinity (default: 8081)")
    parser.add_argument("--web-port", type=port, default=8089, help="Locust's web UI (default: 8089)")
    parser.add_argument("--users", type=whole_number, default=1000, metavar="N", help="users to seed (default: 1000)")


def _add_report(parser: argparse.ArgumentParser) -> None:
    _add(parser, "report", json=True)
    parser.add_argument("run", type=Path, metavar="RUN", help="a run directory")


def _add_diff(parser: argparse.ArgumentParser) -> None:
    _add(parser, "diff", json=True)
    parser.add_argument("runs", type=Path, nargs=2, metavar="RUN", help="two run directories, the baseline first")


def _add_gate(parser: argparse.ArgumentParser) -> None:
    _add(parser, "gate", json=True)
    add_gate(parser)


def _add_trend(parser: argparse.ArgumentParser) -> None:
    _add(parser, "trend", json=True)
    parser.description = (
        "Where CPU, p50 and p99 of each cell changed over the complete runs below a directory, unlike machines apart. "
        "For nightly use only: it says where to look and exits with 0 whatever it finds; `authbench gate` blocks."
    )
    parser.add_argument("runs", type=Path, metavar="RUNS", help="the directory that run directories stand in")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the trends as a page, too")


def _add_plan(parser: argparse.ArgumentParser) -> None:
    _add(parser, "plan", json=True)
    parser.add_argument(
        "runs", type=Path, nargs="*", metavar="RUN", help="where constants come from (default: the newest below runs/)"
    )
    add_demand(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the plan as a page, too")


def _add_advise(parser: argparse.ArgumentParser) -> None:
    _add(parser, "advise", json=True)
    parser.add_argument(
        "runs", type=Path, nargs="*", metavar="RUN", help="where figures come from (default: the newest below runs/)"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the answer as a page, too")
    add_needs(parser)


def _add_selfcheck(parser: argparse.ArgumentParser) -> None:
    _add(parser, "selfcheck")
    parser.add_argument("names", nargs="*", metavar="NAME", help="checks to run (default: all)")
    parser.add_argument("--list", action="store_true", help="the checks and what each claims")
