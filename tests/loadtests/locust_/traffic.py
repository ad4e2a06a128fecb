"""Generates what a server may say to a few requests: every framing, every fault, cut anywhere, ended in every way."""

from dataclasses import dataclass
from typing import Literal, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")
Ending = Literal["stays", "closes", "resets"]
"""What becomes of the connection once all is said."""

GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: here\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n{}"
BODILESS = {204, 304}


@dataclass(frozen=True, slots=True)
class Turn:
    """One request and what the server does about it: sends `pieces`, each on its own, then ends in its way."""

    request: bytes
    pieces: tuple[bytes, ...]
    ending: Ending = "stays"

    @property
    def said(self) -> bytes:
        """All that is sent."""
        return b"".join(self.pieces)


@dataclass(frozen=True, slots=True)
class Framing:
    """How the end of a body is told: by which header lines, and what is sent instead of the bare body."""

    lines: tuple[bytes, ...]
    coded: bytes
    ends_itself: bool = True


PLAIN = Turn(GET, (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain",))


def head(status_line: bytes, *lines: bytes) -> bytes:
    """A status line, header lines and the empty line."""
    return b"\r\n".join([status_line, *lines, b"", b""])


def _mostly(usual: T, *others: T) -> st.SearchStrategy[T]:
    """The usual in two cases of three."""
    return st.sampled_from([usual] * 2 * len(others) + [*others])


_blanks = st.sampled_from([b"", b" ", b"\t", b" \t "])
_words = st.lists(st.sampled_from([b"a", b"b=1;", b'"q"', b"\xe9\xff", b":", b"1,", b"close"]), max_size=3)
_values = st.builds(bytes.join, st.sampled_from([b" ", b"\t", b"  "]), _words)
_names = st.sampled_from([b"X-Replica", b"x-replica", b"Set-Cookie", b"SET-COOKIE", b"!#$%&'*+-.^_`|~9", b"Upgrade"])
_lines = st.builds(lambda *parts: b"".join(parts), _names, st.just(b":"), _blanks, _values, _blanks)
_headers = st.lists(_lines, max_size=3)
_long_lines = st.sampled_from([30_000, 200_000]).map(lambda size: b"X-Long: " + b"a" * size)
_persistence = _mostly(
    (), (b"Connection: close",), (b"connection:Close \t",), (b"Connection: x,close",), (b"Connection: x",)
)
_versions = _mostly(b"HTTP/1.1", b"HTTP/1.0")
_reasons = st.sampled_from([b"", b" ", b" OK", b"  a\tb: c ", b" \xe9\xff"])
_statuses = st.sampled_from([200, 201, 204, 205, 302, 304, 401, 404, 500, 599, 600, 999])
_bodies = st.binary(max_size=40) | st.binary(max_size=40) | st.sampled_from([b"\r\n\r\n", b"HTTP/1.1 ", b"x" * 150_000])


@st.composite
def _status_lines(draw: st.DrawFn, statuses: st.SearchStrategy[int]) -> bytes:
    return b"%s %03d%s" % (draw(_versions), draw(statuses), draw(_reasons))


_interim = st.builds(
    lambda line, headers, persistence: head(line, *headers, *persistence),
    _status_lines(st.sampled_from([100, 102, 103])),
    _headers,
    _persistence,
)
_interims = st.just(b"") | st.lists(_interim, max_size=2).map(b"".join)


@st.composite
def _chunked(draw: st.DrawFn, body: bytes) -> Framing:
    """The body in chunks of any size, with extensions and trailers."""
    size = len(body) // draw(st.integers(1, 9)) + 1
    extension = draw(st.sampled_from([b"", b";a", b";a=b", b';a="b;c"']))
    spelled = draw(st.sampled_from([b"%x", b"%X", b"%08x"]))
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    coded = b"".join(spelled % len(chunk) + extension + b"\r\n" + chunk + b"\r\n" for chunk in chunks)
    trailers = b"".join(line + b"\r\n" for line in draw(_headers))
    name = draw(st.sampled_from([b"Transfer-Encoding: chunked", b"transfer-encoding:CHUNKED "]))
    return Framing((name,), coded + b"0" + extension + b"\r\n" + trailers + b"\r\n")


@st.composite
def _framings(draw: st.DrawFn) -> Framing:
    body = draw(_bodies)
    kind = draw(st.sampled_from(["length", "chunked", "close"]))
    if kind == "chunked":
        return draw(_chunked(body))
    if kind == "close":
        return Framing((), body, ends_itself=False)
    return Framing(
        (draw(st.sampled_from([b"Content-Length: %d", b"CONTENT-LENGTH:%d\t", b"Content-Length: 0%d"])) % len(body),),
        body,
    )


@st.composite
def _pieces(draw: st.DrawFn, said: bytes) -> tuple[bytes, ...]:
    """The same bytes, cut anywhere."""
    cuts = sorted(draw(st.sets(st.integers(0, len(said)), max_size=8)))
    return tuple(said[start:end] for start, end in zip([0, *cuts], [*cuts, len(said)], strict=True) if start < end)


_surplus = _mostly(b"", PLAIN.said, PLAIN.said[:20], b"H", b"0", b"\x00\xff", b"GET / HTTP/1.1\r\n\r\n")


_endings: st.SearchStrategy[Ending] = _mostly("stays", "closes", "resets")
_ends: st.SearchStrategy[Ending] = _mostly("closes", "resets")


@st.composite
def answers(draw: st.DrawFn) -> Turn:
    """An answer as it should be, perhaps with something behind it that nobody asked for."""
    request, status = draw(st.sampled_from([GET, GET, POST, HEAD])), draw(_statuses)
    framing, has_body = draw(_framings()), request != HEAD and status not in BODILESS
    lines = draw(st.permutations([*draw(_headers), *draw(_persistence), *framing.lines]))
    top = head(draw(_status_lines(st.just(status))), *lines)
    said = draw(_interims) + top + (framing.coded if has_body else b"") + draw(_surplus)
    ends_itself = framing.ends_itself or not has_body
    return Turn(request, draw(_pieces(said)), draw(_endings if ends_itself else _ends))


@st.composite
def long_heads(draw: st.DrawFn) -> Turn:
    """An answer with a header that is long, or too long."""
    top = head(b"HTTP/1.1 200 OK", *draw(_headers), draw(_long_lines), b"Content-Length: 1")
    return Turn(GET, draw(_pieces(draw(_interims) + top + b"x")))


@st.composite
def torn(draw: st.DrawFn) -> Turn:
    """An answer that breaks off anywhere, before its first byte too, and more often towards its end."""
    whole = draw(answers())
    missing = min(draw(st.integers(1, 20) | st.integers(1, len(whole.said))), len(whole.said))
    pieces = draw(_pieces(whole.said[:-missing]))
    return Turn(whole.request, pieces, draw(_ends))


_BAD_STATUS_LINES = [
    b"SSH-2.0-server",
    b"http/1.1 200 OK",
    b"HTTP/1.1  200 OK",
    b"HTTP/1.1 20 OK",
    b"HTTP/1.1 2000 OK",
    b"HTTP/1.1 2x0 OK",
    b"HTTP/1.1 -20 OK",
    b"HTTP/1.1 099 OK",
    b"HTTP/1.1 101 Switching Protocols",
    b"HTTP/x.1 200 OK",
    b"GET / HTTP/1.1",
    b"HTTP/1.1 200 O\rK",
]
_BAD_LINES = [
    b"X : spaced",
    b": nameless",
    b"no colon",
    b"X(: name",
    b"X\xe9: name",
    b"X: nul\x00",
    b"X: vertical\x0btab",
    b"X: lone\rCR",
    b"Content-Length: -1",
    b"Content-Length: +1",
    b"Content-Length:",
    b"Content-Length: many",
    b"Content-Length: 1 1",
    b"Content-Length: 0x1",
    b"Content-Length: 1,",
    b"Content-Length: 1, 2",
    b"Content-Length: 2",
    b"Content-Length: " + b"9" * 21,
    b"Transfer-Encoding: gzip",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked, gzip",
    b"Transfer-Encoding: identity",
]
_BAD_CHUNKS = [
    b"xyz\r\nabc\r\n0\r\n\r\n",
    b"-3\r\nabc\r\n0\r\n\r\n",
    b"+3\r\nabc\r\n0\r\n\r\n",
    b"0x3\r\nabc\r\n0\r\n\r\n",
    b" 3\r\nabc\r\n0\r\n\r\n",
    b"\r\nabc\r\n0\r\n\r\n",
    b"3\r\nabcd\r\n0\r\n\r\n",
    b"3\r\nabc0\r\n\r\n",
    b"f" * 21 + b"\r\nabc\r\n0\r\n\r\n",
    b"3\r\nabc\r\n0\r\nno colon\r\n\r\n",
    b"3\r\nabc\r\n0\r\nX(: name\r\n\r\n",
]
MALFORMED = [
    *(head(line, b"Content-Length: 1") + b"x" for line in _BAD_STATUS_LINES),
    *(head(b"HTTP/1.1 200 OK", line, b"Content-Length: 1") + b"x" for line in _BAD_LINES),
    *(head(b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked") + chunks for chunks in _BAD_CHUNKS),
    head(b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    head(b"HTTP/1.1 200 OK", b" X: folded onto nothing", b"Content-Length: 1") + b"x",
]


@st.composite
def faults(draw: st.DrawFn) -> Turn:
    """An answer that is none. It is sent whole: h11 judges a head when it has all of it, not before."""
    said = draw(_interims) + draw(st.sampled_from(MALFORMED))
    return Turn(draw(st.sampled_from([GET, POST])), draw(_pieces(said)), draw(st.sampled_from(["stays", "closes"])))


turns = st.one_of(answers(), answers(), answers(), torn(), torn(), faults(), long_heads())
