"""The counts of the Auth tab: each request once, wherever it was counted."""

from collections.abc import Sequence
from dataclasses import replace

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.exchange import Response
from loadtests.locust_.ui_tally import BY_REFRESH, IN_ANSWER, NOBODY, Tally
from loadtests.record import Sample, StepName
from loadtests.visitor import NEW_LIFE_HEADER

OK, SLID = Response(200), Response(200, {NEW_LIFE_HEADER: ("300",)})


def sample(
    step: StepName = "read",
    status: int = 200,
    reason: str = "",
    *,
    visitor: int = 0,
    valid: bool = True,
) -> Sample:
    """One request of 300 bytes to the first replica, answered by 400."""
    return Sample(visitor, step, 0, 0, 1, status, reason, "replica-1", valid, 300, 400)


def at(replica: str, one: Sample) -> Sample:
    """The same elsewhere."""
    return replace(one, replica=replica)


SAMPLES = st.builds(
    at,
    st.sampled_from(["", "replica-1", "replica-2"]),
    st.builds(
        sample,
        st.sampled_from(["login", "read", "write", "refresh", "logout"]),
        st.sampled_from([0, 200, 201, 401, 503]),
        st.sampled_from(["unknown", "expired"]),
        visitor=st.integers(0, 3),
        valid=st.booleans(),
    ),
)


def tallied(samples: Sequence[Sample], response: Response = OK) -> Tally:
    """A tally of these."""
    tally = Tally()
    for one in samples:
        tally.add(one, response)
    return tally


def test_refusals_are_counted_by_reason() -> None:
    """A 401 counts under the reason the service gave, other errors do not."""
    samples = [sample(status=401, reason="expired"), sample(status=401, reason="revoked"), sample(status=503)]
    assert tallied([*samples, samples[0]]).refusals == {"expired": 2, "revoked": 1}


@pytest.mark.parametrize(
    ("refused", "users"),
    [
        ([sample(status=401), sample(status=401)], 1),
        ([sample(status=401, visitor=1), sample(status=401, visitor=2)], 2),
        ([sample(status=401, valid=False)], 0),
        ([sample("login", status=401)], 0),
        ([sample(status=503)], 0),
    ],
    ids=["one user twice", "two users", "credential was dead", "a wrong password", "store down"],
)
def test_a_user_is_logged_out_once(refused: Sequence[Sample], users: int) -> None:
    """Who is refused with a valid credential is logged out, however often; nobody else is."""
    assert tallied(refused).figures()["users_logged_out"] == users


def test_tokens_are_renewed_two_ways() -> None:
    """By a refresh that succeeded, or by an answer that brought the next token; a login renews nothing."""
    tally = tallied([sample("refresh"), sample("refresh", status=401), sample(), sample("login")])
    tally.add(sample(), SLID)
    assert tally.renewals == {BY_REFRESH: 1, IN_ANSWER: 1}


def test_every_request_has_a_replica() -> None:
    """Where nobody said who answered, that is told too."""
    assert tallied([sample(), at("", sample(status=503))]).requests == {"replica-1": 1, NOBODY: 1}


@given(st.lists(st.lists(SAMPLES, max_size=8), max_size=4))
def test_reports_add_up(reports: list[list[Sample]]) -> None:
    """A master that got everything in pieces over the wire shows what one process would; no piece counts twice."""
    master, worker = Tally(), Tally()
    for report in reports:
        for one in report:
            worker.add(one, OK)
        master.merge("worker-1", msgpack.loads(msgpack.dumps(worker.take())))
    assert worker == Tally()
    assert master.figures() == tallied([one for report in reports for one in report]).figures()


def test_two_workers_have_two_visitors_of_one_number() -> None:
    """Users of two workers are never taken for one."""
    master = Tally()
    for worker in ("a", "b", "b"):
        master.merge(worker, tallied([sample(status=401)]).take())
    assert master.figures()["users_logged_out"] == 2


def test_the_tab_reads_from_top_to_bottom() -> None:
    """Every figure has its line, shares are of all requests, bytes per request are means."""
    samples = [sample(), sample(status=401, reason="unknown"), at("replica-2", sample("refresh")), sample()]
    rows = [(row.figure, row.counted_by, row.value, row.share) for row in tallied(samples).rows()]
    assert rows == [
        ("401 answers", "unknown", "1", "25.0%"),
        ("users logged out", "valid credential refused", "1", ""),
        ("tokens renewed", BY_REFRESH, "1", "25.0%"),
        ("requests", "replica-1", "3", "75.0%"),
        ("requests", "replica-2", "1", "25.0%"),
        ("bytes per request", "up", "300.0", ""),
        ("bytes per request", "down", "400.0", ""),
    ]


def test_nothing_yet_is_not_zero_bytes() -> None:
    """Before the first request counts are 0 and a mean is not known; nothing divides by nothing."""
    tally = Tally()
    assert [row.value for row in tally.rows()] == ["0", "0", "0", "0", "", ""]
    assert tally.figures()["bytes_up_per_request"] is None


@given(st.lists(SAMPLES, max_size=8))
def test_a_cleared_tally_is_new(samples: list[Sample]) -> None:
    """Nothing of a run is left in the next."""
    tally = tallied(samples)
    tally.clear()
    assert tally == Tally()
