"""A figure as SVG that may stand in a page: named for readers, ids its own, no style that leaks, colours from CSS."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from reports.palette import GRID, INK, MUTED, variables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SVG = "{http://www.w3.org/2000/svg}"
XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
REFERENCE = re.compile(r"url\(#([^)]+)\)")
HEX = re.compile(r"#[0-9a-f]{6}\b")
FAMILY = re.compile(r"font-family: [^;]*;? ?")
LONG_NUMBER = re.compile(r"\d+\.\d{3,}")
PIXELS_PER_POINT = 96 / 72


@dataclass(frozen=True, slots=True)
class Wording:
    """What a chart says to those who cannot see it. `name` prefixes its ids: unique in a page, a valid XML name."""

    name: str
    title: str
    description: str


@contextmanager
def drawing() -> Iterator[None]:
    """Set matplotlib up so that the same figures always give the same bytes and text stays text."""
    import matplotlib as mpl  # noqa: PLC0415 - costs a second, and only a report draws

    with mpl.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "authbench",
            "font.family": "DejaVu Sans",
            "font.size": 9,
            "text.color": INK,
            "text.parse_math": False,
            "axes.labelcolor": MUTED,
            "axes.edgecolor": GRID,
            "axes.titlecolor": INK,
            "axes.titlesize": 9.5,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "grid.color": GRID,
            "grid.linewidth": 0.8,
            "xtick.color": GRID,
            "ytick.color": GRID,
            "xtick.labelcolor": MUTED,
            "ytick.labelcolor": INK,
            "figure.constrained_layout.use": True,
        }
    ):
        yield


def to_svg(figure: "Figure", wording: Wording) -> str:
    """The finished figure as one inline `<svg>` element."""
    _lay_out_for_good(figure)
    raw = io.BytesIO()
    figure.savefig(raw, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    root = ET.fromstring(raw.getvalue())  # noqa: S314 - matplotlib wrote it a line ago
    _strip(root)
    wanted = set(_references(root))
    for element in root.iter():
        _own(element, wording.name, wanted)
    _name(root, wording)
    return ET.tostring(root, encoding="unicode")


def lay_out(figure: "Figure") -> None:
    """Place everything as it stands, which is known only after that."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)


def _lay_out_for_good(figure: "Figure") -> None:
    """Left to itself, saving draws all of it once more to lay it out."""
    import matplotlib as mpl  # noqa: PLC0415 - as above

    lay_out(figure)
    with mpl.rc_context({"figure.constrained_layout.use": False}):
        figure.set_layout_engine(None)


def _strip(root: ET.Element) -> None:
    """Metadata goes, and the global style: what it said moves to the root, where it ends at the picture's edge."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.removeprefix(SVG) in {"style", "metadata"}:
                parent.remove(child)


def _references(root: ET.Element) -> Iterator[str]:
    for element in root.iter():
        yield element.get(XLINK_HREF, "").removeprefix("#")
        for value in element.attrib.values():
            yield from REFERENCE.findall(value)


def _own(element: ET.Element, name: str, wanted: set[str]) -> None:
    """Plain tag names, only ids that are referred to and those prefixed, colours as variables."""
    element.tag = element.tag.removeprefix(SVG)
    element.text, element.tail = (text if text and text.strip() else None for text in (element.text, element.tail))
    target = element.attrib.pop(XLINK_HREF, None)
    identity = element.attrib.pop("id", None)
    for key, value in element.attrib.items():
        element.set(key, _styled(LONG_NUMBER.sub(lambda found: f"{float(found[0]):.2f}", value), name))
    if target is not None:
        element.set("href", f"#{name}-{target.removeprefix('#')}")
    if identity in wanted:
        element.set("id", f"{name}-{identity}")


def _styled(value: str, name: str) -> str:
    """The family is left to the page, references follow their ids, colours become variables."""
    value = REFERENCE.sub(rf"url(#{name}-\1)", FAMILY.sub("", value))
    return HEX.sub(_variable, value)


def _variable(found: re.Match[str]) -> str:
    known = variables().get(found[0])
    return f"var({known[0]}, {found[0]})" if known else found[0]


def _name(root: ET.Element, wording: Wording) -> None:
    width, height = (float(root.attrib.pop(side).removesuffix("pt")) * PIXELS_PER_POINT for side in ("width", "height"))
    root.attrib.pop("version", None)
    root.set("role", "img")
    root.set("aria-labelledby", f"{wording.name}-title {wording.name}-desc")
    look = "stroke-linejoin: round; stroke-linecap: butt"
    root.set("style", f"{look}; aspect-ratio: {width:.0f} / {height:.0f}; max-width: {width:.0f}px")
    for place, (tag, text) in enumerate((("title", wording.title), ("desc", wording.description))):
        element = ET.Element(tag, id=f"{wording.name}-{tag}")
        element.text = text
        root.insert(place, element)
