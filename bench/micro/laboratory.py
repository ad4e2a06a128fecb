"""What the suites measure on: the services' own parts over real stores, and people who were never seen before."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import cycle, islice
from typing import Literal

from bench.micro.bare import postgres_connection
from bench.micro.effort import Equipment
from services.clock import system_clock
from services.contract import Scheme, SchemeSpec, Step
from services.parts import ServiceParts, open_parts
from services.settings import Settings
from services.stores.sessions import SessionStore
from services.users import User

PEOPLE = 20_000
"""Rows of users, so that none has a second session before so many began one: a long index would cost."""

StoreName = Literal["memory", "Valkey over TCP", "Valkey over a Unix socket", "PostgreSQL"]

_CROWD = """
INSERT INTO users (id, name, role, password_hash)
SELECT 'person-' || number, 'person-' || number, 'user', '' FROM generate_series(0, %(people)s - 1) AS number
"""


@dataclass(slots=True)
class MovableClock:
    """The system's clock, moved by `offset_s`."""

    offset_s: float = 0.0

    def __call__(self) -> float:
        """As `services.clock.Clock`."""
        return system_clock() + self.offset_s


@dataclass(frozen=True, slots=True)
class Laboratory:
    """Parts under the system's clock, and `aged` ones whose clock is moved; each has one connection to PostgreSQL."""

    settings: Settings
    equipment: Equipment
    parts: ServiceParts
    aged: ServiceParts
    clock: MovableClock
    crowd: Iterator[User]
    ending: ExitStack
    schemes: dict[tuple[str, bool], Scheme] = field(default_factory=dict)

    def people(self, count: int) -> Sequence[User]:
        """The next ones who log in."""
        return list(islice(self.crowd, count))

    def scheme(self, spec: SchemeSpec, *, aged: bool = False) -> Scheme:
        """Built once. SettingsError when it cannot be."""
        key = (spec.name, aged)
        if key not in self.schemes:
            self.schemes[key] = spec.build(self.aged if aged else self.parts)
        return self.schemes[key]

    def servers(self, spec: SchemeSpec, step: Step, *, aged: bool = False) -> tuple[int, ...]:
        """Pids of the store processes that a step of a scheme asks."""
        asked = spec.traits.operations[step].round_trips
        pids: Mapping[str, int] = {"redis": self.equipment.valkey_pid}
        if "postgres" in asked:
            pids = {**pids, "postgres": backend(self.aged if aged else self.parts)}
        return tuple(pids[store] for store in asked if store in pids)

    def settings_of(self, name: StoreName) -> Settings:
        """Where a session store lies, by the name it is measured under."""
        if name == "Valkey over a Unix socket":
            return replace(self.settings, redis_url=self.equipment.socket_url)
        return self.settings

    def store(self, name: StoreName, settings: Settings) -> tuple[SessionStore, tuple[int, ...]]:
        """A session store under `settings`, and the process behind it."""
        parts = self.open(settings)
        match name:
            case "memory":
                return parts.sessions("memory"), ()
            case "PostgreSQL":
                return parts.sessions("postgres"), (backend(parts),)
            case _:
                return parts.sessions("redis"), (self.equipment.valkey_pid,)

    def open(self, settings: Settings) -> ServiceParts:
        """Parts of other settings, closed with the laboratory."""
        parts = open_parts(settings, system_clock)
        self.ending.callback(parts.close)
        return parts


@contextmanager
def open_laboratory(settings: Settings, equipment: Equipment) -> Iterator[Laboratory]:
    """For `settings` whose stores answer and whose users table is there."""
    settings, clock = replace(settings, database_pool=1), MovableClock()
    parts, aged = open_parts(settings, system_clock), open_parts(settings, clock)
    with ExitStack() as ending:
        ending.callback(parts.close)
        ending.callback(aged.close)
        _settle(settings)
        yield Laboratory(settings, equipment, parts, aged, clock, cycle(_people()), ending)


def _settle(settings: Settings) -> None:
    """The people, as rows; they never log in by a password."""
    with postgres_connection(settings) as connection:
        connection.execute(_CROWD, {"people": PEOPLE})


def backend(parts: ServiceParts) -> int:
    """The pid of the PostgreSQL process that serves `parts`, which have one connection."""
    with parts.database.connection() as connection:
        return connection.info.backend_pid


def _people() -> Iterator[User]:
    for number in range(PEOPLE):
        name = f"person-{number}"
        yield User(id=name, name=name, role="user", password_hash="")
