"""Visitors: what they send with the credentials they hold, and what an answer changes of them."""

import json
from collections.abc import Callable

import pytest

from loadtests import visitor as flows
from loadtests.exchange import Call, Response
from loadtests.plan import ArmPlan
from loadtests.record import StepName
from loadtests.visitor import CSRF_COOKIE, REFRESH_COOKIE, SESSION_COOKIE, Flow, Visitor
from services import carriers

LOGIN_COOKIES = (
    f"{SESSION_COOKIE}=s1; Path=/; Secure; SameSite=Lax; HttpOnly",
    f"{REFRESH_COOKIE}=r1; Path=/; Secure; SameSite=Lax; HttpOnly; Max-Age=1209600",
    f"{CSRF_COOKIE}=c1; Path=/; Secure; SameSite=Lax",
)
WITHDRAWN = tuple(f"{name}=; Path=/; Max-Age=0" for name in (SESSION_COOKIE, REFRESH_COOKIE, CSRF_COOKIE))


def _visitor(carrier: str = "bearer") -> Visitor:
    arm = ArmPlan("an-arm", "a-scheme", "cookie" if carrier == "cookie" else "bearer", 1, "roundrobin", "steady", 1)
    return Visitor(7, arm, "127.0.0.1:8080", "user-000007", 'a "pass"word')


def _granted(*cookies: str, expires_in: int = 60, **tokens: str) -> Response:
    return Response(200, {"set-cookie": cookies}, json.dumps({"expires_in": expires_in, **tokens}).encode())


def _refused(reason: str) -> Response:
    return Response(401, {}, json.dumps({"reason": reason}).encode())


def _in_cookies() -> Visitor:
    visitor = _visitor("cookie")
    visitor.call("login")
    visitor.adopt("login", _granted(*LOGIN_COOKIES))
    return visitor


def _in_tokens(expires_in: int = 60) -> Visitor:
    visitor = _visitor()
    visitor.call("login")
    visitor.adopt("login", _granted(expires_in=expires_in, access_token="a1", refresh_token="r1"))
    return visitor


def _head(call: Call) -> list[str]:
    return call.request.partition(b"\r\n\r\n")[0].decode().split("\r\n")


def _raw_body(call: Call) -> bytes:
    return call.request.partition(b"\r\n\r\n")[2]


def _body(call: Call) -> object:
    return json.loads(_raw_body(call))


def _sent(flow: Flow, *answers: Response) -> list[Call]:
    """The calls `flow` makes when it receives `answers`, all of them."""
    calls = [next(flow), *map(flow.send, answers[:-1])]
    with pytest.raises(StopIteration):
        flow.send(answers[-1])
    return calls


def _steps(calls: list[Call]) -> list[StepName]:
    return [call.step for call in calls]


def test_the_names_are_the_services() -> None:
    """Cookie and CSRF header names are those the service reads and writes."""
    assert flows.SESSION_COOKIE == carriers.SESSION_COOKIE
    assert flows.REFRESH_COOKIE == carriers.REFRESH_COOKIE
    assert flows.CSRF_COOKIE == carriers.CSRF_COOKIE
    assert carriers.NEW_TOKEN_HEADER.lower() == flows.NEW_TOKEN_HEADER
    assert carriers.NEW_LIFE_HEADER.lower() == flows.NEW_LIFE_HEADER
    assert f"{carriers.CSRF_HEADER}: c1" in _head(_in_cookies().call("write"))


@pytest.mark.parametrize(
    ("step", "endpoint"),
    [("login", "POST login"), ("read", "GET profile"), ("write", "POST notes"), ("refresh", "POST refresh"),
     ("logout", "POST logout")],
)  # fmt: skip
def test_every_step_has_its_endpoint(step: StepName, endpoint: str) -> None:
    """A step's request names method and path under the arm's scheme and carrier, and the host."""
    head = _head(_visitor().call(step))
    assert head[0] == endpoint.replace(" ", " /a-scheme/bearer/") + " HTTP/1.1"
    assert "Host: 127.0.0.1:8080" in head


@pytest.mark.parametrize(("visitor", "proof"), [(_in_cookies(), "X-CSRF-Token: c1"), (_in_tokens(), "Bearer a1")])
def test_what_no_journey_asks_for_can_be_asked_for(visitor: Visitor, proof: str) -> None:
    """A POST to any endpoint carries the credentials held now, as a write does."""
    call = Call("write", visitor.post("admin/ban", {"username": "mallory"}), had_valid_credential=True)
    head = _head(call)
    assert head[0].startswith("POST /a-scheme/")
    assert head[0].endswith("/admin/ban HTTP/1.1")
    assert any(proof in line for line in head)
    assert _body(call) == {"username": "mallory"}


@pytest.mark.parametrize(("visitor", "held"), [(_in_cookies(), "r1"), (_in_tokens(), "r1"), (_visitor(), "")])
def test_what_it_refreshes_with_can_be_told(visitor: Visitor, held: str) -> None:
    """From a cookie or a body; nothing before a login."""
    assert (visitor.refresh_credential, visitor.can_refresh) == (held, bool(held))


@pytest.mark.parametrize("step", ["login", "write", "refresh", "logout"])
def test_a_body_is_json_of_its_length(step: StepName) -> None:
    """Every POST carries a JSON object and its exact length; the GET has neither."""
    call = _in_tokens().call(step)
    assert isinstance(_body(call), dict)
    assert f"Content-Length: {len(_raw_body(call))}" in _head(call)
    assert "Content-Type: application/json" in _head(call)
    assert _in_tokens().call("read").request.endswith(b"\r\n\r\n")


def test_a_login_names_the_user() -> None:
    """The login carries user name and password, whatever characters they hold, and no credential of an older login."""
    visitor = _in_tokens()
    call = visitor.call("login")
    assert _body(call) == {"username": "user-000007", "password": 'a "pass"word'}
    assert not [line for line in _head(call) if line.startswith("Authorization")]


def test_a_login_adopts_cookies() -> None:
    """The cookies of a login come back with every request, in order, without their attributes."""
    visitor = _in_cookies()
    cookies = f"Cookie: {SESSION_COOKIE}=s1; {REFRESH_COOKIE}=r1; {CSRF_COOKIE}=c1"
    assert all(cookies in _head(visitor.call(step)) for step in ("read", "write", "refresh", "logout"))
    assert visitor.credential == "s1"
    assert visitor.can_refresh


@pytest.mark.parametrize("status", [200, 401, 502])
def test_a_visitor_follows_the_load_balancer(status: int) -> None:
    """Whatever an answer says, its affinity cookie is sent from then on; of other cookies a refusal changes none."""
    visitor = _in_cookies()
    first = visitor.call("read").request
    cookies = ("SRV=b1; path=/; HttpOnly", f"{SESSION_COOKIE}=planted")
    visitor.adopt("read", Response(status, {"set-cookie": cookies}))
    assert visitor.call("read").request == first.replace(b"=c1\r\n", b"=c1; SRV=b1\r\n")


def test_a_login_adopts_tokens() -> None:
    """A bearer shows its access token everywhere and its refresh token only where it is exchanged or revoked."""
    visitor = _in_tokens()
    assert all("Authorization: Bearer a1" in _head(visitor.call(step)) for step in ("read", "write", "refresh"))
    assert _body(visitor.call("refresh")) == _body(visitor.call("logout")) == {"refresh_token": "r1"}
    assert b"r1" not in visitor.call("read").request + visitor.call("write").request
    assert visitor.credential == "a1"
    assert visitor.can_refresh


def test_csrf_goes_with_state_changes_only() -> None:
    """The CSRF token is a header of every POST once there is a cookie of it, never of the GET, never of a bearer."""

    def has_token(visitor: Visitor, step: StepName) -> bool:
        return any(line.startswith("X-CSRF-Token") for line in _head(visitor.call(step)))

    assert all(has_token(_in_cookies(), step) for step in ("write", "refresh", "logout"))
    assert not has_token(_in_cookies(), "read")
    assert not has_token(_visitor("cookie"), "write")
    assert not has_token(_in_tokens(), "write")


def test_a_visitor_knows_whether_its_credential_is_valid() -> None:
    """A call is marked valid from the login to the expiry it was promised, not before, not after."""
    assert not _visitor().call("login").had_valid_credential
    assert _in_tokens().call("read").had_valid_credential
    expired = _in_tokens(expires_in=0)
    assert not expired.call("read").had_valid_credential
    assert expired.is_logged_in
    visitor = _in_tokens()
    visitor.adopt("logout", Response(204))
    assert not visitor.call("read").had_valid_credential
    assert not visitor.is_logged_in


def test_the_validity_counts_from_the_question() -> None:
    """However late the answer, a client never expects its credential to outlive what the server promised."""
    visitor = _visitor()
    visitor.call("login")
    asked_ns = visitor._asked_ns
    visitor.adopt("login", _granted(expires_in=60, access_token="a1"))
    assert visitor._expires_ns == asked_ns + 60 * flows.NS_PER_S


def test_prepared_bytes_follow_the_credential() -> None:
    """A request is built once per credential: reused while it is held, rebuilt when a refresh brings another."""
    visitor = _in_tokens()
    first = visitor.call("read").request
    assert visitor.call("read").request is first
    visitor.adopt("read", Response(200))
    assert visitor.call("read").request is first
    visitor.adopt("refresh", _granted(access_token="a2", refresh_token="r2"))
    assert "Authorization: Bearer a2" in _head(visitor.call("read"))
    assert _body(visitor.call("refresh")) == {"refresh_token": "r2"}


def _slid(life_s: str = "3600") -> Response:
    """An answer that replaces the token, in both carriers at once: each takes what is its own."""
    line = f"{SESSION_COOKIE}=new; Path=/; Secure; SameSite=Lax; HttpOnly"
    headers = {flows.NEW_LIFE_HEADER: (life_s,)}
    return Response(200, {**headers, flows.NEW_TOKEN_HEADER: ("new",), "set-cookie": (line,)})


def _slid_cookie() -> Response:
    return Response(200, {name: value for name, value in _slid().headers.items() if name != flows.NEW_TOKEN_HEADER})


@pytest.mark.parametrize("step", ["read", "write"])
def test_a_replacement_is_swapped_in(step: StepName) -> None:
    """What a read or a write hands over is sent from then on, everywhere, and lives as long as it says."""
    for visitor, answer in ((_in_tokens(expires_in=0), _slid()), (_in_cookies(), _slid_cookie())):
        before = visitor.call("read").request, visitor.call("write").request
        visitor.call(step)
        visitor.adopt(step, answer)
        assert visitor.credential == "new"
        assert visitor.call("read").had_valid_credential
        for held, old in zip(("read", "write"), before, strict=True):
            request = visitor.call("read" if held == "read" else "write").request
            assert request != old
            assert b"new" in request
            assert b"a1" not in request
            assert b"=s1" not in request


def test_a_replacement_leaves_the_rest() -> None:
    """Refresh and CSRF tokens stay; the life of the credential counts from the question."""
    visitor = _in_cookies()
    visitor.call("read")
    asked_ns = visitor._asked_ns
    visitor.adopt("read", _slid_cookie())
    assert visitor._expires_ns == asked_ns + 3600 * flows.NS_PER_S
    assert f"Cookie: {SESSION_COOKIE}=new; {REFRESH_COOKIE}=r1; {CSRF_COOKIE}=c1" in _head(visitor.call("write"))
    assert "X-CSRF-Token: c1" in _head(visitor.call("write"))


@pytest.mark.parametrize(
    "answer", [Response(401, _slid().headers), Response(0, _slid().headers), Response(200), _slid(""), _slid("soon")]
)
@pytest.mark.parametrize("make", [_in_cookies, _in_tokens])
def test_nothing_else_replaces_a_credential(make: Callable[[], Visitor], answer: Response) -> None:
    """Neither an error, nor an answer that says nothing of a life, nor one that says no number."""
    visitor = make()
    before, held = visitor.call("read"), visitor.credential
    visitor.adopt("read", answer)
    assert visitor.call("read").request is before.request
    assert visitor.credential == held


@pytest.mark.parametrize("make", [_in_cookies, _in_tokens])
def test_another_credential_can_be_planted(make: Callable[[], Visitor]) -> None:
    """A replaced credential is what the next request carries, in either carrier."""
    visitor = make()
    visitor.call("read")
    visitor.replace_credential("stolen")
    assert visitor.credential == "stolen"
    assert b"stolen" in visitor.call("read").request


@pytest.mark.parametrize("make", [_in_cookies, _in_tokens])
@pytest.mark.parametrize(
    "answer",
    [_refused("expired"), Response(503), Response(0, failure="timeout"), Response(302), Response(200, body=b"not json"),
     Response(200, {"set-cookie": (f"{SESSION_COOKIE}=",)}, b'{"expires_in":"soon"}'), Response(200, body=b"[]")],
)  # fmt: skip
@pytest.mark.parametrize("step", ["login", "refresh"])
def test_a_failed_grant_leaves_credentials_alone(make: Callable[[], Visitor], answer: Response, step: StepName) -> None:
    """A refusal, a breakdown or an answer that grants nothing changes neither credentials nor prepared bytes."""
    visitor = make()
    before = visitor.call("read")
    visitor.adopt(step, answer)
    assert visitor.call("read").request is before.request
    assert visitor.call("read").had_valid_credential
    assert visitor.can_refresh


def test_a_refresh_without_a_new_refresh_token_keeps_the_old() -> None:
    """A server that does not rotate leaves the refresh token valid (RFC 6749 section 6)."""
    visitor = _in_tokens()
    visitor.adopt("refresh", _granted(access_token="a2"))
    assert _body(visitor.call("refresh")) == {"refresh_token": "r1"}


def test_logout_forgets() -> None:
    """After a logout no credential is left, in a cookie, a token or a prepared request; the balancer's cookie stays."""
    bearer = _in_tokens()
    assert _sent(flows.log_out(bearer), Response(204))[0].had_valid_credential
    assert b"a1" not in bearer.call("read").request
    assert _body(bearer.call("refresh")) == {}
    cookie = _visitor("cookie")
    cookie.adopt("login", _granted(*LOGIN_COOKIES, "SRV=replica-2; path=/"))
    _sent(flows.log_out(cookie), Response(204, {"set-cookie": WITHDRAWN}))
    assert "Cookie: SRV=replica-2" in _head(cookie.call("read"))
    assert cookie.credential == bearer.credential == ""
    assert not cookie.can_refresh
    assert not bearer.can_refresh


def test_a_refused_logout_keeps_the_login() -> None:
    """A logout the server did not carry out leaves the visitor as it was."""
    visitor = _in_tokens()
    _sent(flows.log_out(visitor), Response(503))
    assert visitor.credential == "a1"


def test_a_withdrawn_cookie_is_dropped() -> None:
    """A Set-Cookie with an empty value removes the cookie, one the visitor never held included."""
    visitor = _in_cookies()
    visitor.adopt("refresh", _granted(f"{REFRESH_COOKIE}=; Max-Age=0", "never-held=; Max-Age=0"))
    assert not visitor.can_refresh
    assert visitor.credential == "s1"


def test_an_accepted_read_is_one_call() -> None:
    """A read that succeeds needs nothing else."""
    assert _steps(_sent(flows.read(_in_tokens()), Response(200))) == ["read"]


@pytest.mark.parametrize("make", [_in_cookies, _in_tokens])
def test_an_expired_read_refreshes_and_tries_again(make: Callable[[], Visitor]) -> None:
    """401 expired leads to a refresh and a second read with the new credential."""
    fresh = _granted(f"{SESSION_COOKIE}=s2", access_token="a2", refresh_token="r2")
    calls = _sent(flows.read(make()), _refused("expired"), fresh, Response(200))
    assert _steps(calls) == ["read", "refresh", "read"]
    assert b"s2" in calls[2].request or b"a2" in calls[2].request


def test_a_refresh_needs_a_refresh_credential() -> None:
    """Without one an expired credential is a refusal and nothing more."""
    visitor = _visitor()
    visitor.adopt("login", _granted(access_token="a1"))
    assert not visitor.can_refresh
    assert _steps(_sent(flows.read(visitor), _refused("expired"))) == ["read"]


@pytest.mark.parametrize(
    "answer", [_refused("unknown"), _refused("revoked"), Response(503), Response(0, failure="reset")]
)
def test_only_expiry_is_worth_a_refresh(answer: Response) -> None:
    """Any other refusal or failure of a read is counted, not repaired."""
    assert _steps(_sent(flows.read(_in_tokens()), answer)) == ["read"]


def test_a_failed_refresh_ends_the_read() -> None:
    """When the refresh is refused there is no second read, and the visitor keeps what it held."""
    visitor = _in_tokens()
    assert _steps(_sent(flows.read(visitor), _refused("expired"), _refused("reused"))) == ["read", "refresh"]
    assert visitor.credential == "a1"


def test_single_steps() -> None:
    """Login, write and refresh are one call each; changing the login is a logout and a login."""
    ok = _granted(access_token="a1")
    assert _steps(_sent(flows.log_in(_visitor()), ok)) == ["login"]
    assert _steps(_sent(flows.write(_in_tokens()), Response(201))) == ["write"]
    assert _steps(_sent(flows.refresh(_in_tokens()), ok)) == ["refresh"]
    assert _steps(_sent(flows.change_login(_in_tokens()), Response(204), ok)) == ["logout", "login"]


@pytest.mark.parametrize(
    ("response", "reason"),
    [(Response(200), ""), (Response(0, failure="timeout"), "timeout"), (_refused("expired"), "expired"),
     (Response(503, body=b"<html>"), "http-503"), (Response(502, body=b"\xff\xfe"), "http-502"),
     (Response(404, body=b"{}"), "http-404"), (Response(400, body=b"[1]"), "http-400")],
)  # fmt: skip
def test_a_failure_has_one_reason(response: Response, reason: str) -> None:
    """The reason is the wire's, else the problem document's, else the status; a success has none."""
    assert response.reason == reason


def test_the_first_value_of_a_header() -> None:
    """A repeated header answers with its first value, an absent one with the empty string."""
    response = Response(200, {"x-replica": ("api-1", "api-2")})
    assert [response.header(name) for name in ("x-replica", "retry-after")] == ["api-1", ""]
