"""A console on a stream: 80 columns at least, colour where it is a terminal, and only characters it can write."""

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console

from reports import format as figures

NARROWEST = 80
UNENCODABLE = str.maketrans({"±": "+/-", figures.MINUS: "-", figures.EN_DASH: "-", figures.SPACE: " ", "µ": "u"})


@contextmanager
def terminal(stream: TextIO) -> Iterator[Console]:
    """Collect what is printed and write it to `stream` at the end, without blanks at the ends of lines."""
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    console.width = max(console.width, NARROWEST)
    with console.capture() as capture:
        yield console
    text = "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"
    stream.write(text if _speaks_unicode(stream) else text.translate(UNENCODABLE).encode("ascii", "replace").decode())


def fill(console: Console, text: str) -> None:
    """Print `text` as a paragraph, its later lines a little to the right."""
    wrapped = textwrap.fill(text, console.width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    console.print(wrapped)


def _speaks_unicode(stream: TextIO) -> bool:
    return "utf" in (getattr(stream, "encoding", None) or "utf-8").lower()
