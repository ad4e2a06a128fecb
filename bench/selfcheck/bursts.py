"""A neighbour who burns every core in bursts, for as long as somebody is held against it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_BURN = """
import ctypes, os, random, signal, sys, time
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
os.getppid() == int(sys.argv[2]) or sys.exit()
draw = random.Random(int(sys.argv[1]))
while True:
    end = time.monotonic() + draw.expovariate(1 / 0.4)
    while time.monotonic() < end:
        pass
    time.sleep(draw.expovariate(1 / 0.4))
"""
"""Busy and idle for 0.4 s each on average, exponentially; it dies with us."""


@contextmanager
def burning() -> Iterator[None]:
    """One such process for each core."""
    argv = [sys.executable, "-S", "-c", _BURN]
    cores = sorted(os.sched_getaffinity(0))
    burners = [subprocess.Popen([*argv, str(core), str(os.getpid())], start_new_session=True) for core in cores]
    for core, burner in zip(cores, burners, strict=True):
        os.sched_setaffinity(burner.pid, {core})
    try:
        yield
    finally:
        for burner in burners:
            burner.send_signal(signal.SIGKILL)
            burner.wait()
