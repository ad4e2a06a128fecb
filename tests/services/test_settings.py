"""Settings: read once from the environment, refused in one line that says what to do."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.settings import CLAIMS_MAX, Settings, SettingsError, from_environment, host_and_port, to_environment

NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1)


def test_an_empty_environment_gives_the_defaults() -> None:
    """Every setting has a default a deployment could use."""
    assert from_environment({}) == Settings()


@given(
    schemes=st.lists(NAMES, max_size=4).map(tuple),
    leeway_s=st.floats(0, 1e6),
    jwt_ttl_s=st.integers(0, 10**9),
    policy=st.sampled_from(["strict", "grace-replay", "grace-mint"]),
    keys_file=st.none() | NAMES.map(Path),
)
def test_what_to_environment_writes_from_environment_reads(
    schemes: tuple[str, ...], leeway_s: float, jwt_ttl_s: int, policy: str, keys_file: Path | None
) -> None:
    """The harness hands settings to a replica through its environment without loss."""
    settings = Settings(
        schemes=schemes, leeway_s=leeway_s, jwt_ttl_s=jwt_ttl_s, refresh_policy=policy, keys_file=keys_file
    )
    assert from_environment(to_environment(settings)) == settings


@given(st.floats(0, 1, exclude_max=True), st.integers(0, CLAIMS_MAX))
def test_bounded_numbers_are_read_up_to_their_bounds(jitter_ratio: float, login_claims: int) -> None:
    """The whole range that is allowed gets through."""
    settings = Settings(access_ttl_jitter_ratio=jitter_ratio, login_claims=login_claims)
    assert from_environment(to_environment(settings)) == settings


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("JWT_TTL_S", "soon", "a whole number >= 0"),
        ("JWT_TTL_S", "-1", "a whole number >= 0"),
        ("LEEWAY_S", "inf", "a number >= 0"),
        ("LEEWAY_S", "nan", "a number >= 0"),
        ("ACCESS_TTL_JITTER_RATIO", "1", "a number from 0 to below 1"),
        ("ACCESS_TTL_JITTER_RATIO", "-0.1", "a number from 0 to below 1"),
        ("LOGIN_CLAIMS", "1000", "a whole number from 0 to 999"),
        ("HOP_CHECK", "trust", "one of: verify, introspect"),
        ("REFRESH_POLICY", "lax", "one of: strict, grace-replay, grace-mint"),
        ("METRICS_BIND", "9100", "HOST:PORT with a port from 1 to 65535"),
        ("METRICS_BIND", ":9100", "HOST:PORT with a port from 1 to 65535"),
        ("METRICS_BIND", "127.0.0.1:0", "HOST:PORT with a port from 1 to 65535"),
        ("METRICS_BIND", "127.0.0.1:65536", "HOST:PORT with a port from 1 to 65535"),
        ("METRICS_BIND", "127.0.0.1:http", "HOST:PORT with a port from 1 to 65535"),
    ],
)
def test_a_bad_value_is_refused_with_found_expected_and_what_to_do(name: str, text: str, expected: str) -> None:
    """The message names the variable, the value and what would do."""
    with pytest.raises(SettingsError) as refused:
        from_environment({f"AUTHBENCH_{name}": text})
    assert str(refused.value) == f"AUTHBENCH_{name} is {text!r}, expected {expected}; correct it or unset it"


@pytest.mark.parametrize("bind", ["", "127.0.0.1:9100", "localhost:9100", "[::1]:9100"])
def test_an_address_to_listen_on_is_kept_as_it_is_written(bind: str) -> None:
    """HOST:PORT, or nothing for nowhere."""
    settings = from_environment({"AUTHBENCH_METRICS_BIND": bind})
    assert settings.metrics_bind == bind
    assert from_environment(to_environment(settings)) == settings


def test_an_address_is_taken_apart() -> None:
    """Brackets belong to the spelling of an IPv6 address, not to it."""
    assert host_and_port("localhost:9100") == ("localhost", 9100)
    assert host_and_port("[::1]:9100") == ("::1", 9100)


def test_unknown_names_are_ignored() -> None:
    """Other programs' variables are none of our business."""
    assert from_environment({"AUTHBENCH_NO_SUCH": "1", "PATH": "/bin"}) == Settings()
