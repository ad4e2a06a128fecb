"""What a login makes a client carry, in bytes as they are sent and received, and how long a header line may be."""

from collections import defaultdict
from dataclasses import dataclass, replace

from bench.measure.client import connect
from bench.measure.laboratory import ArmBench
from bench.measure.proof import OK
from loadtests.assignment import USERNAME, Target
from loadtests.exchange import Response
from loadtests.record import StepName
from loadtests.visitor import Visitor
from services.contract import Carrier
from services.tokens import PERMISSIONS, permission

HOST = "api.example"
"""What a client calls the service: the same length wherever it listens."""
PIECE_BYTES = 65_536
TOKEN_PARTS = 3
LINE = "Authorization: Bearer "
LONGEST_LINE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Weighed:
    """One login with `claims` and one read after it. `status` and `reason`: of the login, or of a read that failed.

    `up_bytes`, `down_bytes`: of the read, 0 where there was none. `credential_chars` is what the client carries,
    `payload_bytes` what a token says before it is encoded, 0 where the client carries no token.
    """

    scheme: str
    carrier: Carrier
    claims: int
    status: int
    reason: str
    login_bytes: int
    up_bytes: int = 0
    down_bytes: int = 0
    credential_chars: int = 0
    payload_bytes: int = 0

    @property
    def is_accepted(self) -> bool:
        """Whether the client is logged in and can read."""
        return self.status == OK


def weigh(bench: ArmBench, scheme: str, carrier: Carrier, claims: int) -> Weighed:
    """Log in and read once through the load balancer."""
    plan = replace(bench.plan, scheme=scheme, carrier=carrier)
    visitor = Visitor(0, plan, HOST, USERNAME.format(0), bench.password)
    _, login = _take(bench.address, visitor, "login")
    found = Weighed(scheme, carrier, claims, login.status, login.reason, login.bytes_down)
    if login.status != OK:
        return found
    request, answer = _take(bench.address, visitor, "read")
    return replace(
        found,
        status=answer.status,
        reason=answer.reason,
        up_bytes=len(request),
        down_bytes=answer.bytes_down,
        credential_chars=len(visitor.credential),
        payload_bytes=payload_bytes(visitor.credential),
    )


def _take(target: Target, visitor: Visitor, step: StepName) -> tuple[bytes, Response]:
    request = visitor.call(step).request
    response = send(target, request)
    visitor.adopt(step, response)
    return request, response


def payload_bytes(credential: str) -> int:
    """What a signed token says, before it was encoded; 0 for a credential that is none."""
    parts = credential.split(".")
    return len(parts[1]) * 3 // 4 if len(parts) == TOKEN_PARTS else 0


def encoded_chars(plain_bytes: int) -> int:
    """How long base64url without padding makes it: ceil(4 n / 3)."""
    return (4 * plain_bytes + 2) // 3


def claims_bytes(claims: int) -> int:
    """What so many claims add to a payload that has others: an array of equal names, as JSON without spaces."""
    array, name = f',"{PERMISSIONS}":[]', f'"{permission(0)}",'
    return len(array) + claims * len(name) - len(",") if claims else 0


def grown_chars(payload: int, claims: int) -> int:
    """How much longer a token of `payload` bytes gets by so many claims."""
    return encoded_chars(payload + claims_bytes(claims)) - encoded_chars(payload)


def most_claims(payload: int, room_chars: int, most: int) -> int:
    """As many claims as make a token of `payload` bytes at most `room_chars` longer; at most `most`."""
    return next(claims for claims in range(most, -1, -1) if grown_chars(payload, claims) <= room_chars)


def send(target: Target, request: bytes) -> Response:
    """The answer with every byte of it counted; status 0 where there is none."""
    try:
        return _parsed(_exchanged(target, request))
    except OSError as error:
        return Response(0, failure=str(error))


def _exchanged(target: Target, request: bytes) -> bytes:
    with connect(target) as connection:
        connection.sendall(request)
        received = b""
        while not _is_whole(received) and (piece := connection.recv(PIECE_BYTES)):
            received += piece
    return received


def _parsed(received: bytes) -> Response:
    if not _is_whole(received):
        return Response(0, bytes_down=len(received), failure="the connection was closed before the answer was whole")
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for name, _, value in (line.partition(":") for line in lines):
        headers[name.lower()] += (value.strip(),)
    return Response(int(first.split()[1]), dict(headers), body, len(received))


def _is_whole(received: bytes) -> bool:
    head, blank, body = received.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return bool(blank and lengths) and len(body) >= int(lengths[0])


@dataclass(frozen=True, slots=True)
class LongestLine:
    """The longest header line, in bytes without the line break, and what is answered to a longer one."""

    most_bytes: int
    status: int


def longest_line(target: Target, path: str, passed: frozenset[int] = frozenset({OK})) -> LongestLine:
    """Found by sending: bisect between a line that is surely answered as one of `passed` and one that is surely not."""
    passing, refused, status = len(LINE), LONGEST_LINE_BYTES, 0
    while refused - passing > 1:
        middle = (passing + refused) // 2
        found = _status(target, path, middle)
        if found in passed:
            passing = middle
        else:
            refused, status = middle, found
    return LongestLine(passing, status)


def _status(target: Target, path: str, line_bytes: int) -> int:
    """What a line of so many bytes is answered; 0 where the connection is closed on it without an answer."""
    line = LINE + "x" * (line_bytes - len(LINE))
    request = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{line}\r\nConnection: close\r\n\r\n"
    return send(target, request.encode()).status
