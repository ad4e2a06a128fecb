"""A store that is far away: whatever passes on the way to it arrives half a round trip later, in either direction.

Each arm has a process of its own for that, `python -m bench.stack.distance FILE LISTENER:PORT ...`: FILE tells the
round trip, and what connects to the listening socket of descriptor LISTENER reaches PORT of the loopback.
"""

import asyncio
import mmap
import selectors
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from bench.stack.listening import LOOPBACK, listen, port_of
from bench.stack.process import Command, Process
from bench.stack.supervisor import Supervisor

RoundTrip = Callable[[], float]
"""Seconds from a question to the store until its answer is back, if the store answers at once."""

SPIN_S = 0.000_2
"""What a core that sleeps needs to wake up, nine times in ten on a virtual machine: slept short of and spun away."""
_SECONDS = struct.Struct("<d")
_END = b""


class Distance:
    """The way from the services of `arm` to the stores that listen on `ports`: at first of no length.

    Bandwidth is not limited, nothing is reordered, and what is on its way is kept in memory. Connecting costs no round
    trip of its own: services keep their connections.
    """

    def __init__(self, supervisor: Supervisor, arm: str, ports: Sequence[int]) -> None:
        self.name = "distance"
        folder = supervisor.folder(f"{arm}.{self.name}")
        self._file = folder / "round-trip"
        self._file.write_bytes(_SECONDS.pack(0.0))
        with ExitStack() as listening:
            listeners = [listening.enter_context(listen()) for _ in ports]
            self._near: Mapping[int, int] = dict(zip(ports, map(port_of, listeners), strict=True))
            ways = [f"{listener.fileno()}:{port}" for listener, port in zip(listeners, ports, strict=True)]
            argv = (sys.executable, "-m", "bench.stack.distance", str(self._file), *ways)
            descriptors = tuple(listener.fileno() for listener in listeners)
            self.process: Process = supervisor.start(Command(f"{arm}.{self.name}", argv, folder, {}, descriptors))

    def through(self, url: str) -> str:
        """`url` of one of the stores, as it is reached this way."""
        port = urlsplit(url).port or 0
        return url.replace(f"{LOOPBACK}:{port}", f"{LOOPBACK}:{self._near[port]}")

    def set_round_trip(self, round_trip_s: float) -> None:
        """Move the stores away or back; what is on its way already arrives as it would have."""
        with self._file.open("r+b") as file:
            file.write(_SECONDS.pack(round_trip_s))


class _End(asyncio.Protocol):
    """One end of a connection: what comes in is handed to the other end, half a round trip later and in order."""

    def __init__(self, round_trip: RoundTrip) -> None:
        self._round_trip = round_trip
        self._loop = asyncio.get_running_loop()
        self._way: deque[tuple[float, bytes]] = deque()
        self.other = self
        self.transport = asyncio.Transport()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment] # a stream's, as this is a stream's protocol

    def data_received(self, data: bytes) -> None:
        now_s, half_s = self._loop.time(), self._round_trip() / 2
        if not self._way and half_s <= 0:
            self.other.take(data)
            return
        self._way.append((now_s + half_s, data))
        if len(self._way) == 1:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the name is asyncio's
        self.data_received(_END)

    def take(self, data: bytes) -> None:
        """Send `data`, or close after what was sent where it is the end."""
        if data == _END:
            self.transport.close()
        else:
            self.transport.write(data)

    def _wait(self) -> None:
        self._loop.call_at(self._way[0][0] - SPIN_S, self._arrive)

    def _arrive(self) -> None:
        while self._loop.time() < self._way[0][0]:
            pass
        while self._way and self._way[0][0] <= self._loop.time():
            self.other.take(self._way.popleft()[1])
        if self._way:
            self._wait()


class _NearEnd(_End):
    """Accepted from a service; reads nothing before the store at `port` is connected, and ends when it cannot be."""

    def __init__(self, round_trip: RoundTrip, port: int) -> None:
        super().__init__(round_trip)
        self._port = port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()
        self._joining = self._loop.create_task(self._join())

    async def _join(self) -> None:
        far = _End(self._round_trip)
        self.other, far.other = far, self
        try:
            await self._loop.create_connection(lambda: far, LOOPBACK, self._port)
        except OSError:
            self.transport.close()
        else:
            self.transport.resume_reading()


def _told_by(file: Path) -> RoundTrip:
    """What `file` says now; shared memory, so a read is cheap."""
    with file.open("r+b") as opened:
        shared = mmap.mmap(opened.fileno(), _SECONDS.size, access=mmap.ACCESS_READ)
    return lambda: float(_SECONDS.unpack_from(shared)[0])


async def _pass_on(round_trip: RoundTrip, ways: Sequence[str]) -> None:
    loop = asyncio.get_running_loop()
    for way in ways:
        listener, port = map(int, way.split(":"))
        await loop.create_server(partial(_NearEnd, round_trip, port), sock=socket.socket(fileno=listener))
    await asyncio.Event().wait()


def main() -> None:
    """Pass on until killed."""
    # of all selectors only this one waits to the microsecond, the others to the millisecond
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(_pass_on(_told_by(Path(sys.argv[1])), sys.argv[2:]))


if __name__ == "__main__":
    main()
