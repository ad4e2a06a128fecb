"""Sockets are bound once, by us, and a taken port is told in one line."""

import socket

import pytest

from bench.stack.errors import NotReadyError
from bench.stack.listening import LOOPBACK, free_port, listen, port_of


def test_a_taken_port_is_told_in_one_line() -> None:
    """Found, expected and what to do, naming the port."""
    with listen() as taken:
        port = port_of(taken)
        with pytest.raises(NotReadyError, match=f"port {port} on 127.0.0.1: found .*expected it free; choose another"):
            listen(port)


def test_a_closed_listener_refuses() -> None:
    """A port whose listener is closed refuses at once instead of hanging."""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, free_port()), timeout=5)


def test_a_port_can_be_taken_again_at_once() -> None:
    """A server restarted on its port is not hindered by connections of its former life."""
    with listen() as first:
        port = port_of(first)
        with socket.create_connection((LOOPBACK, port)), first.accept()[0]:
            pass
    with listen(port) as second:
        assert port_of(second) == port
