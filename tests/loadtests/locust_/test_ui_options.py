"""What a choice in the form means, and what is refused with one line."""

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pytest

from loadtests.locust_ import ui_options
from loadtests.locust_.ui_options import Choice, ChoiceError, read_choice
from services.catalogue import SCHEMES

HOST = "http://127.0.0.1:8080"


def options(**changed: object) -> Namespace:
    """A form as it is filled at first, but for what is changed."""
    first = {"scheme": "none", "carrier": "default", "journey": "browse", "user_password": "p", "seeded_users": 10}
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
        ({"carrier": "pigeon"}, HOST, "carrier 'pigeon' unknown to scheme none; one of: "),
        ({"journey": "sleep"}, HOST, "journey 'sleep' unknown; one of: steady, browse, login, refresh"),
        ({"journey": "refresh"}, HOST, "nothing to refresh; choose one of: refresh-token"),
        ({}, "https://127.0.0.1", "host 'https://127.0.0.1', expected http://NAME:PORT"),
        ({}, "http://127.0.0.1:port", "expected http://NAME:PORT"),
        ({}, "127.0.0.1:8080", "expected http://NAME:PORT"),
    ],
)
def test_what_cannot_be_is_refused_with_one_line(changed: dict[str, object], host: str, line: str) -> None:
    """The line says what was found, what was expected and what to do."""
    with pytest.raises(ChoiceError, match=line) as refused:
        read_choice(options(**changed), host)
    assert "\n" not in str(refused.value)


def test_a_scheme_without_the_carrier_refuses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheme that knows one carrier is never loaded under another."""
    spec = SCHEMES["none"]
    narrow = replace(spec, traits=replace(spec.traits, carriers=("bearer",), default_carrier="bearer"))
    monkeypatch.setattr(ui_options, "find", lambda _name: narrow)
    with pytest.raises(ChoiceError, match="carrier 'cookie' unknown to scheme none; one of: bearer"):
        read_choice(options(carrier="cookie"), HOST)


def test_a_choice_does_not_show_its_password() -> None:
    """What is logged of a choice opens no account."""
    choice: Choice = read_choice(options(user_password="very secret"), HOST)
    assert "very secret" not in repr(choice)


def test_the_password_is_read_without_its_line_end(tmp_path: Path) -> None:
    """A file written by an editor works too."""
    (tmp_path / "password").write_text("a password\n")
    assert ui_options._password(str(tmp_path / "password")) == "a password"
