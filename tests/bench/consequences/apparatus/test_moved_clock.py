"""What is asked on a moved clock is written down whole, and held against the load balancer."""

import math

import pytest

from bench.consequences.apparatus.moved_clock import Diary, last_good, side_by_side
from bench.consequences.lab import Lab
from bench.measure.client import read_once
from loadtests.visitor import log_in, read


@pytest.mark.stack
def test_a_diary_becomes_a_record_that_agrees_with_the_load_balancer(lab: Lab) -> None:
    """Every request in order with its bytes, before and after a jump; one that nobody wrote down is found."""
    plan = lab.arm("jwt-hs256", visitors=1, replicas=2)
    with lab.stage([plan]) as stage:
        bench = stage.benches[plan.id]
        diary = Diary(bench)
        visitor = diary.visitor(0)
        assert diary.ask(visitor, log_in).status == 200
        assert [diary.ask(visitor, read).status for _ in range(2)] == [200, 200]
        diary.clock.jump(3601)
        assert diary.ask(visitor, read, was_good=False).reason == "expired"
        diary.clock.jump(0, ahead_s=3601)
        assert sorted(diary.ask(visitor, read).status for _ in range(2)) == [200, 401]
        chapter = diary.close(lab, "diary")
        secret = Diary(bench)
        read_once(bench.address, visitor)
        found = secret.close(lab, "secret").verdict
        bench.arm.haproxy.process.stop()
        assert secret.ask(visitor, read).status == 0
    assert chapter.verdict.status == "VALID"
    assert [sample.step for sample in chapter.samples] == ["login", *["read"] * 5]
    assert [sample.had_valid_credential for sample in chapter.samples] == [False, True, True, False, True, True]
    assert {sample.bytes_down > 0 < sample.bytes_up for sample in chapter.samples} == {True}
    assert (found.status, len(found.reasons)) == ("INVALID", 1)
    [unanswered] = secret.samples
    assert (unanswered.bytes_down, "refused" in unanswered.reason) == (0, True)


def test_bisection_finds_the_second() -> None:
    """The last good one and the first bad one; where there is no end, it is told."""
    assert last_good(lambda at_s: at_s <= 1234, 0, 10**9) == (1234, 1235)
    assert last_good(lambda _at_s: True, 0, 8) == (8, math.inf)


def test_pieces_are_worked_on_side_by_side_and_told_in_order() -> None:
    """However long each takes."""
    assert side_by_side(lambda number: number * 2, range(7)) == [0, 2, 4, 6, 8, 10, 12]
