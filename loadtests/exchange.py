"""One request, what came back, and how both are written down."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from loadtests.record import Row, Sample, StepName


@dataclass(slots=True)
class Response:
    """What came back. `status` 0: nothing did, and `failure` says why: timeout, refused, reset or protocol.

    Nobody changes it; that it is not frozen makes it cheaper to make.
    """

    status: int
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names in lower case; every value of a repeated header, in order."""
    body: bytes = b""
    bytes_down: int = 0
    failure: str = ""
    received_ns: int = field(default=0, compare=False)
    """When its last byte was here, CLOCK_MONOTONIC, before it was parsed; 0: nobody looked."""

    def header(self, name: str) -> str:
        """The first value of a header, "" when it is absent."""
        return self.headers.get(name, ("",))[0]

    @property
    def reason(self) -> str:
        """Why the request failed, as a record counts it: the problem document's reason, else the status in words."""
        if self.failure or self.status < 400:  # noqa: PLR2004 - HTTP's first error status
            return self.failure
        try:
            return str(json.loads(self.body)["reason"])
        except (ValueError, KeyError, TypeError):
            return f"http-{self.status}"


@dataclass(frozen=True, slots=True)
class Call:
    """One request to be sent: its step and its bytes, prepared."""

    step: StepName
    request: bytes
    had_valid_credential: bool


Instants = tuple[int, int, int]
"""When a call was intended, sent and done, in ns of CLOCK_MONOTONIC."""


def row(visitor: int, call: Call, response: Response, instants_ns: Instants) -> Row:
    """One call and what came of it, as a tape takes it."""
    return (
        visitor,
        call.step,
        *instants_ns,
        response.status,
        response.reason,
        response.header("x-replica"),
        call.had_valid_credential,
        len(call.request),
        response.bytes_down,
    )


def sampled(visitor: int, call: Call, response: Response, instants_ns: Instants) -> Sample:
    """One call and what came of it, as it is written down."""
    return Sample(*row(visitor, call, response, instants_ns))
