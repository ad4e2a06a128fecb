"""Agents ask whom they are told to ask, and everything they asked is in the record."""

from collections.abc import Iterator

import pytest

from bench.analysis.model import Verdict
from bench.consequences.apparatus.agents import NOBODY, Entrance
from bench.consequences.lab import Lab
from bench.stack.arm import RunningArm
from loadtests import visitor as flows
from loadtests.assignment import Target
from loadtests.exchange import Response

pytestmark = pytest.mark.stack
HALF_VALID = Verdict("INVALID", ("for a test",))


@pytest.fixture(scope="module")
def arm(lab: Lab) -> Iterator[RunningArm]:
    """Two replicas that keep sessions in their memory, and a BFF before each."""
    plan = lab.arm("memory-session", visitors=0, replicas=2)
    with lab.stage([plan], mounted=("memory-session", "bff-memory")) as stage:
        yield stage.arms[plan.id]


@pytest.fixture
def entrance(arm: RunningArm, lab: Lab) -> Entrance:
    """Nothing was asked there yet."""
    return Entrance(lab.arm("memory-session", visitors=0, replicas=2), arm, lab)


def test_a_twin_holds_the_same_and_lives_on_its_own(entrance: Entrance) -> None:
    """A copy works as the original does; what the original forgets, the copy keeps."""
    agent, home = entrance.agent(0), entrance.replicas[0]
    agent.take(flows.log_in, home)
    twin = agent.twin()
    assert [one.take(flows.read, home).status for one in (agent, twin)] == [200, 200]
    assert agent.take(flows.log_out, home).status == 200
    assert (agent.visitor.credential, bool(twin.visitor.credential)) == ("", True)
    assert twin.take(flows.read, home).status == 401


def test_a_request_goes_where_it_is_aimed(entrance: Entrance) -> None:
    """Each replica answers under its own name; the load balancer passes on to any of them."""
    agent = entrance.agent(0)
    for at in (*entrance.replicas, entrance.balancer):
        agent.take(flows.log_in, at)
    names = [sample.replica for sample in entrance.samples]
    assert names[:2] == ["replica-1", "replica-2"]
    assert names[2] in names[:2]


def test_clients_of_a_bff_are_answered_by_bffs(arm: RunningArm, lab: Lab) -> None:
    """The entrance is the scheme's, whatever else its arm serves."""
    entrance = Entrance(lab.arm("bff-memory", visitors=0, replicas=2), arm, lab)
    entrance.agent(0).take(flows.log_in, entrance.replicas[1])
    assert [(sample.status, sample.replica) for sample in entrance.samples] == [(200, "bff-2")]


def test_an_administrator_ends_what_a_user_began(entrance: Entrance) -> None:
    """What is no step of a journey can be asked for; it is no sample."""
    home = entrance.replicas[0]
    agent, administrator = entrance.agent(1), entrance.administrator()
    for one in (agent, administrator):
        one.take(flows.log_in, home)
    assert administrator.post("admin/revoke", {"username": "user-000001"}, home).status == 200
    assert agent.take(flows.read, home).status == 401
    assert [sample.visitor for sample in entrance.samples] == [1, NOBODY, 1]


def test_a_record_tells_all_that_was_asked_and_what_happened(entrance: Entrance) -> None:
    """Samples by their time, between the first and the last an event, and a verdict; no answer counts as sent."""
    agent, nowhere = entrance.agent(0), Target("127.0.0.1", 1)
    agent.take(flows.log_in, entrance.replicas[0])
    told = entrance.tell("something happened")
    assert agent.take(flows.read, nowhere).status == 0
    record = entrance.record(HALF_VALID)
    assert [(sample.step, sample.status > 0) for sample in record.samples] == [("login", True), ("read", False)]
    assert all(sample.bytes_up > 0 for sample in record.samples)
    assert [event.kind for event in record.events] == ["slice-start", "something happened", "slice-end"]
    assert record.events[0].at_ns <= told.at_ns <= record.events[2].at_ns
    assert record.footer is not None
    assert (record.footer.counts.sent, record.footer.counts.received) == (2, 1)
    assert (record.footer.verdict, record.footer.reasons) == ("INVALID", HALF_VALID.reasons)
    assert record.header.cell.scheme == "memory-session"


def test_a_user_who_was_not_seeded_is_no_agent(entrance: Entrance) -> None:
    """It says how many there are, and what to do."""
    with pytest.raises(ValueError, match="use fewer schemes"):
        entrance.agent(entrance.lab.foundation.users)


def test_a_flow_is_carried_to_its_end(entrance: Entrance) -> None:
    """The last answer is the flow's; a single request has one."""
    response = entrance.agent(2).take(flows.log_in, entrance.replicas[0])
    assert isinstance(response, Response)
    assert len(entrance.samples) == 1
