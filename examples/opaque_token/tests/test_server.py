"""The authorization server as its client sees it: RFC 7662, RFC 7009, and what it keeps."""
# ruff: noqa: INP001, S101, PLR2004 - test folders are found by path, pytest asserts, and statuses are HTTP's

from collections.abc import Callable
from urllib.parse import urlencode

import falcon
import pytest
from falcon.testing import Result, TestClient
from opaque_token.server import assemble
from opaque_token.tokens import Tokens

CLIENT = "Basic of-the-test"
LOGIN = {"sub": "7", "username": "ada", "role": "user", "sid": "s1", "iat": "100", "exp": "200"}

Post = Callable[..., Result]


@pytest.fixture
def now_s() -> list[float]:
    """The time by the server's clock, to be replaced in place."""
    return [100.0]


@pytest.fixture
def tokens(now_s: list[float]) -> Tokens:
    """What the server keeps."""
    return Tokens(lambda: now_s[0])


@pytest.fixture
def web(tokens: Tokens) -> TestClient:
    """The server, for anybody."""
    return TestClient(assemble(CLIENT, tokens))


@pytest.fixture
def post(web: TestClient) -> Post:
    """The server, for its client."""

    def send(path: str, **fields: str) -> Result:
        body = urlencode(fields, doseq=True)
        return web.simulate_post(
            path, headers={"Authorization": CLIENT}, body=body, content_type=falcon.MEDIA_URLENCODED
        )

    return send


@pytest.mark.parametrize("path", ["/issue", "/introspect", "/revoke", "/revoke-user", "/logins"])
@pytest.mark.parametrize("authorization", ["", "Basic of-another", "Bearer of-the-test", "\xff"])
def test_nobody_but_the_client_may_ask(web: TestClient, path: str, authorization: str) -> None:
    """RFC 7662, 2.1: else anybody could scan for tokens."""
    answer = web.simulate_post(path, headers={"Authorization": authorization}, params={"token": "x"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_anybody_may_ask_for_its_health(web: TestClient) -> None:
    """So that a stack knows when it is ready."""
    assert web.simulate_get("/healthz").status_code == 200


def test_an_active_token_is_told_with_all_it_stands_for(post: Post) -> None:
    """RFC 7662, 2.2: names and types; no answer is to be kept."""
    issued = post("/issue", **LOGIN)
    answer = post("/introspect", token=issued.json["access_token"])
    assert answer.json == {**LOGIN, "active": True, "iat": 100, "exp": 200}
    assert answer.headers["cache-control"] == issued.headers["cache-control"] == "no-store"


def test_of_any_other_token_nothing_is_told_but_that(post: Post, now_s: list[float]) -> None:
    """RFC 7662, 2.2: unknown, revoked and expired look the same; 4: the server looks at the expiry itself."""
    revoked, expired = (post("/issue", **LOGIN).json["access_token"] for _ in range(2))
    assert post("/revoke", token=revoked).status_code == 200
    now_s[0] = 200.0
    for token in (revoked, expired, "unknown", ""):
        assert post("/introspect", token=token).json == {"active": False}


def test_revoking_an_unknown_token_is_no_error(post: Post) -> None:
    """RFC 7009, 2.2."""
    assert post("/revoke", token="unknown").status_code == 200  # noqa: S106 - no token


def test_a_user_is_listed_and_ended_without_a_token_being_told(post: Post) -> None:
    """Only who is given a token ever sees it."""
    tokens = [post("/issue", **{**LOGIN, "sid": sid}).json["access_token"] for sid in ("s1", "s2")]
    listed = post("/logins", sub="7")
    assert [one["sid"] for one in listed.json["logins"]] == ["s1", "s2"]
    assert not any(token in listed.text for token in tokens)
    assert post("/revoke-user", sub="7", keep_sid="s2").json == {"ended": 1}
    assert [post("/introspect", token=token).json["active"] for token in tokens] == [False, True]
    assert post("/logins", sub="8").json == {"logins": []}


@pytest.mark.parametrize("fields", [{}, {"token": ["a", "b"]}], ids=["missing", "twice"])
def test_a_question_without_one_token_is_refused(post: Post, fields: dict[str, str]) -> None:
    """RFC 7662, 2.3: 400, and never a guess."""
    assert post("/introspect", **fields).status_code == 400


@pytest.mark.parametrize("exp", ["", "soon", "1.5", "9" * 5000])
def test_a_time_is_a_whole_number(post: Post, exp: str) -> None:
    """400 for anything else."""
    assert post("/issue", **{**LOGIN, "exp": exp}).status_code == 400


def test_no_token_is_kept(post: Post, tokens: Tokens) -> None:
    """A dump of its memory opens nothing: it holds hashes."""
    token = post("/issue", **LOGIN).json["access_token"]
    assert len(token) >= 43
    assert token not in str(vars(tokens))


def test_what_has_expired_is_forgotten(post: Post, tokens: Tokens, now_s: list[float]) -> None:
    """Its memory is as large as what lives."""
    for _ in range(3):
        post("/issue", **LOGIN)
    now_s[0] = 200.0
    post("/issue", **{**LOGIN, "iat": "200", "exp": "300"})
    assert len(tokens) == 1
