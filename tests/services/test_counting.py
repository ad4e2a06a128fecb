"""Counting: whoever asked is told of every call, and where nobody asked nothing stands in between."""

import subprocess
import sys
from dataclasses import replace

import pytest

from services import app, bff
from services.answers import App
from services.counting import UNCOUNTED, counted, open_metrics
from services.parts import open_parts
from services.settings import Settings


def test_a_counted_call_is_told_first_and_answers_as_ever() -> None:
    """Also one that fails was made."""
    told: list[str] = []
    half = counted(lambda whole, by: whole / by, lambda: told.append("call"))
    assert half(4, by=2) == 2
    with pytest.raises(ZeroDivisionError):
        half(1, by=0)
    assert told == ["call", "call"]


def test_an_uncounted_call_is_the_call_itself() -> None:
    """Not a wrapper that does nothing, but nothing."""
    assert counted(len, None) is len
    assert UNCOUNTED.redis is UNCOUNTED.postgres is UNCOUNTED.upstream is None


@pytest.mark.parametrize("front", [app, bff], ids=["api", "bff"])
def test_nothing_is_counted_by_default(settings: Settings, front: object) -> None:
    """No middleware object, no counters: what Falcon runs per request is what it runs in a bare application."""
    made = front.create_app(settings)  # type: ignore[attr-defined]
    assert open_metrics(settings, "api") is made.metrics is None
    assert made._middleware == App("bare")._middleware == ((), (), ())


@pytest.mark.parametrize("front", [app, bff], ids=["api", "bff"])
def test_nothing_but_a_middleware_is_added_when_it_is_on(settings: Settings, front: object) -> None:
    """One that acts after the response alone."""
    made = front.create_app(replace(settings, metrics_bind="127.0.0.1:9100"))  # type: ignore[attr-defined]
    before, resources, after = made._middleware
    assert (before, resources) == ((), ())
    assert after == (made.metrics.process_response,)


def test_parts_are_uncounted_by_default(settings: Settings) -> None:
    """The Redis client calls its library's method, and a connection waits as it always does."""
    parts = open_parts(settings)
    assert parts._redis().execute == parts._redis()._redis.execute_command
    with parts.database.connection() as connection:
        assert type(connection).__name__ == "Connection"
    parts.close()


def test_who_is_not_counted_imports_nothing_for_it() -> None:
    """A measured replica starts without the Prometheus client."""
    look = "import sys, services.app, services.bff, services.gunicorn_conf; print('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], capture_output=True, check=True).stdout == b"False\n"
