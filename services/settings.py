"""Every setting of the services, read once from the environment; secrets are files, never values."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

PREFIX = "AUTHBENCH_"

RefreshPolicy = Literal["strict", "grace-replay", "grace-mint"]
PasswordProfile = Literal["owasp", "harness"]
Bind = Annotated[str, "HOST:PORT"]
"""Where to listen, as `host_and_port` takes it apart; empty: nowhere."""
Fraction = Annotated[float, "0 <= fraction < 1"]
ClaimCount = Annotated[int, "0 <= count <= CLAIMS_MAX"]
HopCheck = Literal["verify", "introspect"]

PORT_MAX = 65_535
CLAIMS_MAX = 999
"""Numbers of three digits, so that every claim has the same size; far more than any limit on the way lets through."""


class SettingsError(Exception):
    """A setting is unusable; the message says what was found, what was expected and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Defaults are what a production deployment would use; experiments shorten lifetimes and say so.

    Names in the environment are the field names in capitals behind AUTHBENCH_. Durations are in seconds.
    """

    replica: str = "api"
    """Name this process answers under in X-Replica."""
    schemes: tuple[str, ...] = ()
    """Schemes to mount, comma-separated; empty: all of the catalogue."""
    database_url: str = "postgresql://authbench@127.0.0.1:5432/authbench"
    """Without a password: that comes from `database_password_file`."""
    database_password_file: Path | None = None
    redis_url: str = "redis://127.0.0.1:6379/0"
    redis_password_file: Path | None = None
    keys_file: Path | None = None
    """The key ring, written by `python -m services.keys write`; re-read when it changes."""
    clock_file: Path | None = None
    """Offset file of `services.clock`; none: plain system time."""
    issuer: str = "https://authbench.invalid"
    audience: str = "authbench-api"
    leeway_s: float = 0.0
    jwt_ttl_s: int = 3600
    access_ttl_s: int = 1800
    access_ttl_jitter_ratio: Fraction = 0.0
    """Access tokens that can be renewed live between (1 - this) x `access_ttl_s` and that, drawn for each one."""
    refresh_ttl_s: int = 14 * 24 * 3600
    """Absolute: rotation never extends it."""
    refresh_idle_s: int = 7 * 24 * 3600
    refresh_policy: RefreshPolicy = "grace-replay"
    refresh_grace_s: float = 10.0
    refresh_siblings_max: int = 4
    """How many live siblings `grace-mint` may leave."""
    session_idle_s: int = 1800
    session_absolute_s: int = 12 * 3600
    """Also what a sliding token cannot slide past, counted from the login."""
    session_touch_s: int = 60
    """Sessions in PostgreSQL write down a use at most this often, so one may go idle this much early."""
    sliding_left_s: int = 300
    """A sliding token is replaced at a use when it has no longer to live than this."""
    login_claims: ClaimCount = 0
    """Permissions that every signed token names, each of one size (`services.tokens.permission`)."""
    max_sessions: int = 0
    """Concurrent sessions per user; 0: no limit."""
    session_limit: Literal["evict-oldest", "refuse"] = "evict-oldest"
    password_profile: PasswordProfile = "owasp"  # noqa: S105 - the name of a profile
    """`harness` is below the OWASP floor: only where login is not the question, and marked wherever it shows."""
    store_timeout_s: float = 1.0
    """The bound within which a store must answer before the service says 503."""
    database_pool: int = 4
    redis_pool: int = 16
    notes_max: int = 1000
    """POST /notes keeps at most this many in the replica's memory."""
    upstream_url: str = "http://127.0.0.1:8000"
    """Where the BFF finds the API, and a hop the service after it; a hop with none is the last."""
    upstream_timeout_s: float = 5.0
    """The bound within which the API must answer before the BFF says 503, and the next service before a hop does."""
    upstream_left_s: int = 30
    """The BFF renews an access token that has no longer to live than this before it uses it."""
    hop_check: HopCheck = "verify"
    """How a hop finds out who asks: it verifies as the scheme does, or it asks the API each time."""
    introspect_url: str = "http://127.0.0.1:8000"
    """Where a hop that introspects finds the API."""
    helpers: tuple[str, ...] = ()
    """Where the helper services of plugins listen, as NAME=URL."""
    metrics_bind: Bind = ""
    """Where Prometheus may fetch what the process counts about itself; empty: it counts nothing."""
    spans_file: Path | None = None
    """Where the process keeps account of its CPU time by part, for who takes a request apart; none: it keeps none."""


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings named AUTHBENCH_* in `environ`. SettingsError on a bad value; unknown names are ignored."""
    given = {field.name: environ.get(PREFIX + field.name.upper()) for field in fields(Settings)}
    values: dict[str, Any] = {name: _parsed(name, text) for name, text in given.items() if text is not None}
    return Settings(**values)


def to_environment(settings: Settings) -> dict[str, str]:
    """The variables from which `from_environment` makes equal settings."""
    return {
        PREFIX + field.name.upper(): ",".join(value) if isinstance(value, tuple) else str(value)
        for field in fields(settings)
        if (value := getattr(settings, field.name)) is not None
    }


def host_and_port(bind: Bind) -> tuple[str, int]:
    """The two parts of HOST:PORT, brackets around an IPv6 address taken off. ValueError."""
    host, _, port = bind.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not 0 < int(port) <= PORT_MAX:
        raise ValueError(bind)
    return host, int(port)


def _parsed(name: str, text: str) -> object:
    kind = Settings.__annotations__[name]
    parse, expectation = _PARSERS.get(kind) or _choice(kind)
    try:
        return parse(text)
    except ValueError as error:
        message = f"{PREFIX}{name.upper()} is {text!r}, expected {expectation}; correct it or unset it"
        raise SettingsError(message) from error


def _choice(kind: object) -> tuple[Callable[[str], object], str]:
    choices = get_args(kind)

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(text)
        return text

    return parse, "one of: " + ", ".join(choices)


def _number(kind: type[int] | type[float], below: float = float("inf")) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = kind(text)
        if not 0 <= value < below:
            raise ValueError(text)
        return value

    return parse


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _bind(text: str) -> str:
    if text:
        host_and_port(text)
    return text


_PARSERS: Mapping[object, tuple[Callable[[str], object], str]] = {
    str: (str, "text"),
    int: (_number(int), "a whole number >= 0"),
    float: (_number(float), "a number >= 0"),
    Path | None: (Path, "a path"),
    tuple[str, ...]: (_names, "names separated by commas"),
    Fraction: (_number(float, below=1), "a number from 0 to below 1"),
    ClaimCount: (_number(int, below=CLAIMS_MAX + 1), f"a whole number from 0 to {CLAIMS_MAX}"),
    Bind: (_bind, f"HOST:PORT with a port from 1 to {PORT_MAX}"),
}
