"""What answers of the services have in common, whether the API or the BFF before it gives them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import falcon

from services.contract import SessionInfo

if TYPE_CHECKING:
    from services.metrics import Metrics


class App(falcon.App[falcon.Request, falcon.Response]):
    """An application without routes, whose every answer names `replica`; `metrics`, if any, counts them."""

    __slots__ = ("metrics",)

    def __init__(self, replica: str, metrics: "Metrics | None" = None) -> None:
        super().__init__(response_type=answer_of(replica), middleware=[metrics] if metrics else [])
        self.metrics = metrics


class Health:
    """GET /healthz: the process answers."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """No store is asked."""
        resp.media = {"status": "ok"}


def listing(sessions: Iterable[SessionInfo], current_sid: str) -> dict[str, list[dict[str, str | float | bool]]]:
    """The body of GET /sessions."""
    return {
        "sessions": [
            {
                "sid": session.sid,
                "created_at_s": session.created_at_s,
                "expires_at_s": session.expires_at_s,
                "is_current": session.sid == current_sid,
            }
            for session in sessions
        ]
    }


def answer_of(replica: str) -> type[falcon.Response]:
    """A response that always names the replica and is never cached, without a middleware on the hot path."""
    headers = (("X-Replica", replica), ("Cache-Control", "no-store"))

    class Answer(falcon.Response):
        def __init__(self, options: falcon.ResponseOptions | None = None) -> None:
            super().__init__(options)
            self.set_headers(headers)

    return Answer
