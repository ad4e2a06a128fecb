"""Wire bytes: what really travels, and limits that were really met."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from bench.analysis.model import Verdict
from bench.consequences import serial
from bench.consequences.apparatus.weighing import Weighed, claims_bytes, encoded_chars, most_claims, payload_bytes, send
from bench.consequences.experiment import conduct, harms
from bench.consequences.lab import Lab
from bench.consequences.model import Outcome
from bench.consequences.wire_bytes import (
    BALANCER,
    CREDENTIAL,
    DOWN,
    EXPERIMENT,
    LINE_AT,
    MOST,
    REFUSED,
    REFUSED_NEXT,
    REPLICA,
    SHAPES,
    SIZES,
    UP,
    Search,
    Way,
    _verdict,
)
from loadtests.assignment import Target
from services.carriers import COOKIE_MAX_BYTES, SESSION_COOKIE
from services.catalogue import SCHEMES
from services.settings import CLAIMS_MAX
from services.tokens import MAX_CHARS, PERMISSIONS, permission

pytestmark = pytest.mark.stack
COOKIE_FULL, TOKEN_FULL = "431 cookie-too-large", "431 credential-too-long"
NAME_CHARS = 28
"""What the last name before the limit may have left unused."""


@pytest.fixture(scope="module")
def outcomes(lab: Lab) -> tuple[Outcome, ...]:
    """All that is found of a session, a token and a BFF."""
    return conduct(EXPERIMENT, lab, ("redis-session", "jwt-hs256", "bff"))


def found(outcomes: tuple[Outcome, ...], scheme: str, setting: str) -> Outcome:
    """One of them."""
    (one,) = [outcome for outcome in outcomes if (outcome.scheme, outcome.setting) == (scheme, setting)]
    return one


def test_what_was_found_can_be_kept(outcomes: tuple[Outcome, ...]) -> None:
    """Every figure is a number: read again from JSON the outcomes are the same."""
    assert serial.from_jsonable(serial.to_jsonable(outcomes)) == outcomes


def test_it_concerns_every_shape_of_a_credential() -> None:
    """And no scheme that carries what another does."""
    assert {name for name, spec in SCHEMES.items() if EXPERIMENT.concerns(spec)} == set(SHAPES)


def test_all_that_theory_says_is_found(outcomes: tuple[Outcome, ...]) -> None:
    """To the byte, and to the claim; nothing is invalid, and no login without claims is refused."""
    assert {outcome.verdict for outcome in outcomes} == {Verdict("VALID")}
    assert [figure for outcome in outcomes for figure in outcome.figures if figure.misses_theory] == []
    controls = [outcome for outcome in outcomes if outcome.is_control]
    assert {outcome.scheme for outcome in controls} == {"redis-session", "jwt-hs256", "bff"}
    assert [list(harms(outcome)) for outcome in controls] == [[]] * len(controls)


def limit_of(outcomes: tuple[Outcome, ...], scheme: str, carrier: str) -> Outcome:
    """Where one claim more is refused."""
    (one,) = [one for one in outcomes if one.scheme == scheme and one.setting.startswith(f"{carrier}, at most")]
    return one


@pytest.mark.parametrize("carrier", ["cookie", "bearer"])
def test_a_session_weighs_the_same_whatever_it_knows(outcomes: tuple[Outcome, ...], carrier: str) -> None:
    """The fault cannot hit it: its claims stay at home, all that there can be."""
    weighed = [
        found(outcomes, "redis-session", f"{carrier}, {claims} claims") for claims in (*SIZES["tiny"], CLAIMS_MAX)
    ]
    assert len({one.figure(UP).value for one in weighed}) == 1
    assert all(one.figure(REFUSED).value == 0 for one in weighed)


@pytest.mark.parametrize("carrier", ["cookie", "bearer"])
def test_a_token_grows_by_every_claim(outcomes: tuple[Outcome, ...], carrier: str) -> None:
    """Up, with every request; down it costs nothing."""
    bare, laden = (found(outcomes, "jwt-hs256", f"{carrier}, {claims} claims") for claims in SIZES["tiny"])
    assert laden.figure(UP).value > bare.figure(UP).value + 10 * 18
    assert laden.figure(DOWN).value == bare.figure(DOWN).value


@pytest.mark.parametrize(
    ("scheme", "carrier", "answer", "room"),
    [
        ("jwt-hs256", "cookie", COOKIE_FULL, COOKIE_MAX_BYTES - len(SESSION_COOKIE)),
        ("jwt-hs256", "bearer", TOKEN_FULL, MAX_CHARS),
    ],
)
def test_the_last_claim_that_fits_is_found(
    outcomes: tuple[Outcome, ...], scheme: str, carrier: str, answer: str, room: int
) -> None:
    """One more is refused, and what still fits leaves no room for one more."""
    limit = limit_of(outcomes, scheme, carrier)
    assert limit.headline == f"{limit.figure(MOST).value} fit, then {answer}"
    assert limit.at == limit.figure(MOST).value
    assert limit.figure(REFUSED_NEXT).value == 1
    assert room - NAME_CHARS <= limit.figure(CREDENTIAL).value <= room


def test_behind_a_bff_a_token_is_too_long_all_the_same(outcomes: tuple[Outcome, ...]) -> None:
    """Its cookie stays small, yet a login that the API cannot sign is refused through it."""
    limit = limit_of(outcomes, "bff", "cookie")
    assert limit.headline.endswith(TOKEN_FULL)
    assert limit.figure(UP).value == found(outcomes, "bff", "cookie, 0 claims").figure(UP).value


def test_servers_on_the_way_would_be_the_next_to_refuse(outcomes: tuple[Outcome, ...]) -> None:
    """A line longer than any token of ours, and who answers what: the replica before the load balancer."""
    limit = limit_of(outcomes, "jwt-hs256", "bearer")
    replica = limit.figure(LINE_AT.format(status=431, whose=REPLICA)).value
    balancer = limit.figure(LINE_AT.format(status=400, whose=BALANCER)).value
    assert MAX_CHARS < replica < balancer


@pytest.mark.parametrize("plain", [0, 1, 2, 3, 100, 101])
def test_lengths_survive_the_encoding(plain: int) -> None:
    """What a payload was before it was encoded can be told from its length, for every remainder."""
    assert payload_bytes(f"h.{'x' * encoded_chars(plain)}.s") == plain
    assert payload_bytes("an-opaque-one") == 0


@pytest.mark.parametrize("claims", [1, 2, 100])
def test_claims_are_counted_as_json(claims: int) -> None:
    """What is computed is how long a payload really gets, spelt as tokens spell it."""
    bare = {"sub": "id"}
    laden = bare | {PERMISSIONS: [permission(number) for number in range(claims)]}
    bare_text, laden_text = (json.dumps(payload, separators=(",", ":")) for payload in (bare, laden))
    assert claims_bytes(claims) == len(laden_text) - len(bare_text)


def test_as_many_claims_are_foretold_as_there_is_room_for() -> None:
    """None where there is none, and at most as many as are asked about."""
    assert claims_bytes(0) == 0
    assert most_claims(100, 0, 50) == 0
    assert most_claims(100, 10_000, 50) == 50


def test_a_search_halves_where_theory_was_wrong() -> None:
    """The limit is what was sent, not what was predicted."""
    bare = Weighed("jwt-hs256", "bearer", 0, 200, "", 0, credential_chars=400, payload_bytes=200)
    way = Way("jwt-hs256", "bearer", bare, payload_bytes=200, chars=400)
    search = Search(way, bare, replace(bare, claims=CLAIMS_MAX, status=431))
    rounds = 0
    while not search.is_over:
        rounds += 1
        for claims in search.probes():
            search.learn(replace(bare, claims=claims, status=200 if claims <= 41 else 431))
    assert (search.accepted.claims, search.refused.claims) == (41, 42)
    assert rounds < 12


def test_an_answer_that_is_neither_is_told() -> None:
    """A login that fails for another reason says nothing about claims."""
    verdict = _verdict(Weighed("none", "bearer", 0, 503, "store-down", 0))
    assert verdict.status == "INVALID"
    assert "503 store-down" in verdict.reasons[0]


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
def test_an_answer_that_breaks_off_is_none(answer: bytes) -> None:
    """Neither its status nor its bytes are those of an answer."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        serving = pool.submit(serve)
        response = send(Target(*server.getsockname()), b"GET / HTTP/1.1\r\n\r\n")
        serving.result()
    assert response.status == 0
    assert "closed" in response.reason


def test_a_server_that_is_away_is_no_answer() -> None:
    """It is told why, and does not end the experiment."""
    response = send(Target("127.0.0.1", 1), b"GET / HTTP/1.1\r\n\r\n")
    assert (response.status, "refused" in response.reason) == (0, True)
