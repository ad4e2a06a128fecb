"""Whether a server answers a real request."""

from http.client import HTTPConnection, HTTPException

from bench.stack.listening import LOOPBACK

PATIENCE_S = 20.0


def answers(port: int, path: str = "/healthz") -> bool:
    """Whether GET `path` gives 200. Blocks while a server that has the connection is still starting."""
    connection = HTTPConnection(LOOPBACK, port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status == 200  # noqa: PLR2004 - HTTP's OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
