"""Stands in for a generator that is not installed: it reads the profile a few times and reports as the real one does.

As `k6` it follows its LOAD_* environment, else the arguments of `wrk`; LOAD_FAILURE makes it end badly.
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from urllib.request import Request, urlopen

READS = 40


def main(argv: list[str]) -> int:
    """The exit code."""
    if "LOAD_FAILURE" in os.environ:
        sys.stdout.write("out of tokens\n")
        return 107
    return _k6() if Path(argv[0]).name == "k6" else _wrk(argv)


def _k6() -> int:
    logins = json.loads(Path(os.environ["LOAD_LOGINS"]).read_text(encoding="utf-8"))
    seconds = float(os.environ["LOAD_SECONDS"])
    failed = _read(f"{os.environ['LOAD_URL']}/profile", logins[-1], seconds)
    metrics = {
        "http_req_duration": {"values": {"med": 0.25, "p(99)": 1.5}},
        "http_req_failed": {"values": {"passes": failed}},
    }
    Path(os.environ["LOAD_REPORT"]).write_text(json.dumps(metrics), encoding="utf-8")
    return 0


def _wrk(argv: list[str]) -> int:
    said = [word for before, word in pairwise(argv) if before == "--header"]
    headers = dict(word.split(": ", 1) for word in said)
    _read(argv[-1], headers, float(argv[argv.index("--duration") + 1].removesuffix("s")))
    sys.stdout.write(f"Running 1s test @ {argv[-1]}\n  40 requests in 1.00s\n  Non-2xx or 3xx responses: 2\n")
    return 0


def _read(url: str, headers: Mapping[str, str], seconds: float) -> int:
    """How many were refused."""
    refused = 0
    for _ in range(READS):
        with urlopen(Request(url, headers=dict(headers))) as answer:  # noqa: S310 - our own server
            refused += answer.status != 200
        time.sleep(seconds / READS)
    return refused


if __name__ == "__main__":
    sys.exit(main(sys.argv))
