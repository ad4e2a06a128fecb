"""What a client of a sliding scheme sees, through the load balancer: a replacement beside the answer, and when."""

from collections.abc import Iterator

import pytest

from services.carriers import NEW_LIFE_HEADER, NEW_TOKEN_HEADER, SESSION_COOKIE
from tests.fleet import Fleet
from tests.services.web.client import Answer, Client

CARRIERS = ("bearer", "cookie")
every_carrier = pytest.mark.parametrize("carrier", CARRIERS)


@pytest.fixture
def later(fleet: Fleet) -> Iterator[None]:
    """Every replica is 56 minutes ahead from the login of `near_its_end` on, and back in the present afterwards."""
    yield
    fleet.skew(0.0)


def near_its_end(fleet: Fleet, carrier: str) -> Client:
    """Logged in 56 minutes ago: four are left."""
    fleet.skew(0.0)
    client = fleet.logged_in("jwt-sliding", carrier)
    fleet.skew(56 * 60.0)
    return client


def replacement_in(answer: Answer) -> str:
    """The new token, "" without one; its life is told with it and never alone."""
    lines = [line for line in answer.cookie_lines if line.startswith(f"{SESSION_COOKIE}=ey")]
    token = answer.header(NEW_TOKEN_HEADER) or "".join(lines).partition("=")[2].partition(";")[0]
    assert (answer.header(NEW_LIFE_HEADER) == "3600") == bool(token)
    return token


@every_carrier
def test_a_young_token_is_left_alone(fleet: Fleet, carrier: str) -> None:
    """No header, no cookie."""
    assert replacement_in(fleet.logged_in("jwt-sliding", carrier).get("profile")) == ""


@every_carrier
@pytest.mark.usefixtures("later")
def test_every_use_near_the_end_brings_a_replacement(fleet: Fleet, carrier: str) -> None:
    """Reads, writes and a password change alike, each from whichever replica answers."""
    client = near_its_end(fleet, carrier)
    old = client.twin()
    asked = [
        old.twin().get("profile"),
        old.twin().get("profile"),
        old.twin().get("sessions"),
        old.twin().post("notes", {"text": "x"}),
        old.twin().post("password", {"password": fleet.password, "new_password": fleet.password}),
    ]
    assert [answer.status for answer in asked] == [200, 200, 200, 201, 200]
    assert all(replacement_in(answer) for answer in asked)
    assert {answer.header("X-Replica") for answer in asked} == {"replica-1", "replica-2"}


@every_carrier
@pytest.mark.usefixtures("later")
def test_a_replacement_carries_on_where_the_old_token_ends(fleet: Fleet, carrier: str) -> None:
    """Swapped in it is good on every replica, CSRF token included, when the first one is over."""
    client = near_its_end(fleet, carrier)
    old = client.twin()
    client.credential = replacement_in(client.get("profile"))
    fleet.skew(61 * 60.0)
    assert [client.get("profile").status for _ in range(2)] == [200, 200]
    assert client.post("notes", {"text": "x"}).status == 201
    assert old.get("profile").reason == "expired"


@pytest.mark.usefixtures("later")
def test_each_carrier_hands_it_over_in_its_own_way(fleet: Fleet) -> None:
    """A cookie client finds no token where its page's scripts could read it, a bearer gets no cookie."""
    bearer, cookie = (near_its_end(fleet, carrier).get("profile") for carrier in CARRIERS)
    assert bearer.cookie_lines == ()
    assert cookie.header(NEW_TOKEN_HEADER) == ""
    (line,) = cookie.cookie_lines
    assert "; Path=/; Secure; SameSite=Lax; HttpOnly" in line


@every_carrier
@pytest.mark.usefixtures("later")
def test_no_refusal_carries_a_replacement(fleet: Fleet, carrier: str) -> None:
    """Whatever a good token is refused for, and at a logout, nothing is handed over."""
    old = near_its_end(fleet, carrier)
    wrong = {"password": "wrong password", "new_password": "another password"}
    refused = [
        old.twin().post("notes", {}),
        old.twin().post("notes", {"text": "x"}, {"X-CSRF-Token": "x"}) if carrier == "cookie" else None,
        old.twin().post("password", wrong),
        old.twin().post("admin/revoke", {"username": "x"}),
        old.twin().post("refresh"),
        old.twin().get("nowhere"),
        old.twin().request("HEAD", "profile", {}, b""),
        old.twin().post("logout-everywhere"),
        old.twin().log_out(),
    ]
    answers = [answer for answer in refused if answer is not None]
    assert [answer.status < 300 for answer in answers] == [False] * (len(answers) - 2) + [True, True]
    assert [replacement_in(answer) for answer in answers] == [""] * len(answers)
