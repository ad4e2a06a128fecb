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


# Hues of the petroff palette (M. A. Petroff, "Accessible Color Sequences for Data Visualization", 2021), which
# stay apart for colour-blind readers; the pale ones are darkened on white and all are lightened on black to keep 3:1.
LOOKS = {
    "none": Look("#717581", "#a4a9b6", "--", "o"),
    "memory-session": Look("#e76300", "#ff8a3a", "-", "s"),
    "redis-session": Look("#bd1f01", "#ff7358", "-", "D"),
    "jwt-hs256": Look("#3f90da", "#6cb2f2", "-", "^"),
    "jwt-rs256": Look("#832db6", "#c58aec", "-.", "v"),
    "refresh-token": Look("#a96b59", "#d39c8b", "-", "P"),
}
FALLBACKS = (
    Look("#0f8a93", "#6fd3da", "--", "X"),
    Look("#9a7d0a", "#e0c45a", ":", "<"),
    Look("#5d7f3b", "#a5cc80", "-.", ">"),
    Look("#c2437f", "#f08fbb", "--", "p"),
    Look("#4655c9", "#98a3ff", ":", "h"),
    Look("#6d6a4a", "#b9ac70", "-.", "*"),
)
# The components of a cost are tints of one ink, so that none of them can be taken for a scheme.
COMPONENTS = {
    "replicas": ("#3c4a5c", "#c3cddb"),
    "haproxy": ("#71839a", "#8d9db3"),
    "redis": ("#a3b2c5", "#64748b"),
    "postgres": ("#cfd8e3", "#434f61"),
}
OTHER_COMPONENT = ("#e6ebf1", "#323c4b")
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
        **{f"component-{name}": pair for name, pair in COMPONENTS.items()},
        "component-other": OTHER_COMPONENT,
    }
    return {light: (f"--{name}", (light, dark)) for name, (light, dark) in pairs.items()}
