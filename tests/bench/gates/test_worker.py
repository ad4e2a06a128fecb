"""The worker speaks its protocol, makes the calls it is asked for, and works off what is put on top."""

import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.gates import worker as script
from bench.gates.worker import ANSWERS, STEPS, VERSION, Load, People, Work, Worker, answered, loaded, serve, turn
from bench.stack.foundation import Foundation
from services.catalogue import SCHEMES, find
from services.key_file import generate
from services.settings import Settings


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key ring."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    generate(path)
    return path


@pytest.fixture
def worker(keys_file: Path) -> Iterator[Worker]:
    """One that has no store but memory."""
    worker = Worker(Settings(keys_file=keys_file))
    yield worker
    worker.close({})


def ask(worker: Worker, **asked: object) -> Mapping[str, Any]:
    """The reply to one question, as JSON has it."""
    reply: Mapping[str, Any] = json.loads(json.dumps(answered(worker, json.dumps(asked))))
    return reply


def opened(worker: Worker, scheme: str, step: str) -> None:
    """Have it build a scheme, which it can."""
    assert ask(worker, ask="open", scheme=scheme, step=step) == {"scheme": scheme, "step": step}


def test_hello_tells_what_the_tree_has(worker: Worker) -> None:
    """Every scheme, with its stores and the steps it has; and whose code says so."""
    hello = ask(worker, ask="hello", version=VERSION)
    assert set(hello["schemes"]) >= set(SCHEMES)
    assert hello["schemes"]["refresh-token"] == {
        "stores": ["postgres"],
        "steps": ["issue", "verify", "renew", "revoke"],
    }
    assert Path(hello["services"]).is_relative_to(Path.cwd())


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"ask": "hello", "version": 99}, "protocol version 99 is not spoken here; expected 1"),
        ({"ask": "dance"}, "found 'dance' asked, expected one of hello, open, slow, stock, round, close"),
        ({"ask": "open", "scheme": "jwt-hs265", "step": "verify"}, "scheme 'jwt-hs265' unknown"),
        ({"ask": "open", "scheme": "jwt-hs256", "step": "renew"}, "scheme 'jwt-hs256' has no step 'renew'"),
        ({"ask": "round", "calls": 1}, "no scheme is open; open one first"),
        ({"ask": "hello"}, "KeyError: 'version'"),
    ],
)
def test_what_it_cannot_do_it_says(worker: Worker, asked: Mapping[str, object], told: str) -> None:
    """A bad question is answered by one line that tells why, and a good one after it as if nothing had been."""
    assert told in ask(worker, **asked)["error"]
    assert ask(worker, ask="hello", version=VERSION)["version"] == VERSION


@pytest.mark.parametrize("step", ["issue", "verify", "revoke"])
def test_a_round_costs_what_its_calls_do(worker: Worker, step: str) -> None:
    """It has as many calls as it was asked for, and both clocks saw them."""
    opened(worker, "memory-session", step)
    ask(worker, ask="stock", credentials=5)
    costs = ask(worker, ask="round", calls=12)
    assert costs["calls"] == 12
    assert costs["cpu_ns"] > 0
    assert costs["wall_ns"] > 0


def test_no_two_credentials_of_a_stock_are_alike(worker: Worker) -> None:
    """Whoever remembers a credential is not faster for it."""
    work = STEPS["verify"](find("jwt-hs256").build(worker._parts), People())
    assert len(set(work.supply(50))) == 50


def test_what_a_call_uses_up_is_made_for_it(foundation: Foundation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A renewal is asked with a refresh credential of its own, and so is none refused; as many users as were seeded."""
    monkeypatch.setattr(script, "PEOPLE", foundation.users)
    settings = replace(foundation.settings, database_url=foundation.cluster.url(foundation.template), database_pool=1)
    worker = Worker(settings)
    opened(worker, "refresh-token", "renew")
    assert ask(worker, ask="stock", credentials=2)["making_ns"] > 0
    assert [ask(worker, ask="round", calls=3)["calls"] for _ in range(2)] == [3, 3]
    assert ask(worker, ask="close") == {"closed": True}


def test_extra_work_is_portioned_out_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 1.5 blocks a call, calls do one and two in turn, each after the call it belongs to."""
    done = list[str]()

    class Hash:
        def update(self, _block: bytes) -> None:
            done.append("block")

    monkeypatch.setattr(hashlib, "sha256", Hash)
    Load(1.5).turn(done.append, ["call"] * 2)
    assert done == ["call", "block", "call", "block", "block"]


def test_what_is_put_on_top_is_set_right_by_what_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call costs 1,000 ns, a block 50 by itself and 100 after a call: one block makes calls a tenth dearer."""
    seen = {"ns": 0, "block": 50}

    def call(_given: object) -> None:
        seen.update(ns=seen["ns"] + 1000, block=100)

    class Hash:
        def __init__(self) -> None:
            seen["block"] = 50

        def update(self, _block: bytes) -> None:
            seen["ns"] += seen["block"]

    monkeypatch.setattr(hashlib, "sha256", Hash)
    monkeypatch.setattr(time, "thread_time_ns", lambda: seen["ns"])
    monkeypatch.setattr(script, "CALIBRATION_CALLS", 100)
    load = loaded(Work(call, lambda number: [None] * number, is_spent=False), 0.1)
    assert load.steps == pytest.approx(1.0, rel=0.001)


def test_a_slowed_worker_does_extra_work(worker: Worker) -> None:
    """It says how much a call has on top, which is something, and goes on to answer rounds."""
    opened(worker, "memory-session", "issue")
    assert ask(worker, ask="slow", extra_ratio=0.5)["steps"] > 0
    assert ask(worker, ask="round", calls=4)["calls"] == 4


def test_a_turn_takes_what_it_is_given_in_order() -> None:
    """Nothing is called twice, and nothing left out."""
    seen = list[int]()
    turn(seen.append, [1, 2, 3])
    assert seen == [1, 2, 3]


@pytest.mark.parametrize("ending", ["close", "nobody asks"])
def test_it_serves_until_it_is_told_or_left(ending: str) -> None:
    """Line by line over a socket; it ends with a word, or when the other end is gone."""
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=serve, args=(theirs,))
    thread.start()
    with ours, theirs, ours.makefile("rw", encoding="utf-8") as lines:
        lines.write(json.dumps({"ask": "close" if ending == "close" else "dance"}) + "\n")
        lines.flush()
        assert set(json.loads(lines.readline())) == {"closed" if ending == "close" else "error"}
        ours.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    assert not thread.is_alive()


def test_every_question_of_the_protocol_is_in_its_description() -> None:
    """The docstring names what can be asked, and nothing else."""
    described = [line.split('"')[3] for line in (script.__doc__ or "").splitlines() if line.startswith('    {"ask"')]
    assert described == list(ANSWERS)
