"""Ports of our own on the loopback: bound here and handed over where a server can take a socket, else guessed."""

import socket
from typing import Protocol

from bench.stack.errors import NotReadyError, ProcessDiedError
from bench.stack.process import Process

LOOPBACK = "127.0.0.1"
BACKLOG = 2048
ATTEMPTS = 10


class Guessing(Protocol):
    """A server that binds a guessed port itself."""

    process: Process

    def answers(self) -> bool:
        """Whether it serves."""
        ...

    def move(self) -> None:
        """Start anew on another guess."""
        ...


def listen(port: int = 0, host: str = LOOPBACK) -> socket.socket:
    """A listening TCP socket to hand to a server; close it afterwards, so that a dead server refuses, not hangs.

    Port 0: a free one. NotReadyError when the port belongs to somebody else.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        message = f"port {port} on {host}: found it unusable ({error.strerror}), expected it free; choose another port"
        raise NotReadyError(message) from error
    return listener


def port_of(listener: socket.socket) -> int:
    """The port a listening socket is bound to."""
    port: int = listener.getsockname()[1]
    return port


def free_port() -> int:
    """A port nobody listens on now: for servers that must bind it themselves, who try again when they lose the race."""
    with listen() as listener:
        return port_of(listener)


def settle(server: Guessing) -> None:
    """Return when `server` answers; it moves on whenever somebody else took its port first. ProcessDiedError."""
    for _ in range(ATTEMPTS):
        try:
            return server.process.wait_ready(server.answers)
        except ProcessDiedError as error:
            if "in use" not in server.process.log.read_text(errors="replace"):
                raise
            lost = error
            server.move()
    raise lost
