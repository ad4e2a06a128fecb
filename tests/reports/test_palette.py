"""Colours: every scheme of ours has one of its own that can be seen, on paper and in the dark."""

from itertools import combinations

import pytest

from reports.palette import ANSWERS, COMPONENTS, FALLBACKS, LOOKS, SURFACES, Look
from services.catalogue import SCHEMES

LEAST_CONTRAST = 3.0
"""WCAG 2.2, 1.4.11: what a graphic needs to be understood."""


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, WCAG 2.2."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio, 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_every_scheme_of_the_catalogue_has_a_look_of_its_own() -> None:
    """It stays the same whatever else was measured; no other scheme shares it, even without colour."""
    assert set(SCHEMES) <= set(LOOKS)
    for one, other in combinations(LOOKS.values(), 2):
        assert one.light != other.light
        assert one.dark != other.dark
        assert (one.line, one.marker) != (other.line, other.marker)


@pytest.mark.parametrize("look", [*LOOKS.values(), *FALLBACKS], ids=lambda look: look.light)
def test_every_look_can_be_seen(look: Look) -> None:
    """On a light page and on a dark one."""
    light, dark = SURFACES["paper"]
    assert contrast(look.light, light) >= LEAST_CONTRAST
    assert contrast(look.dark, dark) >= LEAST_CONTRAST


def test_an_antipattern_is_dotted_and_nothing_else_of_ours_is() -> None:
    """A reader tells what nobody should deploy at a glance."""
    dotted = {name for name in SCHEMES if LOOKS[name].line == ":"}
    assert dotted == {name for name, spec in SCHEMES.items() if spec.traits.antipattern} - {"none"}


def test_components_stand_in_the_order_a_request_meets_them() -> None:
    """Stacked bars and tables follow it."""
    assert list(COMPONENTS) == ["haproxy", "bff", "replicas", "helpers", "redis", "postgres"]


@pytest.mark.parametrize("name", [name for name in ANSWERS if name != "200"])
def test_every_failure_can_be_seen(name: str) -> None:
    """An answer that is none of what was asked for stands out from the page, light and dark."""
    light, dark = SURFACES["paper"]
    assert contrast(ANSWERS[name].light, light) >= LEAST_CONTRAST
    assert contrast(ANSWERS[name].dark, dark) >= LEAST_CONTRAST
    assert ANSWERS[name].hatch
