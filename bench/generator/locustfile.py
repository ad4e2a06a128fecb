"""What Locust opens: the journey as an ordinary user of FastHttpUser would write it, with a listener for raw times."""

import json
import os
import time
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import gevent
from locust import FastHttpUser, constant_throughput, events, task

from loadtests.journeys import MIXES

PATH = os.environ["LOAD_PATH"]
RATE_RPS = float(os.environ["LOAD_RATE"])
VISITORS = int(os.environ["LOAD_VISITORS"])
LEAD_S = float(os.environ["LOAD_LEAD_S"])
LOGIN = {"username": "user-000000", "password": "nobody checks it"}
NOTE = {"text": "a note of some twenty chars"}
WEIGHTS = {step.__name__: weight for step, weight in MIXES["browse"].items()}
NS_PER_S = 1_000_000_000

_response_ms: list[float] = []
_failed: list[str] = []


class Visitor(FastHttpUser):  # type: ignore[misc] # locust ships no types
    """Logs in, waits for its place on the grid, then reads, writes and changes its login in the mix of `browse`."""

    wait_time = constant_throughput(RATE_RPS / VISITORS)
    numbers: ClassVar["count[int]"] = count()
    started_ns: ClassVar[int] = 0

    def on_start(self) -> None:
        """Visitor n begins n / rate after the lead, so that no burst is of the start's making."""
        self.headers: dict[str, str] = {}
        self.log_in()
        begin_ns = self.started_ns + int((LEAD_S + next(self.numbers) / RATE_RPS) * NS_PER_S)
        gevent.sleep(max(0, begin_ns - time.monotonic_ns()) / NS_PER_S)
        self.wait_time()  # sets the pace: Locust would not wait at all between the first task and the second

    @task(WEIGHTS["read"])  # type: ignore[untyped-decorator] # locust ships no types
    def read(self) -> None:
        """The hot read."""
        self.client.get(f"{PATH}/profile", headers=self.headers)

    @task(WEIGHTS["write"])  # type: ignore[untyped-decorator] # locust ships no types
    def write(self) -> None:
        """A note."""
        self.client.post(f"{PATH}/notes", json=NOTE, headers=self.headers)

    @task(WEIGHTS["change_login"])  # type: ignore[untyped-decorator] # locust ships no types
    def change_login(self) -> None:
        """Out and in again."""
        self.client.post(f"{PATH}/logout", json={}, headers=self.headers)
        self.log_in()

    def log_in(self) -> None:
        """The client's jar holds Secure cookies back over plain http, so they are a header, as a token is."""
        granted = self.client.post(f"{PATH}/login", json=LOGIN).json()
        cookies = {cookie.name: cookie.value for cookie in self.client.cookiejar}
        if "access_token" in granted:
            self.headers = {"Authorization": f"Bearer {granted['access_token']}"}
        else:
            sent = "; ".join(f"{name}={value}" for name, value in cookies.items())
            self.headers = {"Cookie": sent, "X-CSRF-Token": cookies["__Host-csrf"]}


@events.test_start.add_listener  # type: ignore[untyped-decorator] # locust ships no types
def _begin(**_: Any) -> None:  # noqa: ANN401 - Locust's events name what they tell
    Visitor.started_ns = time.monotonic_ns()


@events.request.add_listener  # type: ignore[untyped-decorator] # locust ships no types
def _keep(name: str, response_time: float, exception: object, **_: Any) -> None:  # noqa: ANN401 - as above
    _response_ms.append(response_time)
    if exception:
        _failed.append(name)


@events.quitting.add_listener  # type: ignore[untyped-decorator] # locust ships no types
def _report(**_: Any) -> None:  # noqa: ANN401 - as above
    # the first logins are no part of the load
    told = {"response_ms": _response_ms[VISITORS:], "failed": len(_failed)}
    Path(os.environ["LOAD_REPORT"]).write_text(json.dumps(told), encoding="utf-8")
