"""Nothing a client sends is a failure of ours: whatever it is, at every endpoint of every mount, it is below 500."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress

import pytest

from services.catalogue import SCHEMES
from services.endpoints import ENDPOINTS
from services.seed import ADMIN
from tests.fleet import Fleet
from tests.services.web.client import HOST, TIMEOUT_S, Client
from tests.services.web.mounts import BFF, GUARDED, MOUNTS, Mount, under

JSON = {"Content-Type": "application/json"}
KB = 1024
POSTS = [path for path, endpoint in ENDPOINTS.items() if hasattr(endpoint, "on_post")]
FIELDS = ("username", "password", "new_password", "text", "refresh_token")
VALUES: list[object] = [
    *("", "\0", "a\0b", "\ud800", "\udfff\ud800", "x" * 5000, "\u202e", "💥" * 500, "' OR 1=1 --", "${jndi:ldap://x}"),
    *(None, True, 0, -1, 1e308, 10**400, [], {}, [[]], {"a": "b"}),
]
BODIES: Mapping[str, bytes] = {
    "broken": b"{",
    "no object": b"[]",
    "text": b'"a"',
    "number": b"1e999",
    "endless number": b"1" * 5000,
    "not a number": b'{"text": NaN}',
    "deep": b"[" * 8000,
    "deep object": b'{"a":' * 2500 + b"1" + b"}" * 2500,
    "not UTF-8": b'{"text": "\xff\xfe"}',
    "UTF-16": '{"text": "x"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"text": "x"}',
    "NUL": b"\0" * 100,
    "duplicate names": b'{"text": "a", "text": 1, "username": "a", "username": {}}',
    "prototype": b'{"__proto__": {"role": "admin"}, "constructor": null}',
    "large": b'{"text": "' + b"x" * 20 * KB + b'"}',
    "trailing": b'{"text": "x"} {"text": "y"}',
}
KINDS = ["", "application/json; charset=utf-16", "application/xml", "multipart/form-data", ";", "a" * 4000, "\xff/\xff"]
CREDENTIALS = [
    *("", " ", ".", "..", "...", "a.b.c", "e30.e30.", "e30.e30.e30", "bnVsbA.bnVsbA.bnVsbA", "W10.W10.W10", "=" * 64),
    *("%00", "%FF", "\xff\xfe", "null", "-1", "../../etc/passwd", "'; DROP TABLE users; --", "$(id)", "{}", "a" * 43),
    *("a" * 3500, "." * 3000, "eyJ" * 1000, "session:x", "*", "\\x00", "é" * 43, "eyJhbGciOiJub25lIn0.e30."),
]
HEADERS: list[dict[str, str]] = [
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer  a  b"},
    {"Authorization": "Basic \xff"},
    {"Authorization": "Bearer " + "a" * 4000, "Cookie": "a" * 3000},
    {"Cookie": "__Host-session"},
    {"Cookie": "__Host-session=a; __Host-session=b; __Host-refresh=c; __Host-refresh=d"},
    {"Cookie": '__Host-session="a\\"; __Host-csrf=\xff; =; ;;;'},
    {"Cookie": "; ".join(f"c{number}=x" for number in range(900))},
    {"X-CSRF-Token": "\xff" * 100},
    {"X-CSRF-Token": "a" * 7000},
    {"Origin": "http://[::1"},
    {"Origin": "\xff", "Sec-Fetch-Site": "\xff"},
    {"Accept": "application/nonsense", "Accept-Encoding": "\xff", "Accept-Language": "*" * 3000},
    {"Range": "bytes=5-1", "If-Match": '"x"', "If-Modified-Since": "never"},
    {"Expect": "200-maybe"},
    {"Content-Encoding": "gzip"},
    {"Upgrade": "websocket", "Connection": "Upgrade"},
]
PATHS = [
    "",
    "/",
    "%2e%2e/x",
    "%00",
    "\xff",
    "profile/../../..",
    "profile;a=b",
    "a" * 3000,
    "?" * 100,
    "login%0d%0aX: y",
]
METHODS = ["HEAD", "PUT", "DELETE", "TRACE", "FOO", "POST"]
DEFAULTS = [mount for mount in MOUNTS if mount[1] == SCHEMES[mount[0]].traits.default_carrier]


def check(client: Client, method: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
    """Send it; whatever comes back, it is no failure of ours."""
    answer = client.request(method, path, headers, body)
    assert answer.status < 500, (method, path[:80], headers, body[:80], answer)


def carried(client: Client) -> dict[str, str]:
    """The headers that an honest request of this client has."""
    if client.carrier == "bearer":
        return {"Authorization": f"Bearer {client.credential}", **JSON}
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    return {"Cookie": cookies, "X-CSRF-Token": client.cookies.get("__Host-csrf", ""), **JSON}


def bodies() -> Iterator[bytes]:
    """Broken ones, and objects with every field set to every value nobody expects."""
    yield from BODIES.values()
    for value in VALUES:
        yield json.dumps(dict.fromkeys(FIELDS, value)).encode()


@under(DEFAULTS)
def test_no_body_is_a_failure(fleet: Fleet, mount: Mount) -> None:
    """Every broken body at every endpoint that takes one, by an administrator whose login is good."""
    client = fleet.logged_in(*mount, name=ADMIN)
    for path in POSTS:
        login = client.twin() if path in {"logout", "logout-everywhere", "login", "refresh"} else client
        for body in bodies():
            check(login.twin(), "POST", path, carried(login), body)
        for kind in KINDS:
            check(login.twin(), "POST", path, {**carried(login), "Content-Type": kind}, b'{"text": "x"}')


@under(GUARDED)
def test_no_credential_is_a_failure(fleet: Fleet, mount: Mount) -> None:
    """As credential, as refresh credential and as CSRF token, to read, to write, to renew and to end."""
    genuine = fleet.logged_in(*mount)
    for value in CREDENTIALS:
        client = genuine.twin()
        client.credential = client.refresh_credential = value
        for answer in (
            client.get("profile"),
            client.post("notes", {"text": "x"}),
            client.refresh(),
            client.post("refresh", {"refresh_token": value}, {"X-CSRF-Token": value}),
            client.log_out(),
        ):
            assert answer.status < 500, (value[:80], answer)
    assert genuine.get("profile").status == 200


@under(MOUNTS)
def test_no_header_path_or_method_is_a_failure(fleet: Fleet, mount: Mount) -> None:
    """By somebody whose login is good, so that it is looked at."""
    client = fleet.logged_in(*mount)
    for headers in HEADERS:
        check(client.twin(), "GET", "profile", {**carried(client), **headers}, b"")
        check(client.twin(), "POST", "notes", {**carried(client), **headers}, b'{"text": "x"}')
    for method in METHODS:
        for path in ENDPOINTS:
            if (method, path) not in {("POST", "logout"), ("POST", "logout-everywhere")}:
                check(client.twin(), method, path, carried(client), b"")


GARBAGE: Mapping[str, bytes] = {
    "nothing said": b"\r\n\r\n",
    "binary": bytes(range(256)) * 4,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 200,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET {path}\r\n\r\n",
    "HTTP/1.0": b"GET {path} HTTP/1.0\r\n\r\n",
    "HTTP/9.9": b"GET {path} HTTP/9.9\r\nHost: {host}\r\n\r\n",
    "no host": b"GET {path} HTTP/1.1\r\n\r\n",
    "two hosts": b"GET {path} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "strange host": b"GET {path} HTTP/1.1\r\nHost: \xff@[::\r\n\r\n",
    "absolute form": b"GET http://evil.test{path} HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "authority form": b"CONNECT evil.test:443 HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "asterisk form": b"OPTIONS * HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "raw path": b"GET {path}/\xff\xfe HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "NUL in path": b"GET {path}\0 HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "long path": b"GET {path}/" + b"a" * 64 * KB + b" HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "long header": b"GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Long: " + b"a" * 64 * KB + b"\r\n\r\n",
    "long cookie": b"GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: __Host-session=" + b"a" * 10 * KB + b"\r\n\r\n",
    "many headers": b"GET {path} HTTP/1.1\r\nHost: {host}\r\n" + b"X-A: b\r\n" * 90 + b"\r\n",
    "endless headers": b"GET {path} HTTP/1.1\r\nHost: {host}\r\n" + b"X-A: b\r\n" * 1000 + b"\r\n",
    "header without a colon": b"GET {path} HTTP/1.1\r\nHost: {host}\r\nnonsense\r\n\r\n",
    "header without a name": b"GET {path} HTTP/1.1\r\nHost: {host}\r\n: x\r\n\r\n",
    "NUL in a header": b"GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: __Host-session=a\0b\r\n\r\n",
    "folded header": b"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer\r\n a\r\n\r\n",
    "two credentials": b"GET {path} HTTP/1.1\r\nHost: {host}\r\n" + b"Authorization: Bearer a\r\n" * 2 + b"\r\n",
    "two cookie lines": b"GET {path} HTTP/1.1\r\nHost: {host}\r\n" + b"Cookie: __Host-session=a\r\n" * 2 + b"\r\n",
    "underscores": b"GET {path} HTTP/1.1\r\nHost: {host}\r\nX_Replica: a\r\nHTTP_COOKIE: b\r\n\r\n",
    "negative length": b"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\n",
    "no length": b"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\r\n",
    "length that is no number": b"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0x10\r\n\r\n",
    "endless length": b"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n",
    "two lengths": b"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunks": (
        b"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "chunks": b"POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "broken chunk": b"POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n",
    "unknown coding": b"POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: gzip\r\n\r\n",
    "two codings": b"POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "smuggled": (
        b"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 6\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\nG"
    ),
    "pipelined": b"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n" * 5,
    "pipelined garbage": b"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n\xff\xfe\0garbage\r\n\r\n",
}


@pytest.mark.parametrize("path", ["profile", "notes"])
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
@under([GUARDED[0], *BFF[:1]])
def test_no_garbage_on_the_wire_is_a_failure(fleet: Fleet, mount: Mount, path: str, garbage: bytes) -> None:
    """What is no HTTP, or HTTP as two servers might read it two ways: refused, or answered once and rightly."""
    said = garbage.replace(b"{path}", f"/{'/'.join(mount)}/{path}".encode()).replace(b"{host}", HOST.encode())
    statuses = [
        int(line[9:12]) for line in heard(fleet.arm(mount[0]).port, said).split(b"\r\n") if line[:7] == b"HTTP/1."
    ]
    assert all(status < 500 for status in statuses), statuses
    assert fleet.send(mount[0])("GET", "/healthz", {}, b"").status == 200


def heard(port: int, said: bytes) -> bytes:
    """All that the server answers to `said` before it hangs up, as it does when nothing more can come."""
    answer = b""
    # it may hang up before it has heard all
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection, suppress(ConnectionError):
        connection.sendall(said)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        while received := connection.recv(65536):
            answer += received
    return answer


def test_no_path_is_a_failure(fleet: Fleet) -> None:
    """Under a mount, above it and nowhere; raw, as no client library would send it."""
    for arm, prefix in (
        (fleet.pair, "/jwt-hs256/bearer/"),
        (fleet.single, "/memory-session/cookie/"),
        (fleet.pair, "/"),
    ):
        for path in PATHS:
            for method in ("GET", "POST"):
                line = f"{method} {prefix}{path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
                status = heard(arm.port, line.encode("latin-1"))[9:12]
                assert status[:1] in {b"4", b"2", b""}, (path[:80], status)
