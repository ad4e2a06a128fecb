"""A whole run: its blocks one after the other, everything kept as soon as it is measured, whatever ends it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from bench.analysis import serial
from bench.analysis.model import Summary
from bench.analysis.summary import summarise
from bench.measure import environment
from bench.measure.block import Progress, Surroundings, run_block
from bench.measure.crew import LoadLostError, Spread, generators
from bench.measure.environment import Environment
from bench.measure.generator import Generators
from bench.measure.profiles import Choices
from bench.measure.proof import Proof
from bench.measure.remote_block import Remote, run_remote_block
from bench.measure.rundir import RunDirectory
from bench.stack.foundation import lay_foundation
from bench.stack.postgres import start_postgres
from bench.stack.supervisor import Supervisor
from loadtests.plan import BlockPlan
from loadtests.record import Record
from services.contract import SchemeSpec
from services.settings import PasswordProfile, Settings

PASSWORD_PROFILE: PasswordProfile = "harness"  # noqa: S105 - the name of a profile
"""Login is not the question of these cells, so its hash is made cheap, and every report says so."""
SPARE_USERS = 24

MeasuredBlock = Callable[[BlockPlan, Progress], Iterator[Record]]
"""Measures one block where the run takes place."""

Status = Literal["running", "complete", "interrupted", "failed"]


@dataclass(slots=True)
class Run:
    """What is known of a run while it goes on, and what run.json says of it."""

    directory: RunDirectory
    choices: Choices
    catalogue: Mapping[str, SchemeSpec]
    blocks: tuple[BlockPlan, ...]
    command: str
    environment: Environment
    remote: Remote | None = None
    """The stack of somebody else that is measured; None: one of our own."""
    spread: Spread = field(default_factory=Spread)
    """Over whom the load is spread."""
    started: datetime = field(default_factory=lambda: datetime.now(UTC).astimezone())
    proofs: dict[str, Proof] = field(default_factory=dict)
    blocks_done: int = 0
    status: Status = "running"

    def proven(self, proof: Proof) -> None:
        """Keep the proof of an arm; of several blocks' the first that does not hold, else the last."""
        if proof.arm not in self.proofs or self.proofs[proof.arm].holds:
            self.proofs[proof.arm] = proof

    def summary(self) -> Summary:
        """The figures of what was measured so far."""
        return summarise(self.directory.records(), self.needs_affinity)

    @property
    def needs_affinity(self) -> list[str]:
        """Schemes whose credential works only on the replica that issued it."""
        return sorted(name for name, spec in self.catalogue.items() if spec.traits.needs_affinity)

    def describe(self, summary: Summary | None = None) -> None:
        """Bring run.json up to date; the summary stands in it once there is one."""
        self.directory.describe(self._document() | ({"summary": serial.to_jsonable(summary)} if summary else {}))

    def _document(self) -> dict[str, Any]:
        return {
            **heading(self),
            "choices": asdict(self.choices),
            "password_profile": "as-deployed" if self.remote else PASSWORD_PROFILE,
            "target": self.remote.site.url if self.remote else None,
            "workers": self.spread.workers,
            "needs_affinity": self.needs_affinity,
            "blocks_done": self.blocks_done,
            "blocks": [asdict(block) for block in self.blocks],
            "proofs": [asdict(proof) for proof in self.proofs.values()],
        }


def measure(run: Run, progress: Progress) -> None:
    """Measure every block of `run`. Whatever ends it early, what was measured is kept and marked.

    NotReadyError when the stack does not come up or the disk will not take a record; LoadLostError when a worker does
    not live through it.
    """
    with concluded(run), Supervisor(run.directory.logs) as supervisor:
        run.describe()
        with generators(supervisor, run.spread) as source:
            _measure(run, supervisor, source, progress)


def _measure(run: Run, supervisor: Supervisor, source: Generators, progress: Progress) -> None:
    """Block after block, for as long as all who load are there."""
    measured = _on_target(run, run.remote, source) if run.remote else _on_our_own(run, supervisor, source, progress)
    for block in run.blocks:
        for record in measured(block, _Witness(run, progress)):
            run.directory.keep(block.index, record.header.cell, record)
        if source.lost:
            raise LoadLostError("; ".join(source.lost))
        run.blocks_done += 1
        run.describe()


def _on_our_own(run: Run, supervisor: Supervisor, source: Generators, progress: Progress) -> MeasuredBlock:
    """Blocks on servers that are started here."""
    progress.stage("starting PostgreSQL and making users")
    users = max(arm.visitors for block in run.blocks for arm in block.arms) + SPARE_USERS
    settings = Settings(password_profile=PASSWORD_PROFILE)
    foundation = lay_foundation(supervisor, start_postgres(supervisor), settings, users)
    password = foundation.users_password_file.read_text(encoding="utf-8")
    around = Surroundings(source, run.catalogue, environment.to_jsonable(run.environment), password)
    return lambda block, progress: run_block(block, foundation, around, progress)


def _on_target(run: Run, remote: Remote, source: Generators) -> MeasuredBlock:
    """Blocks on servers that somebody else runs."""
    facts = environment.to_jsonable(run.environment)
    around = Surroundings(source, run.catalogue, facts, remote.site.password)
    return lambda block, progress: run_remote_block(block, remote, around, progress)


class Concluding(Protocol):
    """A run whose document says how it goes."""

    status: Status

    def describe(self) -> None:
        """Bring the document up to date."""
        ...


class Headed(Protocol):
    """Whatever has a document of its own in a run directory."""

    command: str
    environment: Environment
    started: datetime
    status: Status


def heading(run: Headed) -> dict[str, Any]:
    """How every document of a run directory begins: how it went, when, for how long, by which command and where."""
    return {
        "status": run.status,
        "started_at": run.started.isoformat(timespec="seconds"),
        "took_s": round((datetime.now(UTC) - run.started).total_seconds(), 1),
        "command": run.command,
        "environment": environment.to_jsonable(run.environment),
    }


@contextmanager
def concluded(run: Concluding) -> Iterator[None]:
    """Let the run's document say how it ended."""
    try:
        yield
        run.status = "complete"
    except KeyboardInterrupt:
        run.status = "interrupted"
        raise
    except BaseException:
        run.status = "failed"
        raise
    finally:
        run.describe()


@dataclass(frozen=True, slots=True)
class _Witness:
    """Shows progress and keeps the proofs."""

    run: Run
    progress: Progress

    def stage(self, text: str, *, seconds: float = 0.0) -> None:
        block = f"block {self.run.blocks_done + 1}/{len(self.run.blocks)}"
        self.progress.stage(f"{block}: {text}", seconds=seconds)

    def proven(self, proof: Proof) -> None:
        self.run.proven(proof)
        self.progress.proven(proof)
