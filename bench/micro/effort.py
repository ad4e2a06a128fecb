"""How thoroughly calls are measured, and what a suite has to be told about the servers it runs against."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

EffortName = Literal["quick", "standard"]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to look at each call.

    A turn is one tight loop and, after it, one spell of paced calls; turns are what an interval is judged over. A loop
    is meant to last `turn_us` and has at most `calls_max` calls; a spell has at most `paced_calls`. `floor_turns`: how
    often a call and each of its floors take turns. `takes_s`: how long all of it takes on two cores, to be told.
    `select`: which calls, as pytest's -k reads it; empty: all.
    """

    turns: int
    turn_us: int
    calls_max: int
    paced_calls: int
    floor_turns: int
    takes_s: float
    select: str = ""


ENDS_ONLY = "not (10- or 50- or 3072)"
"""Of claim counts and key sizes the least and the most."""

EFFORTS: Mapping[EffortName, Effort] = {
    "quick": Effort(turns=7, turn_us=1_500, calls_max=100, paced_calls=4, floor_turns=30, takes_s=45, select=ENDS_ONLY),
    "standard": Effort(turns=24, turn_us=5_000, calls_max=200, paced_calls=10, floor_turns=100, takes_s=240),
}


@dataclass(frozen=True, slots=True)
class Equipment:
    """What the suites' process is told beside the settings of the services.

    `socket_url`: the Valkey of the settings over its Unix socket; `valkey_pid`: its process. `told`: the file in which
    the suites say what they are at.
    """

    effort: Effort
    socket_url: str
    valkey_pid: int
    told: Path


def write_equipment(path: Path, equipment: Equipment) -> None:
    """For the process that is about to be started."""
    path.write_text(json.dumps(asdict(equipment), default=str), encoding="utf-8")


def read_equipment(path: Path) -> Equipment:
    """What `write_equipment` wrote."""
    told = json.loads(path.read_text(encoding="utf-8"))
    return Equipment(Effort(**told["effort"]), told["socket_url"], told["valkey_pid"], Path(told["told"]))
