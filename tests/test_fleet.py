"""The fleet that other tests stand on does what it says."""

from tests.fleet import Fleet


def test_replicas_answer_in_turns(fleet: Fleet) -> None:
    """A stateless login made on one replica is good on both."""
    client = fleet.logged_in("jwt-hs256", "bearer")
    answers = [client.get("profile") for _ in range(4)]
    assert [answer.status for answer in answers] == [200] * 4
    assert {answer.header("X-Replica") for answer in answers} == {"replica-1", "replica-2"}


def test_affinity_has_a_replica_of_its_own(fleet: Fleet) -> None:
    """A session in memory holds."""
    client = fleet.logged_in("memory-session", "cookie")
    assert [client.get("profile").status for _ in range(4)] == [200] * 4


def test_a_bff_stands_before_both_replicas(fleet: Fleet) -> None:
    """A session begun at one BFF is good at the other; the API answers beside them."""
    client = fleet.logged_in("bff", "cookie")
    answers = [client.get("profile") for _ in range(4)]
    assert [answer.status for answer in answers] == [200] * 4
    assert {answer.header("X-Replica") for answer in answers} == {"bff-1", "bff-2"}


def test_a_bff_with_a_memory_stands_alone(fleet: Fleet) -> None:
    """Its sessions hold."""
    client = fleet.logged_in("bff-memory", "cookie")
    assert [client.get("profile").status for _ in range(4)] == [200] * 4


def test_clocks_move_together(fleet: Fleet) -> None:
    """An hour ahead an access token of half an hour is over."""
    client = fleet.logged_in("refresh-token", "bearer")
    fleet.skew(3600.0)
    try:
        assert client.get("profile").reason == "expired"
    finally:
        fleet.skew(0.0)
