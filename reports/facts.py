"""What a report says about a run besides its figures: how it was started, where it ran and what was proven first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.micro.figures import Figure
from loadtests.plan import SlicePlan

MICRO_PAGE = "micro.html"
"""Where the microbenchmarks that joined a run are told, beside its page."""


@dataclass(frozen=True, slots=True)
class ArmProof:
    """What one arm was made to show before it was timed, one sentence a check; and what could not be tried on it."""

    arm: str
    scheme: str
    passed: tuple[str, ...]
    failed: tuple[str, ...] = ()
    untried: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Everything told beside the Summary; plain values, so that a report can be made again from `run.json`.

    `started_at` is ISO 8601 with its zone; `command` reproduces the run when pasted into a shell; `took_s` is the
    whole run's wall time. `balancing` explains each policy used, `password_profile` and `pinning` are sentences.
    `company` lists every arm that ran at the same time. `environment` may nest mappings and lists.
    `target` is where the servers were that somebody else runs, "" for a stack of our own.
    `notes` are sentences a reader must not miss, e.g. that the run was interrupted.
    `micro`: the microbenchmarks that joined the run.
    """

    run_id: str
    started_at: str
    command: str
    profile: str
    seed: int
    blocks: int
    slices: tuple[SlicePlan, ...]
    took_s: float
    company: tuple[str, ...]
    password_profile: str
    pinning: str
    balancing: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    proofs: tuple[ArmProof, ...] = ()
    notes: tuple[str, ...] = ()
    target: str = ""
    micro: tuple[Figure, ...] = ()
