"""The floor of the hot read: a bare Falcon app that answers the same body on the same server, and a login to match."""

import falcon

from services.endpoints import PROFILE


class Profile:
    """GET: the same bytes as the service's hot read."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Nothing is asked."""
        resp.data = PROFILE


class Login:
    """POST: enough for a visitor to believe it is logged in."""

    def on_post(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Nothing is checked."""
        resp.media = {"expires_in": 3600}


def create_app() -> falcon.App[falcon.Request, falcon.Response]:
    """Mounted where a visitor of scheme `none` looks for it."""
    app: falcon.App[falcon.Request, falcon.Response] = falcon.App()
    app.add_route("/none/bearer/profile", Profile())
    app.add_route("/none/bearer/login", Login())
    return app
