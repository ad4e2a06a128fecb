"""Nights of one run: the same cells again and again, their figures moved by chance and by what was changed."""

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.measure import environment
from bench.measure.rundir import RUN, RunDirectory
from tests.bench.measure.made_up_runs import HERE, arm, compared

STEP_RATIO, NOISE_RATIO = 1.1, 0.02
ELSEWHERE = replace(HERE, cpu_model="Abacus 1")
SLOWED = "jwt-hs256-bearer-1.cpu-30"


def nights(
    folder: Path, count: int, *, seed: int = 1, steps: Mapping[int, float] | None = None, cpu_model: str = ""
) -> list[RunDirectory]:
    """`count` runs, a night each; from each night of `steps` on SLOWED costs so many times what it did."""
    first = compared(folder / "made", [arm("none"), arm("jwt-hs256")])
    document = first.document()
    first.path.rename(folder / "night-00")
    chance = random.Random(seed)  # noqa: S311 - not a secret
    factor, made = 1.0, []
    for night in range(count):
        factor *= (steps or {}).get(night, 1.0)
        directory = RunDirectory(folder / f"night-{night:02d}")
        directory.path.mkdir(exist_ok=True)
        told = _moved(document, chance, factor) | {"started_at": f"2026-10-{night + 1:02d}T03:00:00+00:00"}
        told["environment"] = environment.to_jsonable(replace(HERE, cpu_model=cpu_model or HERE.cpu_model))
        directory.describe({key: value for key, value in told.items() if key not in {"format", "version", "id"}}, RUN)
        made.append(directory)
    return made


def _moved(document: Mapping[str, Any], chance: random.Random, factor: float) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(json.dumps(document))
    for cell in told["summary"]["cells"]:
        slower = factor if cell["id"] == SLOWED else 1.0
        for figure in (cell["cpu_us"]["total"], *filter(None, cell["response_ms"].values())):
            moved = slower * chance.gauss(1.0, NOISE_RATIO)
            figure.update({end: figure[end] and figure[end] * moved for end in ("value", "low", "high")})
    return told
