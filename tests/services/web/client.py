"""A browser, or an API client, as a test sees it: it carries what it was given and remembers every answer."""

import http.client
import json
import select
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import falcon
from falcon import testing

HOST = "app.test"
TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, byte for byte."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        """The body."""
        document: dict[str, object] = json.loads(self.body)
        return document

    @property
    def reason(self) -> object:
        """Why it was refused."""
        return self.json["reason"]

    @property
    def cookie_lines(self) -> tuple[str, ...]:
        """The Set-Cookie lines."""
        return tuple(value for name, value in self.headers if name.lower() == "set-cookie")

    def header(self, wanted: str) -> str:
        """The header `wanted`, "" without one."""
        return next((value for name, value in self.headers if name.lower() == wanted.lower()), "")


Send = Callable[[str, str, Mapping[str, str], bytes], Answer]
"""Method, path, headers, body."""


def in_process(app: falcon.App[falcon.Request, falcon.Response]) -> Send:
    """Straight into a WSGI application."""

    def send(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        route, _, query = path.partition("?")
        environ = testing.create_environ(
            route, query, "1.1", headers=dict(headers), host=HOST, body=body.decode(), method=method
        )
        started = testing.StartResponseMock()
        content = b"".join(app(environ, started))
        return Answer(int(str(started.status)[:3]), tuple(started.headers or ()), content)

    return send


class _Connection(http.client.HTTPConnection):
    """One that closes when its last user is gone."""

    def __del__(self) -> None:
        self.close()


def over_tcp(port: int) -> Send:
    """To a server on 127.0.0.1, on a connection that each thread keeps."""
    kept = threading.local()

    def send(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        connection = getattr(kept, "connection", None)
        if connection is not None and select.select([connection.sock], [], [], 0)[0]:  # the server hung up
            connection.close()
            connection = None
        connection = connection or _Connection("127.0.0.1", port, timeout=TIMEOUT_S)
        kept.connection = None
        try:
            connection.request(method, path, body or None, {"Host": HOST, **headers})
            response = connection.getresponse()
            answer = Answer(response.status, tuple(response.getheaders()), response.read())
        except BaseException:
            connection.close()
            raise
        kept.connection = connection if connection.sock is not None else None
        return answer

    return send


@dataclass(slots=True)
class Client:
    """One user agent at one mount. `cookies` and `tokens` are what it holds; a test may tamper with them."""

    send: Send
    scheme: str
    carrier: str
    cookies: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)

    @property
    def credential(self) -> str:
        """What it proves itself with."""
        return self.cookies.get("__Host-session", "") if self.carrier == "cookie" else self.tokens.get("access", "")

    @credential.setter
    def credential(self, value: str) -> None:
        if self.carrier == "cookie":
            self.cookies["__Host-session"] = value
        else:
            self.tokens["access"] = value

    @property
    def refresh_credential(self) -> str:
        """What it refreshes with."""
        return self.cookies.get("__Host-refresh", "") if self.carrier == "cookie" else self.tokens.get("refresh", "")

    @refresh_credential.setter
    def refresh_credential(self, value: str) -> None:
        if self.carrier == "cookie":
            self.cookies["__Host-refresh"] = value
        else:
            self.tokens["refresh"] = value

    def twin(self) -> "Client":
        """Another client holding the same: a second tab, or a thief."""
        return Client(self.send, self.scheme, self.carrier, dict(self.cookies), dict(self.tokens))

    def log_in(self, name: str, password: str) -> Answer:
        """POST /login."""
        return self.post("login", {"username": name, "password": password})

    def refresh(self) -> Answer:
        """POST /refresh."""
        return self.post("refresh", self._refresh_fields())

    def log_out(self) -> Answer:
        """POST /logout."""
        return self.post("logout", self._refresh_fields())

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """GET `path` of the mount."""
        return self.request("GET", path, {**self._carried(), **(headers or {})}, b"")

    def post(self, path: str, fields: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """POST `fields` as JSON, or nothing for None, with the CSRF header a page would add."""
        body = b"" if fields is None else json.dumps(fields).encode()
        kind = {"Content-Type": "application/json"} if body else {}
        csrf = {"X-CSRF-Token": self.cookies["__Host-csrf"]} if "__Host-csrf" in self.cookies else {}
        return self.request("POST", path, {**kind, **csrf, **self._carried(), **(headers or {})}, body)

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send exactly this, and keep what the answer hands over."""
        answer = self.send(method, f"/{self.scheme}/{self.carrier}/{path}", headers, body)
        self.answers.append(answer)
        self._keep(answer)
        return answer

    def _refresh_fields(self) -> object:
        token = self.refresh_credential if self.carrier == "bearer" else ""
        return {"refresh_token": token} if token else None

    def _carried(self) -> dict[str, str]:
        if self.carrier == "cookie":
            line = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            return {"Cookie": line} if line else {}
        return {"Authorization": f"Bearer {self.credential}"} if self.credential else {}

    def _keep(self, answer: Answer) -> None:
        for line in answer.cookie_lines:
            name, _, value = line.partition(";")[0].partition("=")
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        if answer.header("X-New-Token"):
            self.credential = answer.header("X-New-Token")
        if self.carrier == "bearer" and b'"token_type"' in answer.body:
            given = {"access": answer.json.get("access_token"), "refresh": answer.json.get("refresh_token")}
            self.tokens.update({name: str(value) for name, value in given.items() if value})
