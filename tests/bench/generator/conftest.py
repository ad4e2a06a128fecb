"""The server that all are held against, started once, and values that look like a measurement."""

import pytest

from bench.generator.server import BareServer
from bench.stack.supervisor import Supervisor


@pytest.fixture(scope="package")
def server(supervisor: Supervisor) -> BareServer:
    """Running."""
    return BareServer(supervisor)
