"""What a choice in the form means, and what is refused with one line."""

from argparse import Namespace
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.locust_ import ui_options
from loadtests.locust_.ui_options import (
    HOST_BALANCING,
    Choice,
    ChoiceError,
    balancings,
    numbers,
    read_choice,
    with_form,
)
from services.catalogue import SCHEMES

HOST = "http://127.0.0.1:8080"
STICKY_HOST = "http://127.0.0.1:8081"


def options(**changed: object) -> Namespace:
    """A form as it is filled at first, but for what is changed."""
    first: dict[str, object] = {"scheme": "none", "carrier": "default", "journey": "browse", "user_password": "p"}
    first |= {"seeded_users": 10, "balancing": "roundrobin", "sticky_host": "", "arrivals": "closed", "rate": 20.0}
    return Namespace(**first | changed)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_default_carrier_is_the_schemes_own(scheme: str) -> None:
    """Nobody has to know how a scheme travels; refusals are expected where one replica alone knows a session."""
    choice = read_choice(options(scheme=scheme), HOST)
    traits = SCHEMES[scheme].traits
    assert (choice.arm.scheme, choice.arm.carrier) == (scheme, traits.default_carrier)
    assert choice.refusals_expected == traits.needs_affinity


def test_a_carrier_can_be_chosen() -> None:
    """What the form says wins over the default."""
    choice = read_choice(options(scheme="jwt-hs256", carrier="cookie", journey="steady"), HOST)
    assert (choice.arm.carrier, choice.arm.journey) == ("cookie", "steady")


@pytest.mark.parametrize(
    ("host", "address"), [(HOST, ("127.0.0.1", 8080)), ("http://lb", ("lb", 80)), ("http://[::1]:81", ("::1", 81))]
)
def test_a_host_is_an_address(host: str, address: tuple[str, int]) -> None:
    """A port may be left out, as in a browser."""
    assert read_choice(options(), host).address == address


def test_balancing_is_a_choice_of_address() -> None:
    """Each policy is behind a host of its own; without any told, one is guessed."""
    known = {"sticky_host": STICKY_HOST}
    assert read_choice(options(**known), HOST).address == ("127.0.0.1", 8080)
    assert read_choice(options(**known, balancing="sticky"), HOST).address == ("127.0.0.1", 8081)
    assert read_choice(options(**known, balancing="sticky"), None).arm.balancing == "sticky"
    assert read_choice(options(), None).address == ("127.0.0.1", 8080)


@pytest.mark.parametrize(
    ("balancing", "carrier", "expected"),
    [("roundrobin", "cookie", True), ("sticky", "cookie", False), ("sticky", "bearer", True)],
)
def test_stickiness_needs_a_cookie(balancing: str, carrier: str, expected: bool) -> None:  # noqa: FBT001 - a case's
    """Who is brought back to its replica must not be refused; a bearer carries no cookie of the balancer's."""
    asked = options(scheme="memory-session", balancing=balancing, carrier=carrier, sticky_host=STICKY_HOST)
    assert read_choice(asked, HOST).refusals_expected == expected


def test_the_form_is_told_what_the_balancer_does() -> None:
    """Beside stickiness it offers what the environment says is behind the host, roundrobin unless told."""
    assert balancings({}) == ("roundrobin", "sticky")
    assert balancings({HOST_BALANCING: "leastconn"}) == ("leastconn", "sticky")


def test_a_class_may_insist_on_its_journey() -> None:
    """The journey of a class goes before the form's, and is held against the scheme as well."""
    assert read_choice(options(journey="steady"), HOST, "login-heavy").arm.journey == "login-heavy"
    with pytest.raises(ChoiceError, match="nothing to refresh"):
        read_choice(options(), HOST, "refresh-heavy")


def test_a_posted_form_changes_only_what_it_may() -> None:
    """Its text takes the place of our options, rates included; nobody seeds users or names files by it."""
    posted = {"scheme": "jwt-hs256", "rate": "7.5", "arrivals": "open", "seeded_users": "1", "host": "http://evil"}
    choice = read_choice(with_form(options(), posted), HOST)
    assert (choice.arm.scheme, choice.arrivals, choice.rate_rps, choice.seeded_users) == ("jwt-hs256", "open", 7.5, 10)


@given(st.integers(1, 40), st.integers(0, 16))
def test_workers_share_no_user_while_there_are_enough(workers: int, each: int) -> None:
    """However many workers there are, users enough for the next power of two of them are enough for all."""
    users = each * (1 << (workers - 1).bit_length())
    taken = [number % users for worker in range(workers) for number in islice(numbers(worker, users), each)]
    assert len(set(taken)) == len(taken) == workers * each


def test_visitors_beyond_the_users_share_them() -> None:
    """Names wrap around at the number of seeded users."""
    choice = read_choice(options(seeded_users=3), HOST)
    assert [choice.username(number) for number in (0, 2, 3, 7)] == [
        "user-000000", "user-000002", "user-000000", "user-000001",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "host", "line"),
    [
        ({"user_password": None}, HOST, "name its file by --user-password-file"),
        ({"seeded_users": 0}, HOST, "--seeded-users is 0, expected at least 1"),
        ({"scheme": "jwt-hs265"}, HOST, "scheme 'jwt-hs265' unknown; one of: none, .*jwt-hs256"),
        ({"carrier": "pigeon"}, HOST, "to scheme none, carrier 'pigeon' unknown; one of: "),
        ({"journey": "sleep"}, HOST, "journey 'sleep' unknown; one of: steady, browse, login, refresh"),
        ({"journey": "refresh"}, HOST, "nothing to refresh; choose one of: refresh-token"),
        ({"journey": "refresh-heavy"}, HOST, "nothing to refresh; choose one of: refresh-token"),
        ({"balancing": "random"}, HOST, "balancing 'random' unknown; one of: roundrobin, sticky"),
        ({"balancing": "sticky"}, HOST, "no sticky balancer is known; name it in Sticky Host"),
        ({"sticky_host": STICKY_HOST}, None, "only a sticky balancer is known; name another in Host"),
        ({"balancing": "sticky", "sticky_host": "nowhere"}, HOST, "host 'nowhere', expected http://NAME:PORT"),
        ({"arrivals": "never"}, HOST, "arrivals 'never' unknown; one of: closed, open"),
        ({"rate": "a lot"}, HOST, "rate 'a lot', expected requests per second above 0"),
        ({"rate": 0.0}, HOST, "rate 0.0, expected"),
        ({"rate": "inf"}, HOST, "rate 'inf', expected"),
        ({"rate": "nan"}, HOST, "rate 'nan', expected"),
        ({}, "https://127.0.0.1", "host 'https://127.0.0.1', expected http://NAME:PORT"),
        ({}, "http://127.0.0.1:port", "expected http://NAME:PORT"),
        ({}, "127.0.0.1:8080", "expected http://NAME:PORT"),
    ],
)
def test_what_cannot_be_is_refused_with_one_line(changed: dict[str, object], host: str | None, line: str) -> None:
    """The line says what was found, what was expected and what to do."""
    with pytest.raises(ChoiceError, match=line) as refused:
        read_choice(options(**changed), host)
    assert "\n" not in str(refused.value)


def test_a_scheme_without_the_carrier_refuses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheme that knows one carrier is never loaded under another."""
    spec = SCHEMES["none"]
    narrow = replace(spec, traits=replace(spec.traits, carriers=("bearer",), default_carrier="bearer"))
    monkeypatch.setattr(ui_options, "find", lambda _name: narrow)
    with pytest.raises(ChoiceError, match="to scheme none, carrier 'cookie' unknown; one of: bearer"):
        read_choice(options(carrier="cookie"), HOST)


def test_a_choice_does_not_show_its_password() -> None:
    """What is logged of a choice opens no account."""
    choice: Choice = read_choice(options(user_password="very secret"), HOST)
    assert "very secret" not in repr(choice)


def test_the_password_is_read_without_its_line_end(tmp_path: Path) -> None:
    """A file written by an editor works too."""
    (tmp_path / "password").write_text("a password\n")
    assert ui_options._password(str(tmp_path / "password")) == "a password"
