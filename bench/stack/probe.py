"""Whether a server answers a real request."""

from http.client import HTTPConnection, HTTPException

from bench.stack.listening import LOOPBACK

PATIENCE_S = 20.0
OK = 200


def answers(port: int, path: str = "/healthz") -> bool:
    """Whether GET `path` gives 200. Blocks while a server that has the connection is still starting."""
    return status(port, path) == OK


def status(port: int, path: str) -> int:
    """What GET `path` gives, 0 when there is no answer. Blocks as `answers` does."""
    connection = HTTPConnection(LOOPBACK, port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status
    except (OSError, HTTPException):
        return 0
    finally:
        connection.close()
