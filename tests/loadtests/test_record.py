"""Records: what was written is read back, broken files are read as far as they go, foreign ones are named."""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.plan import CellPlan
from loadtests.record import (
    FORMAT,
    VERSION,
    Counts,
    Event,
    Footer,
    Header,
    Record,
    RecordError,
    Resource,
    Sample,
    Span,
    read,
    write,
)

CELL = CellPlan(
    arm="none-bearer-1",
    scheme="none",
    carrier="bearer",
    replicas=1,
    balancing="roundrobin",
    journey="steady",
    visitors=80,
    purpose="cpu",
    rate_rps=40.0,
    seconds=5,
    pinned=True,
)


def _sample(number: int) -> Sample:
    return Sample(
        visitor=number,
        step="read",
        intended_ns=number * 25_000_000,
        sent_ns=number * 25_000_000 + 41_055,
        done_ns=number * 25_000_000 + 1_082_732,
        status=200,
        reason="",
        replica="api-1",
        had_valid_credential=True,
        bytes_up=214,
        bytes_down=331,
    )


RECORD = Record(
    header=Header(CELL, 0, ("none-bearer-1", "jwt-hs256-bearer-1"), {"cpus": 2, "python": "3.11"}),
    samples=tuple(_sample(number) for number in range(40)),
    resources=(Resource(1, "replicas/api-1", 1_000, 50_000_000), Resource(9, "replicas/api-1", 9_000, 50_000_000)),
    events=(Event(0, "slice-start", "none-bearer-1"), Event(10, "slice-end", "none-bearer-1")),
    footer=Footer(
        Counts(40, 40, 40, None),
        "VALID",
        ("a reason",),
        disturbed=False,
        idle_cpu_ns_per_s={"haproxy": 0.9},
        store_commands={"redis": {"getex": 40}},
        generator_cpu_ratio=0.2,
        loop_lag_ns=7,
        lateness_p99_ms=0.25,
        timer="timerfd",
        spans={"replicas/verify": Span(40, 90_000, 40)},
    ),
)
TEXT = st.text(max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(TEXT, children, max_size=3),
    max_leaves=5,
)
REAL = st.floats(allow_nan=False)
HEADERS = st.builds(
    Header,
    cell=st.builds(CellPlan, rate_rps=REAL),
    company=st.lists(TEXT, max_size=3).map(tuple),
    environment=st.dictionaries(TEXT, JSON, max_size=3),
)
FOOTERS = st.builds(
    Footer,
    reasons=st.lists(TEXT, max_size=2).map(tuple),
    idle_cpu_ns_per_s=st.dictionaries(TEXT, REAL, max_size=2),
    store_commands=st.dictionaries(TEXT, st.dictionaries(TEXT, st.integers(), max_size=2), max_size=2),
    generator_cpu_ratio=st.none() | REAL,
    workers=st.integers(1, 24),
    clock_uncertainty_ns=st.none() | st.integers(0),
    spans=st.dictionaries(TEXT, st.from_type(Span), max_size=2),
)
RECORDS = st.builds(
    Record,
    header=HEADERS,
    samples=st.lists(st.from_type(Sample), max_size=3).map(tuple),
    resources=st.lists(st.from_type(Resource), max_size=3).map(tuple),
    events=st.lists(st.from_type(Event), max_size=3).map(tuple),
    footer=st.none() | FOOTERS,
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of RECORD's file."""
    path = tmp_path_factory.mktemp("records") / "whole.jsonl.gz"
    write(path, RECORD)
    return path.read_bytes()


@given(RECORDS)
@settings(max_examples=50)
def test_a_record_survives_its_file(record: Record) -> None:
    """What is read equals what was written, value by value."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a new folder" / "cell.jsonl.gz"
        write(path, record)
        assert read(path) == record


def _cut(whole: bytes, length: int, folder: Path) -> Record | None:
    """What the first `length` bytes are read as, None where not even the header is whole."""
    path = folder / "cut.jsonl.gz"
    path.write_bytes(whole[:length])
    try:
        return read(path)
    except RecordError:
        return None


def test_a_truncated_record_is_read_as_far_as_it_goes(whole: bytes, tmp_path: Path) -> None:
    """Cut at any byte, a record is a prefix of itself; the footer is only there when everything before it is."""
    seen = 0
    for length in range(len(whole)):
        record = _cut(whole, length, tmp_path)
        if record is None:
            assert seen == 0
            continue
        read_so_far = (*record.samples, *record.resources, *record.events)
        everything = (*RECORD.samples, *RECORD.resources, *RECORD.events)
        assert record.header == RECORD.header
        assert read_so_far == everything[: len(read_so_far)]
        assert record.footer is None or (record.footer == RECORD.footer and read_so_far == everything)
        assert len(read_so_far) >= seen
        seen = len(read_so_far)
    assert seen == len(RECORD.samples) + len(RECORD.resources) + len(RECORD.events)


def test_a_lost_tail_is_a_lost_footer(whole: bytes, tmp_path: Path) -> None:
    """A file that lacks more than gzip's own checksum and length (8 bytes) and the end of the footer has none."""
    record = _cut(whole, len(whole) // 2, tmp_path)
    assert record is not None
    assert record.footer is None


def test_a_line_without_its_end_is_not_a_line(whole: bytes, tmp_path: Path) -> None:
    """A whole stream whose last line was never finished is read up to the line before."""
    path = tmp_path / "unfinished.jsonl.gz"
    path.write_bytes(gzip.compress(gzip.decompress(whole)[:-1]))
    assert read(path) == replace(RECORD, footer=None)


def _lines(*values: object) -> bytes:
    return gzip.compress("".join(json.dumps(value) + "\n" for value in values).encode())


def _head(whole: bytes) -> dict[str, Any]:
    head: dict[str, Any] = json.loads(gzip.decompress(whole).split(b"\n")[0])
    return head


def _strangers(head: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    yield "Not a gzipped file", b"hello, world"
    yield "no header", b""
    yield "no header", _lines([1, 2])
    yield "no header", _lines({"format": "another"})
    yield "version 2", _lines({**head, "version": 2})
    yield "other fields ('version')", _lines({"format": FORMAT})
    yield "other fields ('cell')", _lines({"format": FORMAT, "version": VERSION})
    yield "other fields (", _lines({**head, "cell": {"scheme": "none"}})
    yield "Expecting value", gzip.compress(json.dumps(head).encode() + b"\nnot json\n")
    yield "'utf-8' codec can't decode", gzip.compress(json.dumps(head).encode() + b"\n\xff\xfe\n")
    yield "a line starting \"['x', 1]\"", _lines(head, ["x", 1])
    yield "a line starting '7'", _lines(head, 7)
    yield "other fields (", _lines(head, ["s", 1, 2])
    yield "other fields ('counts')", _lines(head, {"footer": {}})
    yield "other fields (", _lines(head, {"footer": []})
    yield "CRC check failed", _lines(head)[:-8] + bytes(8)


def test_what_is_no_record_is_refused_in_one_line(whole: bytes, tmp_path: Path) -> None:
    """A foreign, newer or damaged file raises RecordError: one line with the path, found, expected and what to do."""
    path = tmp_path / "stranger.jsonl.gz"
    for found, content in _strangers(_head(whole)):
        path.write_bytes(content)
        with pytest.raises(RecordError, match=re.escape(f"{path}: found {found}")) as refused:
            read(path)
        assert "\n" not in str(refused.value)
        assert f"expected an {FORMAT} of version {VERSION}; read it with" in str(refused.value)


def test_a_damaged_stream_never_passes_as_whole(whole: bytes, tmp_path: Path) -> None:
    """With any one byte of the compressed lines flipped, a record is refused, unharmed, or without its last lines."""
    path = tmp_path / "damaged.jsonl.gz"
    for place in range(30, len(whole) - 8, 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            record = read(path)
        except RecordError:
            continue
        assert record == RECORD or record.footer is None


def test_a_missing_record_is_an_os_error(tmp_path: Path) -> None:
    """A file that is not there is the caller's to explain."""
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "absent.jsonl.gz")


def test_a_failing_write_leaves_the_old_record(tmp_path: Path) -> None:
    """When a record cannot be written, what stood there still does, and no half of the new one is left beside it."""
    path = tmp_path / "cell.jsonl.gz"
    write(path, RECORD)
    unwritable = replace(RECORD, header=replace(RECORD.header, environment={"an": object()}))
    with pytest.raises(TypeError):
        write(path, unwritable)
    assert read(path) == RECORD
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_record() -> None:
    """An OSError on the way names the fault; a device that is always full stands in for the disk."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "cell.jsonl.gz"
        write(path, RECORD)
        path.with_name(path.name + ".part").symlink_to("/dev/full")
        with pytest.raises(OSError, match="No space left"):
            write(path, RECORD)
        assert read(path) == RECORD
        assert list(Path(folder).iterdir()) == [path]


def test_a_write_replaces_the_old_record(tmp_path: Path) -> None:
    """A second write is what is read, and the only file there."""
    path = tmp_path / "cell.jsonl.gz"
    write(path, RECORD)
    write(path, replace(RECORD, samples=()))
    assert read(path).samples == ()
    assert list(tmp_path.iterdir()) == [path]


def test_a_footer_of_before_workers_tells_of_one_process(tmp_path: Path) -> None:
    """Records written when nothing could be distributed are read as what they were."""
    write(tmp_path / "new", RECORD)
    *lines, last = gzip.decompress((tmp_path / "new").read_bytes()).decode().splitlines()
    footer = json.loads(last)
    del footer["footer"]["workers"], footer["footer"]["clock_uncertainty_ns"]
    with gzip.open(tmp_path / "old", "wt", encoding="utf-8") as file:
        file.write("\n".join([*lines, json.dumps(footer), ""]))
    assert read(tmp_path / "old") == RECORD


def test_a_cell_that_knows_nothing_of_connections_kept_them(tmp_path: Path) -> None:
    """A record of before visitors could reconnect is read as one in which none did."""
    write(tmp_path / "new", RECORD)
    first, *lines = gzip.decompress((tmp_path / "new").read_bytes()).decode().splitlines()
    header = json.loads(first)
    del header["cell"]["reconnects"], header["cell"]["is_twin"]
    with gzip.open(tmp_path / "old", "wt", encoding="utf-8") as file:
        file.write("\n".join([json.dumps(header), *lines, ""]))
    assert read(tmp_path / "old") == RECORD


def test_every_field_is_documented() -> None:
    """docs/record.md describes the format's version and every field of every value, in the order it is written."""
    text = (Path(__file__).parents[2] / "docs" / "record.md").read_text(encoding="utf-8")
    assert f"version {VERSION}" in text
    sections = dict(re.findall(r"^## (\w+)[^\n]*\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    for value in (Header, CellPlan, Sample, Resource, Event, Footer, Span, Counts):
        documented = re.findall(r"^\| `(\w+)` \|", sections[value.__name__], re.MULTILINE)
        assert documented == [field.name for field in fields(value)]
