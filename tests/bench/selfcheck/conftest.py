"""Selfchecks run as a user runs them: at full speed."""

from collections.abc import Iterator

import pytest

from tests.fleet import unmeasured


@pytest.fixture(autouse=True)
def _full_speed() -> Iterator[None]:
    """What a check starts is started by other tests as well, which measure its coverage."""
    with unmeasured():
        yield
