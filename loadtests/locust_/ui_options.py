"""What the form of the web UI offers, and what a choice made there means; knows nothing of Locust."""

import argparse
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from loadtests.journeys import RENEWING
from loadtests.plan import JOURNEYS, ArmPlan, Balancing, Journey
from services.catalogue import CatalogueError, find, schemes
from services.contract import Carrier, SchemeSpec
from services.seed import user_name

Arrivals = Literal["closed", "open"]

DEFAULT_HOST = "http://127.0.0.1:8080"
DEFAULT_SCHEME = "redis-session"
SCHEMES_OWN = "default"
CARRIERS = (SCHEMES_OWN, "cookie", "bearer")
ARRIVALS: tuple[Arrivals, ...] = ("closed", "open")
HOST_BALANCING = "AUTHBENCH_HOST_BALANCING"
"""In the environment: what the balancer behind --host does, for the list in the form; roundrobin unless told."""
STICKY: Balancing = "sticky"
SEEDED_USERS = 1000
RATE_RPS, RATE_MAX_RPS = 20.0, 100_000.0


class ChoiceError(Exception):
    """The form asks for something that cannot be; the message says what was found, what was expected and what to do."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One run as its form describes it. `rate_rps` is that of all people together, and counts in open loop alone.

    `refusals_expected`: a valid credential may be refused, because only the replica that issued it knows it.
    """

    arm: ArmPlan
    address: tuple[str, int]
    password: str = field(repr=False)
    seeded_users: int
    refusals_expected: bool
    arrivals: Arrivals
    rate_rps: float

    def username(self, number: int) -> str:
        """Whose name visitor `number` logs in with; there may be more visitors than users."""
        return user_name(number % self.seeded_users)


def numbers(worker: int, users: int) -> Iterator[int]:
    """The visitors of one worker, so that they share no user with those of another as long as there are enough.

    Worker w begins at the point w of the van der Corput sequence (0, 1/2, 1/4, 3/4, 1/8, ...) of all users: however
    many workers there are, their beginnings lie well apart.
    """
    mirrored = int(f"{worker:b}"[::-1], 2)
    return count(mirrored * users >> worker.bit_length())


def balancings(environ: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """What the form offers: the policy behind --host, and stickiness behind --sticky-host."""
    return environ.get(HOST_BALANCING, "roundrobin"), STICKY


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add ours to Locust's options."""
    _add_form(parser)
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


def _add_form(parser: argparse.ArgumentParser) -> None:
    """What can be chosen in the web UI too, in the order it is shown."""
    parser.add_argument("--scheme", choices=tuple(schemes()), default=DEFAULT_SCHEME, help="how users stay logged in")
    parser.add_argument("--carrier", choices=CARRIERS, default=SCHEMES_OWN, help="default: the scheme's own")
    first, _ = offered = balancings()
    parser.add_argument(
        "--balancing", choices=offered, default=first, help=f"{first} is behind Host, sticky behind Sticky Host"
    )
    parser.add_argument(
        "--sticky-host",
        default="",
        metavar="URL",
        env_var="AUTHBENCH_STICKY_HOST",
        help="the same service behind a sticky balancer",
    )
    parser.add_argument("--journey", choices=JOURNEYS, default="browse", help="what each user does")
    parser.add_argument(
        "--arrivals",
        choices=ARRIVALS,
        default="closed",
        help="closed: users think between steps; open: called at Rate",
    )
    parser.add_argument(
        "--rate", type=float, default=RATE_RPS, metavar="RPS", help="open arrivals: steps per second of all users"
    )


FORM = ("scheme", "carrier", "balancing", "sticky_host", "journey", "arrivals", "rate", "user_password")
"""Options that a posted form may change."""


def with_form(options: argparse.Namespace, form: Mapping[str, str]) -> argparse.Namespace:
    """The options as a posted form would change them; its values are text yet."""
    return argparse.Namespace(**vars(options) | {name: form[name] for name in FORM if name in form})


def read_choice(options: argparse.Namespace, host: str | None, journey: Journey | None = None) -> Choice:
    """The choice in `options`, which a form may have filled with anything. ChoiceError.

    `host`: what --host says; `journey`: in place of the form's.
    """
    if not options.user_password:
        message = "no password for the seeded users, expected one; name its file by --user-password-file"
        raise ChoiceError(message)
    if options.seeded_users < 1:
        message = f"--seeded-users is {options.seeded_users}, expected at least 1; say how many users were seeded"
        raise ChoiceError(message)
    spec = _spec(options.scheme)
    carrier = _carrier(spec, options.carrier)
    balancing = _one_of("balancing", options.balancing, balancings())
    kept_together = balancing == STICKY and carrier == "cookie"
    return Choice(
        arm=_arm(spec, carrier, _journey(spec, journey or options.journey), cast("Balancing", balancing)),
        address=_address(_host(balancing, host, options.sticky_host)),
        password=options.user_password,
        seeded_users=options.seeded_users,
        refusals_expected=spec.traits.needs_affinity and not kept_together,
        arrivals=cast("Arrivals", _one_of("arrivals", options.arrivals, ARRIVALS)),
        rate_rps=_rate(options.rate),
    )


def _password(file: str) -> str:
    """Read once, at start: whoever can post the form must not make us read other files and send them away."""
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file}: {error}, expected the password of the seeded users"
        raise argparse.ArgumentTypeError(message) from error


def _one_of(what: str, found: str, offered: tuple[str, ...]) -> str:
    if found not in offered:
        message = f"{what} {found!r} unknown; one of: {', '.join(offered)}"
        raise ChoiceError(message)
    return found


def _spec(scheme: str) -> SchemeSpec:
    try:
        return find(scheme)
    except CatalogueError as error:
        raise ChoiceError(str(error)) from error


def _carrier(spec: SchemeSpec, carrier: str) -> Carrier:
    if carrier == SCHEMES_OWN:
        return spec.traits.default_carrier
    return cast("Carrier", _one_of(f"to scheme {spec.name}, carrier", carrier, spec.traits.carriers))


def _journey(spec: SchemeSpec, asked: str) -> Journey:
    journey = cast("Journey", _one_of("journey", asked, JOURNEYS))
    if journey in RENEWING and not spec.traits.can_renew:
        able = ", ".join(name for name, other in schemes().items() if other.traits.can_renew)
        message = f"journey {journey!r} under scheme {spec.name}, which has nothing to refresh; choose one of: {able}"
        raise ChoiceError(message)
    return journey


def _rate(asked: float | str) -> float:
    try:
        rate_rps = float(asked)
    except ValueError:
        rate_rps = math.nan
    if not 0 < rate_rps <= RATE_MAX_RPS:
        message = f"rate {asked!r}, expected requests per second above 0 and up to {RATE_MAX_RPS:.0f}; correct it"
        raise ChoiceError(message)
    return rate_rps


def _host(balancing: str, host: str | None, sticky_host: str) -> str:
    """Where a balancer of that kind listens. With none known at all, one is guessed."""
    if balancing == STICKY and not sticky_host:
        message = "balancing 'sticky', but no sticky balancer is known; name it in Sticky Host (--sticky-host)"
        raise ChoiceError(message)
    if balancing != STICKY and sticky_host and not host:
        message = f"balancing {balancing!r}, but only a sticky balancer is known; name another in Host (--host)"
        raise ChoiceError(message)
    return sticky_host if balancing == STICKY else host or DEFAULT_HOST


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


def _arm(spec: SchemeSpec, carrier: Carrier, journey: Journey, balancing: Balancing) -> ArmPlan:
    """The arm a visitor is part of. How many replicas stand behind the host nobody here knows."""
    return ArmPlan(
        id=f"{spec.name}-{carrier}",
        scheme=spec.name,
        carrier=carrier,
        replicas=1,
        balancing=balancing,
        journey=journey,
        visitors=1,
    )
