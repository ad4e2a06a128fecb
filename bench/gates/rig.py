"""What fresh pairs of processes run on: keys and, where a scheme asks one, a Valkey and a PostgreSQL for them all."""

import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex

from bench.gates.model import Tree
from bench.gates.protocol import Benchmark, Errand, Offer, Worker
from bench.gates.tree import Trees
from bench.gates.worker import PEOPLE
from bench.stack.errors import NotReadyError
from bench.stack.postgres import PostgresCluster, start_postgres
from bench.stack.process import Command, Process
from bench.stack.supervisor import Supervisor
from bench.stack.valkey import Valkey, start_valkey
from services.settings import Settings, to_environment

LIMIT_S = 120.0
PATIENCE_S = 30.0
"""A bound costs the same however long it is; a machine that stalls is not to end a comparison."""
SETTINGS = Settings(password_profile="harness", store_timeout_s=PATIENCE_S, database_pool=1)  # noqa: S106 - a profile
NO_OFFER = Offer((), ())


@dataclass(frozen=True, slots=True)
class Database:
    """A cluster, and in it for every tree what its own `services.seed` made, to be copied."""

    cluster: PostgresCluster
    templates: Mapping[Tree, str]


@dataclass(frozen=True, slots=True)
class Rig:
    """Starts workers of trees that were surveyed. `settings` are complete but for each worker's own stores."""

    supervisor: Supervisor
    settings: Settings
    offers: Mapping[Tree, Mapping[str, Offer]]
    valkey: Valkey | None = None
    database: Database | None = None

    @property
    def servers(self) -> tuple[int, ...]:
        """Pids of the stores, whose new processes run where these do."""
        started = (self.valkey, self.database.cluster if self.database else None)
        return tuple(server.process.pid for server in started if server)

    def offer(self, tree: Tree, benchmark: Benchmark) -> Offer:
        """What `tree` has of the scheme; nothing where it does not know it."""
        return self.offers[tree].get(benchmark.scheme, NO_OFFER)

    def lacking(self, trees: Trees, benchmark: Benchmark) -> Tree | None:
        """The first of the trees, base before candidate, that has no such call; None where both have it."""
        both = (trees.base, trees.candidate)
        return next((tree for tree in both if benchmark.step not in self.offer(tree, benchmark).steps), None)

    @contextmanager
    def workers(self, trees: Trees, benchmark: Benchmark) -> Iterator[tuple[Worker, Worker]]:
        """Fresh processes of base and candidate, started side by side, each with stores nobody has used."""
        with (
            self.errands(trees, benchmark) as (first, second),
            Worker(self.supervisor, trees.base, first) as base,
            Worker(self.supervisor, trees.candidate, second) as candidate,
        ):
            yield base, candidate

    @contextmanager
    def errands(self, trees: Trees, benchmark: Benchmark) -> Iterator[tuple[Errand, Errand]]:
        """How to start a worker of each, with stores nobody has used, for as long as the block lasts."""
        if self.valkey:
            with self.valkey.client() as client:
                client.flushall()
        with ExitStack() as ending:
            base = self._settings(0, self.offer(trees.base, benchmark), trees.base, ending)
            candidate = self._settings(1, self.offer(trees.candidate, benchmark), trees.candidate, ending)
            yield Errand("base", to_environment(base)), Errand("candidate", to_environment(candidate))

    def _settings(self, number: int, offer: Offer, tree: Tree, ending: ExitStack) -> Settings:
        """Those of one of the two, which never share a store."""
        settings = self.settings
        if self.valkey and "redis" in offer.stores:
            settings = replace(settings, redis_url=f"{self.valkey.url.removesuffix('0')}{number}")
        if self.database and "postgres" in offer.stores:
            settings = replace(settings, database_url=ending.enter_context(_copy(self.database, tree)))
        return settings


@contextmanager
def open_rig(trees: Trees, benchmarks: Collection[Benchmark]) -> Iterator[Rig]:
    """A rig that `benchmarks` of both trees can run on, with no server that none of them asks. NotReadyError."""
    with tempfile.TemporaryDirectory(prefix="authbench-gate-") as logs, Supervisor(Path(logs)) as supervisor:
        settings = replace(SETTINGS, keys_file=supervisor.folder("rig") / "keys.json")
        # what the base writes the candidate reads, as in any deployment; and neither is faster for its key
        keys = _module(supervisor, trees.base, ("services.keys", "write", str(settings.keys_file)), settings)
        rig = Rig(supervisor, settings, _offers(supervisor, trees, settings))
        _finish(keys)
        yield _with_stores(
            rig, {store for tree in rig.offers for one in benchmarks for store in rig.offer(tree, one).stores}
        )


def _offers(supervisor: Supervisor, trees: Trees, settings: Settings) -> Mapping[Tree, Mapping[str, Offer]]:
    """What each tree has; asking them makes Python compile their modules, too, before anything is timed."""
    with ExitStack() as ending:
        workers = [
            ending.enter_context(Worker(supervisor, tree, Errand(role, to_environment(settings))))
            for role, tree in (("base", trees.base), ("candidate", trees.candidate))
        ]
        return {worker.tree: worker.hello() for worker in workers}


def _with_stores(rig: Rig, stores: Collection[str]) -> Rig:
    if "redis" in stores:
        valkey = start_valkey(rig.supervisor, "valkey")
        rig = replace(rig, valkey=valkey, settings=replace(rig.settings, redis_password_file=valkey.password_file))
    if "postgres" in stores:
        cluster = start_postgres(rig.supervisor)
        rig = replace(rig, settings=replace(rig.settings, database_password_file=cluster.password_file))
        rig = replace(rig, database=Database(cluster, {tree: _seeded(rig, cluster, tree) for tree in rig.offers}))
    return rig


def _seeded(rig: Rig, cluster: PostgresCluster, tree: Tree) -> str:
    """A new database with the tables of `tree` and its people."""
    name = f"people-{token_hex(4)}"
    cluster.create_database(name)
    argv = ("services.seed", "--users", str(PEOPLE), "--password-file", str(rig.supervisor.secret("people.password")))
    _finish(_module(rig.supervisor, tree, argv, replace(rig.settings, database_url=cluster.url(name))))
    return name


@contextmanager
def _copy(database: Database, tree: Tree) -> Iterator[str]:
    """The URL of a database as the tree's own seed left it."""
    name = f"pair-{token_hex(4)}"
    database.cluster.create_database(name, database.templates[tree])
    yield database.cluster.url(name)
    database.cluster.drop_database(name)


def _module(supervisor: Supervisor, tree: Tree, module: tuple[str, ...], settings: Settings) -> Process:
    """A module of `tree`, started as a script."""
    env = {"PYTHONPATH": str(tree.path), **to_environment(settings)}
    return supervisor.start(Command(module[0], (str(tree.python), "-m", *module), tree.path, env))


def _finish(process: Process) -> None:
    process.wait_ended(LIMIT_S)
    if process.popen.returncode:
        message = f"{process.command.name} of {process.command.cwd}: found {process.last_line()!r}, expected success"
        raise NotReadyError(message)
