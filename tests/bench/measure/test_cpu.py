"""CPU accounts are the kernel's own, per process, and survive processes that end."""

import os
import subprocess
import sys
import time

import pytest

from bench.measure.cpu import Member, account, cpu_ns, rates_ns_per_s, rss_bytes
from loadtests.record import Resource


def _gone() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_our_own_clock_is_the_process_clock() -> None:
    """Between two readings of process time lies what the account says of ourselves."""
    before_ns = time.process_time_ns()
    ours_ns = cpu_ns(os.getpid())
    assert before_ns <= ours_ns <= time.process_time_ns()


def test_a_process_that_is_gone_has_no_clock() -> None:
    """OSError, as documented, for both figures."""
    pid = _gone()
    for read in (cpu_ns, rss_bytes):
        with pytest.raises(OSError, match=r"Invalid argument|No such"):
            read(pid)


def test_an_account_leaves_out_who_is_gone() -> None:
    """The living are told by component and name, with memory in bytes."""
    (resource,) = account([Member("replicas", "replica-1", os.getpid()), Member("redis", "redis", _gone())])
    assert resource.process == "replicas/replica-1"
    assert resource.rss_bytes > 1_000_000


def test_rates_are_per_second_of_wall_time() -> None:
    """3 ms of CPU in 2 s are 1.5 ms/s; a process of one account alone has no rate."""
    before = [Resource(0, "haproxy/haproxy", 1_000_000, 1), Resource(0, "redis/redis", 0, 1)]
    after = [Resource(2_000_000_000, "haproxy/haproxy", 4_000_000, 1), Resource(2_000_000_000, "postgres/1", 9, 1)]
    assert rates_ns_per_s(before, after) == {"haproxy/haproxy": 1_500_000}
