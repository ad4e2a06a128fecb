"""What a parser sees of a page, so that tests can ask about it."""

import re
from collections import Counter
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "hr", "path", "use"}


class Reader(HTMLParser):
    """Collects what the tests ask about."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: Counter[str] = Counter()
        self.references: list[str] = []
        self.headings: list[int] = []
        self.tags: Counter[str] = Counter()
        self.unscoped = 0
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note ids, references, headings and scopes."""
        found = {name: value or "" for name, value in attrs}
        self.tags[tag] += 1
        self.ids.update([found["id"]] if "id" in found else [])
        self.references += [found[name] for name in ("href", "src", "action") if name in found]
        self.references += [f"#{name}" for name in found.get("aria-labelledby", "").split()]
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self.unscoped += tag == "th" and "scope" not in found
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Every end belongs to the latest start."""
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element of SVG that is closed at once."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()


def read(html: str) -> Reader:
    """All of a page."""
    found = Reader()
    found.feed(html)
    return found


def assert_closed(reader: Reader) -> None:
    """No id occurs twice; every reference is to one of them; nothing is fetched; every tag is closed."""
    assert max(reader.ids.values()) == 1
    assert {one for one in reader.references if not one.startswith("#")} == {"data:,"}
    assert {one.removeprefix("#") for one in reader.references if one.startswith("#")} <= set(reader.ids)
    assert reader.open == []


def assert_alone(html: str, reader: Reader) -> None:
    """Under 1.5 MB, no address of any host, no script."""
    assert len(html.encode()) < 1_500_000
    assert not re.search(r"https?://|//[a-z]", html)
    assert not reader.tags["script"]


def assert_ordered(html: str, reader: Reader) -> None:
    """It has a language, one h1 that comes first, and headings that skip no level."""
    assert '<html lang="en">' in html
    assert reader.headings[0] == 1
    assert reader.headings.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in zip(reader.headings, reader.headings[1:], strict=False))
