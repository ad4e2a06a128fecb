"""Needs on the command line: every one has an option, is read exactly, and states nothing where it is left out."""

import argparse

import pytest

from authbench.needs import FLAGS, add_needs, duration_s, needs_of, ratio
from bench.analysis.advice_rules import UNSTATED, Needs


def asked(*words: str) -> Needs:
    """What these words state."""
    parser = argparse.ArgumentParser()
    add_needs(parser)
    return needs_of(parser.parse_args(words))


def test_every_need_has_an_option() -> None:
    """And nothing is stated by saying nothing."""
    assert set(FLAGS) == set(UNSTATED)
    assert asked() == Needs()


def test_all_needs_at_once() -> None:
    """Each arrives in its field and unit, however they are ordered."""
    words = [
        "--force-logout", "--limit-sessions", "--list-sessions", "--mobile", "--survive-replica-loss",
        "--redeploy-keeps-logins", "--no-redis", "--no-postgres", "--tokens-out-of-browser",
        "--revocation-window=5m", "--services=3", "--servers=2", "--store-outage=30s", "--latency-budget=5ms",
        "--cpu-budget=1.5x",
    ]  # fmt: skip
    needs = asked(*words)
    assert set(needs.stated) == set(UNSTATED)
    assert (needs.revocation_window_s, needs.store_outage_s) == (300.0, 30.0)
    assert (needs.latency_budget_ms, needs.cpu_budget_ratio) == (5.0, 1.5)
    assert (needs.services, needs.servers) == (3, 2)
    assert asked(*reversed(words)) == needs


@pytest.mark.parametrize(("text", "value_s"), [("0s", 0.0), ("5m", 300.0), ("1.5h", 5400.0), ("2d", 172_800.0)])
def test_a_time_is_read_with_its_unit(text: str, value_s: float) -> None:
    """Zero is one."""
    assert duration_s(text) == value_s


@pytest.mark.parametrize("text", ["", "5", "m", "-1s", "5 m", "5min", "1e3s", "٢s"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    """With what was found and expected."""
    with pytest.raises(argparse.ArgumentTypeError, match=r"found '.*', expected a time with its unit"):
        duration_s(text)


@pytest.mark.parametrize(("text", "value"), [("1x", 1.0), ("1.5x", 1.5), ("2", 2.0)])
def test_a_multiple_is_read(text: str, value: float) -> None:
    """With or without its x."""
    assert ratio(text) == value


@pytest.mark.parametrize("text", ["", "x", "0.9x", "-2x", "infx", "nan", "150%", f"{'9' * 400}x"])
def test_a_multiple_that_is_none_is_refused(text: str) -> None:
    """Below the control itself, or no number."""
    with pytest.raises(argparse.ArgumentTypeError, match=r"expected a multiple of the control's CPU of at least 1"):
        ratio(text)
