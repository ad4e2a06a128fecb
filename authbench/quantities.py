"""Amounts and times as people write them: 10M users, 30m of life, 14d, 0.5ms."""

import argparse
import re
from collections.abc import Mapping

AMOUNT = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[kMG]?)", re.ASCII)
TIME = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>us|ms|s|m|h|d)", re.ASCII)
PER: Mapping[str, float] = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
S_PER: Mapping[str, float] = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
MS_PER_S = 1e3


def amount(text: str) -> float:
    """How many, in thousands, millions or milliards if so marked."""
    return _measured(text, AMOUNT, PER, "a number, as in 500, 0.05, 20k or 10M")


def seconds(text: str) -> float:
    """A time with its unit."""
    return _measured(text, TIME, S_PER, "a time with its unit, as in 20ms, 30m, 12h or 14d")


def milliseconds(text: str) -> float:
    """A time with its unit, in milliseconds."""
    return seconds(text) * MS_PER_S


def names(text: str) -> tuple[str, ...]:
    """Names separated by commas, each once."""
    return tuple(dict.fromkeys(text.split(",")))


def _measured(text: str, form: re.Pattern[str], units: Mapping[str, float], expected: str) -> float:
    parts = form.fullmatch(text)
    if parts is None:
        message = f"found {text!r}, expected {expected}"
        raise argparse.ArgumentTypeError(message)
    return float(parts["number"]) * units[parts["unit"]]
