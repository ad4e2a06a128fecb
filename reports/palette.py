"""One colour, line and marker per scheme, the same in every chart and readable without colour, in light and dark."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Line = Literal["-", "--", "-.", ":"]

INK, MUTED, GRID, BAND, PAPER = "#15181d", "#5b6470", "#dfe3e8", "#eceff3", "#fefefe"


@dataclass(frozen=True, slots=True)
class Look:
    """How a scheme is drawn. `light` is what the drawing holds; on a dark page `dark` takes its place."""

    light: str
    dark: str
    line: Line
    marker: str


@dataclass(frozen=True, slots=True)
class Answer:
    """How a kind of answer is drawn, and what it means to the visitor; `hatch` as matplotlib spells it."""

    meaning: str
    light: str
    dark: str
    hatch: str


# Hues of the petroff palette (M. A. Petroff, "Accessible Color Sequences for Data Visualization", 2021), which
# stay apart for colour-blind readers; the pale ones are darkened on white and all are lightened on black to keep 3:1.
# An anti-pattern is dotted, in a shade and with the marker of the scheme it spoils.
LOOKS = {
    "none": Look("#717581", "#a4a9b6", "--", "o"),
    "memory-session": Look("#e76300", "#ff8a3a", "-", "s"),
    "redis-session": Look("#bd1f01", "#ff7358", "-", "D"),
    "postgres-session": Look("#9a7d0a", "#e0c45a", "-", "p"),
    "jwt-hs256": Look("#3f90da", "#6cb2f2", "-", "^"),
    "jwt-rs256": Look("#832db6", "#c58aec", "-.", "v"),
    "jwt-es256": Look("#4655c9", "#98a3ff", "--", "<"),
    "jwt-eddsa": Look("#0f8a93", "#6fd3da", "-.", ">"),
    "jwt-sliding": Look("#1f5f8b", "#8fc7e8", "--", "d"),
    "jwt-denylist": Look("#c2437f", "#f08fbb", "--", "X"),
    "refresh-token": Look("#a96b59", "#d39c8b", "-", "P"),
    "bff": Look("#2f7d46", "#7fce96", "-", "h"),
    "bff-memory": Look("#6f8a1f", "#b9d46a", "--", "8"),
    "redis-session-default-retries": Look("#7d1a0a", "#ffa593", ":", "D"),
    "jwt-rs256-pem": Look("#57207a", "#dcb8f5", ":", "v"),
    "jwt-denylist-by-string": Look("#8a2456", "#f9bcd7", ":", "X"),
}
FALLBACKS = (
    Look("#00736b", "#4fc4ba", ":", "*"),
    Look("#7a6a2f", "#cbb777", "-.", "H"),
    Look("#5d7f3b", "#a5cc80", "-.", "<"),
    Look("#b0527a", "#e79fc0", "-.", ">"),
    Look("#5a5f9e", "#aab0e8", ":", "s"),
    Look("#6d6a4a", "#b9ac70", ":", "o"),
)
# The components of a cost, in the order a request meets them, are tints of one ink: none can be taken for a scheme.
COMPONENTS = {
    "haproxy": ("#71839a", "#8d9db3"),
    "bff": ("#1f2937", "#e2e8f0"),
    "replicas": ("#3c4a5c", "#c3cddb"),
    "helpers": ("#586a80", "#a9b6c8"),
    "redis": ("#a3b2c5", "#64748b"),
    "postgres": ("#cfd8e3", "#434f61"),
}
OTHER_COMPONENT = ("#e6ebf1", "#323c4b")
# The kinds of work in a request: greys for what every request needs, colours for what a scheme may add.
PARTS = {
    "haproxy": COMPONENTS["haproxy"],
    "dispatch": ("#4b7277", "#9cc4c8"),
    "server": ("#2e3b4e", "#d5deea"),
    "framework": ("#8d9cb0", "#7486a0"),
    "carrier": ("#d9a514", "#f3cf5b"),
    "verify": ("#c8561c", "#ff9c66"),
    "signature": ("#7b3fb0", "#bf92ee"),
    "store client": ("#2a7fc2", "#74b8f5"),
    "store server": ("#93bfe4", "#3c6f9c"),
    "upstream": ("#2e8050", "#77cc98"),
    "helpers": COMPONENTS["helpers"],
    "between": COMPONENTS["postgres"],
    "other": OTHER_COMPONENT,
}
# What became of a request: calm where it was served, else with a hatch of its own, so that no kind needs its colour.
ANSWERS = {
    "200": Answer("served", "#cfe0d4", "#2b4435", ""),
    "401": Answer("told to log in again", "#d1560b", "#ff9b52", "////"),
    "503": Answer("unavailable, try later", "#8a1c4a", "#f28bb4", "xxxx"),
    "no answer": Answer("cut off or timed out", "#22303f", "#d3dbe6", "||||"),
}
OTHER_ANSWER = Answer("another answer", "#5d6b1a", "#c3d164", "----")
SURFACES = {
    "ink": (INK, "#e7eaef"),
    "muted": (MUTED, "#a3acb9"),
    "grid": (GRID, "#30363f"),
    "band": (BAND, "#262c35"),
    "paper": (PAPER, "#14171c"),
}


def looks(schemes: Sequence[str]) -> dict[str, Look]:
    """The look of every scheme: fixed for those known, for others by alphabet, so a run always looks the same."""
    unknown = sorted(set(schemes) - LOOKS.keys())
    given = {name: FALLBACKS[index % len(FALLBACKS)] for index, name in enumerate(unknown)}
    return {name: LOOKS.get(name) or given[name] for name in sorted(set(schemes))}


def variables() -> dict[str, tuple[str, tuple[str, str]]]:
    """Every colour of a drawing as a CSS variable: hex in the drawing -> (name, (light, dark))."""
    scheme_looks = {**LOOKS, **{f"other-{index}": look for index, look in enumerate(FALLBACKS, 1)}}
    pairs = {
        **SURFACES,
        **{f"scheme-{name}": (look.light, look.dark) for name, look in scheme_looks.items()},
        **{f"part-{name.replace(' ', '-')}": pair for name, pair in PARTS.items()},
        **{f"component-{name}": pair for name, pair in COMPONENTS.items()},
        "component-other": OTHER_COMPONENT,
        **{f"answer-{name.replace(' ', '-')}": (one.light, one.dark) for name, one in ANSWERS.items()},
        "answer-other": (OTHER_ANSWER.light, OTHER_ANSWER.dark),
    }
    return {light: (f"--{name}", (light, dark)) for name, (light, dark) in pairs.items()}
