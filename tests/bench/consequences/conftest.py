"""A laboratory of the tests' size, over real servers that all experiments of a module share."""

from collections.abc import Iterator

import pytest

from bench.consequences.lab import USERS, Lab
from bench.measure.run import PASSWORD_PROFILE
from bench.measure.rundir import RunDirectory
from bench.stack.foundation import lay_foundation
from bench.stack.postgres import start_postgres
from bench.stack.supervisor import Supervisor
from loadtests.record import Record
from services.catalogue import SCHEMES
from services.settings import Settings
from tests.fleet import unmeasured


class Quiet:
    """Tells nobody."""

    def stage(self, text: str, *, seconds: float = 0.0) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Scale `tiny`; records go below a folder of the module's. Its services run unmeasured, so at full speed."""
    folder = tmp_path_factory.mktemp("run")
    directory = RunDirectory(folder)

    def keep(record: Record, name: str) -> str:
        return directory.keep_at(f"consequences/{name}", record)

    with unmeasured(), Supervisor(folder / "logs") as supervisor:
        settings = Settings(password_profile=PASSWORD_PROFILE)
        foundation = lay_foundation(supervisor, start_postgres(supervisor), settings, USERS["tiny"])
        yield Lab("tiny", 1, foundation, SCHEMES, {}, keep, Quiet())
