"""Counts of one running arm that come out the same on every machine: commands, bytes, refusals, stored bytes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from bench.consequences.apparatus.weighing import HOST, send
from bench.measure.client import follow
from bench.measure.laboratory import ArmBench
from bench.measure.proof import FLOWS, OK, UNAUTHORIZED, WARM_REQUESTS, Counts, difference
from bench.stack.arm import RunningArm
from bench.stack.errors import NotReadyError
from bench.stack.postgres import PostgresCluster
from bench.stack.valkey import Valkey
from loadtests.assignment import USERNAME
from loadtests.visitor import Visitor
from services.contract import Step, Traits

VISITORS = 12
WEIGHED = 24
"""Logins that are weighed: times in a record have fewer digits now and then, so the heaviest of several counts."""
READS = 4
"""Each visitor's, for every replica: in turns, all replicas are asked equally often."""

_BYTES_OF_ALL_KEYS = """
local read = {hash = {'HGETALL'}, set = {'SMEMBERS'}, list = {'LRANGE', 0, -1}, zset = {'ZRANGE', 0, -1, 'WITHSCORES'}}
local bytes = 0
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  bytes = bytes + #key
  if kind == 'string' then
    bytes = bytes + redis.call('STRLEN', key)
  else
    local command, first, last, scores = unpack(read[kind])
    local arguments = {key, first, last, scores}
    for _, part in ipairs(redis.call(command, unpack(arguments))) do bytes = bytes + #part end
  end
end
return bytes
"""
# Built anew by ROW, as an aggregate weighs the first row it is handed 3 bytes lighter than the others.
_BYTES_OF_A_TABLE = sql.SQL("(SELECT coalesce(sum(pg_column_size(ROW(line.*))), 0) FROM {} AS line)")


@dataclass(frozen=True, slots=True)
class Read:
    """One authenticated read as its client saw it; `was_valid`: the credential was issued and had not expired."""

    status: int
    was_valid: bool
    up_bytes: int
    down_bytes: int

    @property
    def is_answered(self) -> bool:
        """Whether the service let the visitor in or did not, and not something else."""
        return self.status in {OK, UNAUTHORIZED}


@dataclass(frozen=True, slots=True)
class Counted:
    """What an arm's servers and clients counted.

    `commands`: what all `takings` of a step cost the stores together. `stored_bytes`: what each of several logins left
    in Redis and in PostgreSQL; empty where nobody asked.
    """

    takings: int
    commands: Mapping[Step, Counts]
    reads: tuple[Read, ...]
    stored_bytes: tuple[int, ...] = ()

    @property
    def refused(self) -> int:
        """Reads that were answered 401 although their credential was valid."""
        return sum(read.was_valid and read.status == UNAUTHORIZED for read in self.reads)

    @property
    def succeeded(self) -> tuple[Read, ...]:
        """The reads that were answered as they should be."""
        return tuple(read for read in self.reads if read.status == OK)


def count(bench: ArmBench, traits: Traits, *, weighs_logins: bool = False) -> Counted:
    """Take every step the scheme has, one request after the other through the load balancer, on warm connections.

    NotReadyError when a visitor cannot log in.
    """
    crew = [_visitor(bench, number) for number in range(VISITORS)]
    steps = [step for step in FLOWS if step in traits.operations]
    for turn in range(WARM_REQUESTS * bench.plan.replicas):
        for step in steps:
            follow(bench.address, FLOWS[step](crew[turn % len(crew)]))
    commands = {step: _commands(bench, crew, step) for step in steps}
    for visitor in crew:
        _log_in(bench, visitor)
    reads = [read for visitor in crew for read in _reads(bench, visitor)]
    return Counted(len(crew), commands, tuple(reads), tuple(_stored_by_login(bench)) if weighs_logins else ())


def _visitor(bench: ArmBench, number: int) -> Visitor:
    """It names a host of one length, whichever port was free."""
    return Visitor(number, bench.plan, HOST, USERNAME.format(number), bench.password)


def _commands(bench: ArmBench, crew: Sequence[Visitor], step: Step) -> Counts:
    before = bench.store_commands()
    for visitor in crew:
        follow(bench.address, FLOWS[step](visitor))
    return difference(before, bench.store_commands())


def _log_in(bench: ArmBench, visitor: Visitor) -> None:
    login = follow(bench.address, FLOWS["issue"](visitor))
    if login.status != OK:
        found = f"{login.status} {login.reason}".strip()
        message = f"{bench.plan.id}: found a login answered {found}, expected {OK}; see why the scheme cannot log in"
        raise NotReadyError(message)


def _stored_by_login(bench: ArmBench) -> Iterator[int]:
    """By how much each of some more logins makes the stores hold more."""
    before = stored_bytes(bench.arm)
    for number in range(VISITORS, VISITORS + WEIGHED):
        _log_in(bench, _visitor(bench, number))
        after = stored_bytes(bench.arm)
        yield after - before
        before = after


def _reads(bench: ArmBench, visitor: Visitor) -> Iterator[Read]:
    for _ in range(READS * bench.plan.replicas):
        call = visitor.call("read")
        answer = send(bench.address, call.request)
        visitor.adopt("read", answer)
        yield Read(answer.status, call.had_valid_credential, len(call.request), answer.bytes_down)


def stored_bytes(arm: RunningArm) -> int:
    """What all keys of an arm say and all its rows take.

    What is kept, not what it occupies: what allocators round up to, tables' pages and indexes depend on what was there
    before (of one login, 264 to 304 B were allocated in Redis), and a gate must not.
    """
    return sum(bytes_in_redis(one) for one in [arm.valkey] if one) + bytes_in_postgres(arm.cluster, arm.database)


def bytes_in_redis(valkey: Valkey) -> int:
    """The names and the values of all keys."""
    with valkey.client() as client:
        return int(client.eval(_BYTES_OF_ALL_KEYS, 0))


def bytes_in_postgres(cluster: PostgresCluster, database: str) -> int:
    """What `pg_column_size` says of every row of every table; 0 without tables."""
    password = cluster.password_file.read_text(encoding="utf-8").strip()
    with psycopg.connect(cluster.url(database), password=password) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        tables = [_BYTES_OF_A_TABLE.format(sql.Identifier(name)) for (name,) in names]
        (total,) = connection.execute(sql.SQL("SELECT ") + sql.SQL(" + ").join([sql.SQL("0"), *tables])).fetchall()
    return int(total[0])
