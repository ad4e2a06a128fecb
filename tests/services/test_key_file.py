"""The file of a ring: weak or ambiguous ones are refused, a change is whole, and who signs is never removed."""

import json
import os
import shutil
import stat
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from services.key_file import SETTLED_S, KeyRingError, add, generate, promote, read_ring, retire
from services.key_kinds import KINDS

Document = dict[str, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ring, made once."""
    path = tmp_path_factory.mktemp("made") / "keys.json"
    generate(path)
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    """A ring of one's own."""
    return Path(shutil.copy(made, tmp_path / "keys.json"))


def edit(path: Path, change: Callable[[Document], None]) -> None:
    """Apply `change` to the document."""
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def settle(path: Path) -> None:
    """Let the last change be long ago."""
    os.utime(path, (0, 0))


def states(path: Path) -> dict[str, str]:
    """The state of every key."""
    return {kid: key.state for kid, key in read_ring(path).by_kid.items()}


def test_a_fresh_ring_has_an_active_key_of_every_algorithm(path: Path) -> None:
    """No two names are alike."""
    ring = read_ring(path)
    assert ring.active.keys() == KINDS.keys()
    assert len(ring.by_kid) == len(KINDS)
    assert len(ring.csrf_secret) >= 32


def test_a_ring_can_have_chosen_algorithms_only(tmp_path: Path) -> None:
    """Who needs one algorithm keeps one key."""
    generate(tmp_path / "one.json", ["ES256"])
    assert list(read_ring(tmp_path / "one.json").active) == ["ES256"]


def test_the_file_is_readable_by_its_owner_alone(path: Path) -> None:
    """Whoever reads the ring can be anybody; a change leaves it so, whatever it was before."""
    path = path.with_name("fresh.json")
    generate(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    add(path, "HS256")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_generating_never_overwrites(path: Path) -> None:
    """Keys in use are not lost to a second call, and nothing is left beside them."""
    before = path.read_bytes()
    with pytest.raises(KeyRingError, match="File exists, expected a new file"):
        generate(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def bad_secret(document: Document) -> None:
    """31 bytes."""
    document["keys"][0]["key"] = "A" * 40 + "AA=="


def weak_csrf(document: Document) -> None:
    """A short secret."""
    document["csrf_secret"] = "YWJj"


def other_kind(document: Document) -> None:
    """A key of one algorithm under the name of another."""
    document["keys"][1]["key"] = document["keys"][2]["key"]


def unknown_alg(document: Document) -> None:
    """An algorithm that is none."""
    document["keys"][0]["alg"] = "none"


def unknown_state(document: Document) -> None:
    """A state that is none."""
    document["keys"][0]["state"] = "paused"


def same_kid(document: Document) -> None:
    """One name for two keys."""
    document["keys"][1]["kid"] = document["keys"][0]["kid"]


def two_active(document: Document) -> None:
    """Two keys that would both sign."""
    document["keys"].append({**document["keys"][0], "kid": "second"})


def without_keys(document: Document) -> None:
    """A document of something else."""
    del document["keys"]


def without_alg(document: Document) -> None:
    """Half an entry."""
    del document["keys"][0]["alg"]


def no_text(document: Document) -> None:
    """A number for a key."""
    document["keys"][0]["key"] = 7


def no_entry(document: Document) -> None:
    """A word for an entry."""
    document["keys"][0] = "key"


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (bad_secret, "31 bytes"),
        (weak_csrf, "3 bytes"),
        (other_kind, "not an RSA key"),
        (unknown_alg, "alg 'none'"),
        (unknown_state, "state 'paused'"),
        (same_kid, "two keys with kid"),
        (two_active, "two active keys with alg"),
        (without_keys, "no list of keys"),
        (without_alg, "needs kid, alg, state and key"),
        (no_text, "needs kid, alg, state and key"),
        (no_entry, "needs kid, alg, state and key"),
    ],
)
def test_a_weak_or_ambiguous_ring_is_refused(path: Path, spoil: Callable[[Document], None], found: str) -> None:
    """RFC 8725 3.5 and common sense: one name, one key, one algorithm, one that signs; in one line."""
    edit(path, spoil)
    with pytest.raises(KeyRingError, match=found) as refused:
        read_ring(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "null", '"keys"', "{", "\u00e9"])
def test_what_is_no_ring_is_refused(path: Path, text: str) -> None:
    """Any other file, by one line."""
    path.write_text(text, encoding="utf-8")
    with pytest.raises(KeyRingError, match="expected a key ring"):
        read_ring(path)


@pytest.mark.parametrize("change", [read_ring, lambda path: add(path, "HS256"), lambda path: retire(path, "x")])
def test_a_missing_file_is_refused(tmp_path: Path, change: Callable[[Path], object]) -> None:
    """The message says how to make one, also where the folder is missing."""
    for path in (tmp_path / "missing", tmp_path / "no" / "folder"):
        with pytest.raises(KeyRingError, match=r"No such file.*services\.keys write PATH"):
            change(path)


@pytest.mark.parametrize("alg", KINDS)
def test_a_key_is_added_promoted_and_retired(path: Path, alg: str) -> None:
    """It verifies, then signs in place of the old one, which verifies on until it is gone; others stay as they are."""
    before = read_ring(path)
    old = before.active[alg].kid
    new = add(path, alg)
    assert states(path) == {**dict.fromkeys(before.by_kid, "active"), new: "verify-only"}
    settle(path)
    promote(path, new)
    assert states(path) == {**dict.fromkeys(before.by_kid, "active"), old: "verify-only", new: "active"}
    retire(path, old)
    after = read_ring(path)
    assert after.by_kid.keys() == before.by_kid.keys() - {old} | {new}
    assert after.csrf_secret == before.csrf_secret
    assert {key.text for key in before.by_kid.values()} - {key.text for key in after.by_kid.values()} == {
        before.active[alg].text
    }


def test_promoting_the_active_key_changes_nothing(path: Path) -> None:
    """It signs already."""
    before = states(path)
    settle(path)
    promote(path, read_ring(path).active["ES256"].kid)
    assert states(path) == before


def test_promoting_waits_until_every_service_has_read_the_key(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most so long as a service needs to look, counted from the last change, whatever the file's time says."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    new = add(path, "HS256")
    promote(path, new)
    settle(path)
    promote(path, new)
    os.utime(path, (2**33, 2**33))
    promote(path, new)
    assert 0 < waited[0] <= SETTLED_S
    assert waited[1:] == [0.0, SETTLED_S]


def test_an_active_key_is_not_retired(path: Path) -> None:
    """Somebody signs with it at this moment."""
    before = path.read_bytes()
    with pytest.raises(KeyRingError, match="active, expected verify-only; promote another") as refused:
        retire(path, read_ring(path).active["EdDSA"].kid)
    assert "\n" not in str(refused.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("change", [promote, retire])
def test_an_unknown_name_gets_the_list(path: Path, change: Callable[[Path, str], None]) -> None:
    """And the file stays as it is."""
    settle(path)
    before = path.read_bytes()
    with pytest.raises(KeyRingError, match="found no key 'nobody', expected one of: hs256-"):
        change(path, "nobody")
    assert path.read_bytes() == before


def test_changes_at_once_are_all_made(tmp_path: Path) -> None:
    """Two operators never lose each other's key."""
    path = tmp_path / "keys.json"
    generate(path, ["HS256", "EdDSA"])
    with ThreadPoolExecutor(8) as threads:
        added = list(threads.map(lambda _: add(path, "EdDSA"), range(16)))
    assert len(set(added)) == 16
    assert set(added) < states(path).keys()
    assert list(path.parent.iterdir()) == [path]


def test_a_reader_never_sees_half_a_change(tmp_path: Path) -> None:
    """Any moment is before or after."""
    path = tmp_path / "keys.json"
    generate(path, ["HS256", "EdDSA"])
    done = threading.Event()

    def change() -> None:
        for _ in range(10):
            retire(path, add(path, "HS256"))
        done.set()

    with ThreadPoolExecutor(1) as threads:
        changing = threads.submit(change)
        seen = {len(read_ring(path).by_kid)}
        while not done.is_set():
            seen.add(len(read_ring(path).by_kid))
        changing.result()
    assert seen <= {2, 3}


def test_a_change_that_fails_leaves_everything_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old ring, nothing beside it, and one line that says why."""

    def forbidden(*_arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    before = path.read_bytes()
    monkeypatch.setattr(os, "chown", forbidden)
    with pytest.raises(KeyRingError, match="Operation not permitted, expected a folder"):
        add(path, "HS256")
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
