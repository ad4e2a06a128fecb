"""The catalogue: our schemes in the order of the story, plugins after them, and a helpful no to any other name."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from services import catalogue
from services.catalogue import SCHEMES, CatalogueError, chosen, find, schemes
from services.contract import SchemeSpec


@dataclass(frozen=True)
class Point:
    """An entry point as a plugin's distribution would declare it."""

    name: str
    value: str
    loaded: object

    def load(self) -> object:
        """What the entry point names; an error is raised."""
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """Plugins are looked for anew in every test."""
    schemes.cache_clear()
    yield
    schemes.cache_clear()


def install(monkeypatch: pytest.MonkeyPatch, loaded: object) -> None:
    """Have the environment hold one plugin."""
    monkeypatch.setattr(catalogue, "entry_points", lambda group: [Point("it", f"{group}:it", loaded)])


def test_every_name_is_the_name_of_its_scheme() -> None:
    """A scheme is called the same in the catalogue and by itself."""
    assert [spec.name for spec in SCHEMES.values()] == list(SCHEMES)


def test_the_control_comes_first() -> None:
    """Every cost is a difference to it."""
    assert next(iter(schemes())) == "none"


@pytest.mark.parametrize("spec", SCHEMES.values(), ids=list(SCHEMES))
def test_traits_agree_with_each_other(spec: SchemeSpec) -> None:
    """Declared operations touch declared stores only, and the default carrier is one of the carriers."""
    used = {store for step in spec.traits.operations.values() for store in (*step.round_trips, *step.commands)}
    assert used <= set(spec.traits.stores)
    assert spec.traits.default_carrier in spec.traits.carriers
    assert {"issue", "verify", "revoke"} <= spec.traits.operations.keys()
    assert spec.traits.revoked_within.keys() == {"logout", "revoke_user", "ban", "password_change"}


def test_an_unknown_name_gets_the_list_and_the_nearest() -> None:
    """Found, expected, what to do, in one line."""
    with pytest.raises(CatalogueError) as refused:
        find("jwt-hs265")
    assert str(refused.value) == f"scheme 'jwt-hs265' unknown; one of: {', '.join(SCHEMES)}; did you mean jwt-hs256?"


def test_a_name_like_no_other_gets_the_list_alone() -> None:
    """No guess is better than a bad one."""
    with pytest.raises(CatalogueError, match=rf"{list(SCHEMES)[-1]}$"):
        find("xyz")


def test_choosing_none_chooses_all() -> None:
    """The setting's default mounts the whole catalogue; names keep their order."""
    assert list(chosen(())) == list(schemes().values())
    assert [spec.name for spec in chosen(("jwt-hs256", "none"))] == ["jwt-hs256", "none"]


def test_a_plugin_joins_after_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed distribution adds a scheme without touching this repository."""
    spec = replace(SCHEMES["none"], name="theirs")
    install(monkeypatch, spec)
    assert list(schemes()) == [*SCHEMES, "theirs"]
    assert find("theirs") is spec


@pytest.mark.parametrize(
    "loaded",
    [SCHEMES["none"], "no scheme", ModuleNotFoundError("No module named 'theirs'"), AttributeError("no SPEC")],
    ids=["taken name", "no SchemeSpec", "no module", "no attribute"],
)
def test_a_bad_plugin_is_named(monkeypatch: pytest.MonkeyPatch, loaded: object) -> None:
    """The message says which plugin to correct or uninstall."""
    install(monkeypatch, loaded)
    with pytest.raises(CatalogueError, match=r"plugin 'it' \(authbench.schemes:it\).*uninstall"):
        schemes()
