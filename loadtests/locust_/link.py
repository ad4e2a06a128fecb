"""An open connection on gevent's loop: it is watched until it is closed, and asked one request at a time."""

import time
from collections.abc import Callable
from typing import Any, Protocol

from gevent import Greenlet, getcurrent, ssl
from gevent.hub import get_hub
from gevent.socket import wait_write

from loadtests.exchange import Response
from loadtests.locust_.inbox import Inbox

READ_BYTES = 65_536
NS_PER_S = 1_000_000_000
_READABLE = 1


class Stream(Protocol):
    """A connected socket, encrypted or not, that suspends nobody."""

    def send(self, data: bytes, /) -> int:
        """How much of `data` was taken. OSError."""
        ...

    def recv(self, size: int, /) -> bytes:
        """What is there, b"" at its end. OSError."""
        ...

    def fileno(self) -> int:
        """Its descriptor."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...


class Link:
    """Whoever asks is suspended once, until the whole answer is here: the loop receives and parses it.

    Being watched all the time, it costs the loop no call to be asked, and knows that the server has closed it before
    anything is sent in vain. `unread`: how much an encrypted stream has received that the loop cannot see.
    """

    def __init__(self, stream: Stream, timeout_s: float, unread: Callable[[], int] | None = None) -> None:
        self.is_open = True
        self._unread = unread
        self._stream = stream
        self._timeout_s = timeout_s
        self._inbox = Inbox()
        self._asker: Greenlet | None = None
        self._heard_ns = 0
        self._hub = get_hub()
        self._clock: Any = None
        self._watcher = self._hub.loop.io(stream.fileno(), _READABLE)
        self._watcher.start(self._receive)

    def exchange(self, request: bytes) -> Response:
        """The answer to `request`, or a Response with status 0 that says why there is none."""
        self._inbox.expect(body=not request.startswith(b"HEAD "))
        failure = self._send(request) or self._wait()
        if failure:
            self.close()
            return Response(0, failure=failure)
        inbox = self._inbox
        if not inbox.keeps_connection or (self._unread and self._unread()):
            self.close()
        return Response(inbox.status, inbox.headers, inbox.body, inbox.bytes_received, received_ns=self._heard_ns)

    def close(self) -> None:
        """Close it; who waits for an answer is told that none will come."""
        if not self.is_open:
            return
        self.is_open = False
        self._watcher.stop()
        self._watcher.close()
        self._stop_clock()
        self._stream.close()
        self._inbox.close()
        if self._asker is not None:
            self._hub.loop.run_callback(self._asker.switch, "reset")

    def _send(self, request: bytes) -> str:
        """Hand all of it to the system; "" or why that failed."""
        try:
            sent = self._offer(request)
            if sent < len(request):
                self._send_rest(request[sent:])
        except TimeoutError:
            return "timeout"
        except OSError:
            return "reset"
        return ""

    def _offer(self, data: bytes) -> int:
        try:
            return self._stream.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError):
            return 0

    def _send_rest(self, data: bytes) -> None:
        """Piece by piece, as fast as it is taken; an early answer is left for when all is sent."""
        self._watcher.stop()
        try:
            while data:
                wait_write(self._stream.fileno(), self._timeout_s)
                data = data[self._offer(data) :]
        finally:
            if self.is_open:
                self._watcher.start(self._receive)

    def _wait(self) -> str:
        """Suspend the asker until the answer is complete; "" or why it never will be."""
        self._heard_ns = time.monotonic_ns()
        if self._clock is None:
            self._start_clock(self._timeout_s)
        self._asker = getcurrent()
        try:
            return str(self._hub.switch())
        except BaseException:  # whoever asked does not wait any more, and must not be woken from what it does next
            self._asker = None
            self.close()
            raise
        finally:
            self._asker = None

    def _receive(self) -> None:
        """Called by the loop whenever something has arrived, asked for or not."""
        try:
            failure = self._take_piece() if self._asker else self._take_unasked()
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError:
            failure = "reset"
        if failure or self._inbox.complete:
            self._answer(failure)

    def _take_piece(self) -> str:
        """What is there of the answer; "" or why there will be no more. BlockingIOError, SSLWantReadError: nothing is.

        The loop calls again for the rest of it, but knows nothing of what an encrypted stream has received already.
        """
        failure = self._hear()
        while not failure and not self._inbox.complete and self._unread and self._unread():
            failure = self._hear()
        return failure

    def _hear(self) -> str:
        data = self._stream.recv(READ_BYTES)
        self._heard_ns = time.monotonic_ns()
        return self._inbox.take(data)

    def _answer(self, failure: str) -> None:
        """Wake who asked; where nobody did, this is the end."""
        asker, self._asker = self._asker, None
        if asker is None:
            self.close()
        else:
            asker.switch(failure)

    def _take_unasked(self) -> str:
        """What ends a connection that waits to be asked; news of the encryption alone does not."""
        self._stream.recv(READ_BYTES)
        return "unasked"

    def _start_clock(self, seconds: float) -> None:
        self._clock = self._hub.loop.timer(seconds)
        self._clock.start(self._look_at_clock, update=True)

    def _look_at_clock(self) -> None:
        """End a wait that is too long. One look every `timeout_s` costs less than a timer for every request."""
        self._stop_clock()
        if self._asker is None:
            return
        left_s = self._timeout_s - (time.monotonic_ns() - self._heard_ns) / NS_PER_S
        if left_s > 0:
            self._start_clock(left_s)
        else:
            self._answer("timeout")

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.close()
            self._clock = None
