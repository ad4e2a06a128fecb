"""`authbench up` as a user runs it: a process of its own, told to end, and nothing of it afterwards."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from bench.stack.listening import LOOPBACK, free_port

LAST_LINE = "Ctrl-C stops everything"


@dataclass(frozen=True, slots=True)
class House:
    """A stack that is up, and what it said."""

    process: "subprocess.Popen[str]"
    api: str
    sticky: str
    ui: str
    said: str

    def figures(self, path: str) -> dict[str, Any]:
        """What the UI answers in JSON."""
        return dict(json.loads(get(f"{self.ui}{path}")[1]))


@contextmanager
def opened_house(place: Path, *options: str) -> Iterator[House]:
    """A stack of two replicas and twenty users while it is up; its temporary files are in `place`/t."""
    (place / "t").mkdir()
    (place / "t").chmod(0o711)
    ports = {"--port": free_port(), "--sticky-port": free_port(), "--web-port": free_port()}
    words = [str(word) for pair in ports.items() for word in pair]
    started = subprocess.Popen(
        [sys.executable, "-m", "authbench", "up", *words, "--replicas", "2", "--users", "20", *options],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(place / "t")},
    )
    with started:
        try:
            yield House(started, *(f"http://{LOOPBACK}:{port}" for port in ports.values()), _until_ready(started))
        finally:
            if started.poll() is None:
                started.terminate()
            started.communicate(timeout=30)


def _until_ready(started: "subprocess.Popen[str]") -> str:
    said = ""
    assert started.stdout is not None
    for line in started.stdout:
        said += line
        if LAST_LINE in line:
            return said
    return pytest.fail(f"up ended before it was ready: {said}{started.stderr.read() if started.stderr else ''}")


def get(url: str, form: Mapping[str, object] | None = None) -> tuple[int, bytes]:
    """Status and body of a GET, or of a form that is posted."""
    request = Request(url, data=urlencode(form).encode() if form else None)  # noqa: S310 - our own loopback
    try:
        with urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()
