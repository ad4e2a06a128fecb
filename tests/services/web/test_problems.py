"""Errors become problem documents with a stable reason."""

import json
from http import HTTPStatus
from typing import get_args

import falcon
import pytest
from falcon import testing

from services.contract import LimitReachedError, Reason, RejectedError, StoreDownError
from services.problems import PROBLEMS, Problem, install


class Failing:
    """Raises what it is given."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Fail after a body was begun."""
        resp.media = {"secret": "half an answer"}
        raise self._error


def answer_to(error: Exception, path: str = "/x") -> testing.Result:
    """What a client sees of `error`."""
    app = falcon.App[falcon.Request, falcon.Response]()
    install(app, lambda template: f'Test realm="{template}"')
    app.add_route("/x", Failing(error))
    return testing.TestClient(app).simulate_get(path)


@pytest.mark.parametrize("reason", get_args(Reason))
def test_every_rejection_is_a_401_that_says_why_and_how_to_log_in(reason: Reason) -> None:
    """Each reason of the contract: 401, the reason, a challenge, nothing of the half-made answer."""
    answer = answer_to(RejectedError(reason))
    assert (answer.status_code, answer.json["reason"]) == (401, reason)
    assert answer.headers["www-authenticate"] == 'Test realm="/x"'
    assert "secret" not in answer.text


@pytest.mark.parametrize("reason", PROBLEMS)
def test_every_problem_is_a_complete_document(reason: str) -> None:
    """RFC 9457: media type, title of the status, status as sent, a detail in words."""
    answer = answer_to(Problem(reason=reason))
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == answer.status_code
    assert answer.json["title"] == HTTPStatus(answer.status_code).phrase
    assert answer.json["detail"].endswith(".")
    assert ("www-authenticate" in answer.headers) is (answer.status_code == 401)


@pytest.mark.parametrize("store", ["memory", "redis", "postgres"])
def test_a_store_that_is_down_is_503_and_worth_another_try(store: str) -> None:
    """Never 401, never 200; the store is named and Retry-After sent."""
    answer = answer_to(StoreDownError(store))
    assert (answer.status_code, answer.json["reason"]) == (503, "store-down")
    assert store in answer.json["detail"]
    assert int(answer.headers["retry-after"]) > 0


def test_a_full_session_list_is_409() -> None:
    """The limit is a conflict with the user's other sessions, not a bad credential."""
    answer = answer_to(LimitReachedError())
    assert (answer.status_code, answer.json["reason"]) == (409, "session-limit")


def test_a_failure_of_ours_tells_the_client_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """500 with reason internal; the cause goes to the log alone."""
    answer = answer_to(ValueError("the cause"))
    assert (answer.status_code, answer.json["reason"]) == (500, "internal")
    assert "the cause" not in answer.text
    assert "the cause" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (falcon.HTTPNotFound(), "not-found"),
        (falcon.HTTPMethodNotAllowed(["GET"]), "method-not-allowed"),
        (falcon.HTTPInvalidHeader("x", "y"), "bad-request"),
        (falcon.HTTPBadGateway(), "internal"),
    ],
)
def test_falcons_own_errors_get_a_reason_too(error: Exception, reason: str) -> None:
    """A client can count every error by its reason."""
    assert json.loads(answer_to(error).content)["reason"] == reason
