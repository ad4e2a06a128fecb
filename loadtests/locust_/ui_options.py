"""What the form of the web UI offers, and what a choice made there means; knows nothing of Locust."""

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from loadtests.plan import JOURNEYS, ArmPlan, Journey
from services.catalogue import CatalogueError, find, schemes
from services.contract import Carrier, SchemeSpec
from services.seed import user_name

DEFAULT_HOST = "http://127.0.0.1:8080"
DEFAULT_SCHEME = "redis-session"
SCHEMES_OWN = "default"
CARRIERS = (SCHEMES_OWN, "cookie", "bearer")
SEEDED_USERS = 1000


class ChoiceError(Exception):
    """The form asks for something that cannot be; the message says what was found, what was expected and what to do."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One run as its form describes it.

    `refusals_expected`: a valid credential may be refused, because only the replica that issued it knows it.
    """

    arm: ArmPlan
    address: tuple[str, int]
    password: str = field(repr=False)
    seeded_users: int
    refusals_expected: bool

    def username(self, number: int) -> str:
        """Whose name visitor `number` logs in with; there may be more visitors than users."""
        return user_name(number % self.seeded_users)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add ours to Locust's options. The three with choices appear in the form."""
    parser.add_argument("--scheme", choices=tuple(schemes()), default=DEFAULT_SCHEME, help="how users stay logged in")
    parser.add_argument("--carrier", choices=CARRIERS, default=SCHEMES_OWN, help="default: the scheme's own")
    parser.add_argument("--journey", choices=JOURNEYS, default="browse", help="what each user does")
    parser.add_argument(
        "--user-password-file",
        dest="user_password",
        type=_password,
        metavar="F",
        env_var="AUTHBENCH_USER_PASSWORD_FILE",
        include_in_web_ui=False,
        help="holds the password of all seeded users",
    )
    parser.add_argument(
        "--seeded-users",
        type=int,
        default=SEEDED_USERS,
        metavar="N",
        env_var="AUTHBENCH_SEEDED_USERS",
        include_in_web_ui=False,
        help="how many users there are, user-000000 onwards; more visitors than that share them",
    )


def read_choice(options: argparse.Namespace, host: str) -> Choice:
    """The choice in `options`, which a form may have filled with anything. ChoiceError."""
    if not options.user_password:
        message = "no password for the seeded users, expected one; name its file by --user-password-file"
        raise ChoiceError(message)
    if options.seeded_users < 1:
        message = f"--seeded-users is {options.seeded_users}, expected at least 1; say how many users were seeded"
        raise ChoiceError(message)
    spec = _spec(options.scheme)
    return Choice(
        arm=_arm(spec, _carrier(spec, options.carrier), _journey(spec, options.journey)),
        address=_address(host),
        password=options.user_password,
        seeded_users=options.seeded_users,
        refusals_expected=spec.traits.needs_affinity,
    )


def _password(file: str) -> str:
    """Read once, at start: whoever can post the form must not make us read other files and send them away."""
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file}: {error}, expected the password of the seeded users"
        raise argparse.ArgumentTypeError(message) from error


def _spec(scheme: str) -> SchemeSpec:
    try:
        return find(scheme)
    except CatalogueError as error:
        raise ChoiceError(str(error)) from error


def _carrier(spec: SchemeSpec, carrier: str) -> Carrier:
    if carrier == SCHEMES_OWN:
        return spec.traits.default_carrier
    if carrier not in spec.traits.carriers:
        message = f"carrier {carrier!r} unknown to scheme {spec.name}; one of: {', '.join(spec.traits.carriers)}"
        raise ChoiceError(message)
    return carrier


def _journey(spec: SchemeSpec, journey: str) -> Journey:
    if journey not in JOURNEYS:
        message = f"journey {journey!r} unknown; one of: {', '.join(JOURNEYS)}"
        raise ChoiceError(message)
    if journey == "refresh" and not spec.traits.can_renew:
        able = ", ".join(name for name, other in schemes().items() if other.traits.can_renew)
        message = f"journey 'refresh' under scheme {spec.name}, which has nothing to refresh; choose one of: {able}"
        raise ChoiceError(message)
    return journey


def _address(host: str) -> tuple[str, int]:
    parts = urlsplit(host)
    try:
        port = parts.port or 80
    except ValueError:
        port = 0
    if parts.scheme != "http" or not parts.hostname or not port:
        message = f"host {host!r}, expected http://NAME:PORT; correct it"
        raise ChoiceError(message)
    return parts.hostname, port


def _arm(spec: SchemeSpec, carrier: Carrier, journey: Journey) -> ArmPlan:
    """The arm a visitor is part of. How many replicas stand behind the host, and how balanced, nobody here knows."""
    return ArmPlan(
        id=f"{spec.name}-{carrier}",
        scheme=spec.name,
        carrier=carrier,
        replicas=1,
        balancing="roundrobin",
        journey=journey,
        visitors=1,
    )
