"""Lines of code are counted as they run for a scheme, and nothing that merely explains them."""

from pathlib import Path

import pytest

from bench.consequences.apparatus.scheme_code import lines, modules
from services.catalogue import SCHEMES
from services.keys import main
from services.settings import Settings

EXPLAINED = '''"""A module that explains itself.

Over several lines.
"""

# a comment
import os

LIMIT = 3
"""What the limit is."""


def name(of: int) -> str:
    """What it does."""

    text = """not a docstring,
    but two lines of code"""
    return text + str(of) + os.sep  # behind code
'''


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """With keys to sign with."""
    keys = tmp_path_factory.mktemp("keys") / "keys.json"
    assert main(["write", str(keys)]) == 0
    return Settings(keys_file=keys)


def needed(name: str, settings: Settings) -> frozenset[str]:
    """What runs for a scheme and not for the control."""
    return modules(SCHEMES[name], settings) - modules(SCHEMES["none"], settings)


def test_lines_are_code_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither blank, comment nor docstring, of a module, a function or a constant; a text that is used counts."""
    (tmp_path / "a_module_that_explains.py").write_text(EXPLAINED)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert lines("a_module_that_explains") == 6


def test_a_module_without_source_is_told() -> None:
    """With its name and what to do."""
    with pytest.raises(FileNotFoundError, match="'no_such_module', expected a file; install"):
        lines("no_such_module")


@pytest.mark.parametrize("name", [name for name in SCHEMES if name != "none"])
def test_a_scheme_needs_itself_and_more_than_the_control(name: str, settings: Settings) -> None:
    """Its own file is in it; what serves every scheme is not, and neither is any registry."""
    found = needed(name, settings)
    assert SCHEMES[name].build.__module__ in found
    assert not found & {"services.app", "services.endpoints", "services.catalogue", "services.parts", "services.keys"}


@pytest.mark.parametrize(
    ("name", "there", "elsewhere"),
    [
        ("memory-session", "services.stores.memory_sessions", "services.redis_client"),
        ("redis-session", "services.redis_client", "services.stores.memory_sessions"),
        ("postgres-session", "services.stores.session_sql", "services.redis_client"),
        ("jwt-hs256", "services.tokens", "services.sliding"),
        ("jwt-sliding", "services.sliding", "services.redis_client"),
        ("refresh-token", "services.stores.refresh_sql", "services.upstream"),
        ("bff", "services.bff_endpoints", "services.stores.memory_sessions"),
        ("bff-memory", "services.stores.memory_vault", "services.redis_client"),
    ],
)
def test_what_a_scheme_is_handed_counts_as_its_own(name: str, there: str, elsewhere: str, settings: Settings) -> None:
    """A store that only it opens is found though its file imports none; another scheme's store is not."""
    found = needed(name, settings)
    assert there in found
    assert elsewhere not in found
