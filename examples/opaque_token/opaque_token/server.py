"""The authorization server: issues opaque tokens and tells its one client about them (RFC 7662, RFC 7009)."""

from collections.abc import Callable, Mapping
from dataclasses import asdict

import falcon

from opaque_token.access import authorization
from opaque_token.tokens import Login, Tokens
from services.clock import system_clock
from services.csrf import is_same
from services.keys import open_ring
from services.settings import from_environment

App = falcon.App[falcon.Request, falcon.Response]

OPEN_PATHS = {"/healthz"}


class Form:
    """The fields of a request; every field is text and appears once."""

    def __init__(self, req: falcon.Request) -> None:
        media = req.get_media(default_when_empty={})
        self._fields: Mapping[str, object] = media if isinstance(media, dict) else {}

    def text(self, name: str) -> str:
        """The field `name`. HTTPMissingParam: 400."""
        value = self._fields.get(name)
        if not isinstance(value, str):
            raise falcon.HTTPMissingParam(name)
        return value

    def number(self, name: str) -> int:
        """The field `name` as a whole number. HTTPInvalidParam: 400."""
        try:
            return int(self.text(name))
        except ValueError as error:
            raise falcon.HTTPInvalidParam(str(error), name) from error


class Endpoint:
    """POST of a form, answered with the JSON that `answer` makes of it."""

    def __init__(self, answer: Callable[[Form], Mapping[str, object]]) -> None:
        self._answer = answer

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200, or 400 for a field that is missing."""
        resp.media = self._answer(Form(req))


class Health:
    """GET /healthz: the process answers."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Anyone may know."""
        resp.media = {"status": "ok"}


class ClientOnly:
    """Lets nobody in but the client whose Authorization header is `expected`."""

    def __init__(self, expected: str) -> None:
        self._expected = expected

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """401 for anybody else, so that nobody scans for tokens (RFC 7662, 2.1)."""
        resp.set_header("Cache-Control", "no-store")
        if req.path not in OPEN_PATHS and not is_same(req.auth or "", self._expected):
            raise falcon.HTTPUnauthorized(challenges=['Basic realm="introspection"'])


class Answers:
    """What each endpoint answers."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def issue(self, form: Form) -> Mapping[str, object]:
        """A token for a login that the services have checked; its times are by the clock of who asks."""
        login = Login(
            sub=form.text("sub"),
            username=form.text("username"),
            role=form.text("role"),
            sid=form.text("sid"),
            iat=form.number("iat"),
            exp=form.number("exp"),
        )
        return {"access_token": self._tokens.issue(login), "token_type": "Bearer"}

    def introspect(self, form: Form) -> Mapping[str, object]:
        """RFC 7662, 2.2: what an active token stands for, and of any other nothing but that it is not."""
        login = self._tokens.login(form.text("token"))
        return {"active": True, **asdict(login)} if login else {"active": False}

    def revoke(self, form: Form) -> Mapping[str, object]:
        """RFC 7009, 2.2: 200 whether or not there was such a token."""
        self._tokens.end(form.text("token"))
        return {}

    def revoke_user(self, form: Form) -> Mapping[str, object]:
        """How many tokens of a user were ended; `keep_sid` "" keeps none."""
        return {"ended": self._tokens.end_all(form.text("sub"), form.text("keep_sid"))}

    def logins(self, form: Form) -> Mapping[str, object]:
        """What a user's live tokens stand for; never the tokens."""
        return {"logins": [asdict(login) for login in self._tokens.of_user(form.text("sub"))]}


def create_app() -> App:
    """The WSGI application of the settings in the environment. SettingsError."""
    return assemble(authorization(open_ring(from_environment())), Tokens(system_clock))


def assemble(expected: str, tokens: Tokens) -> App:
    """The application over `tokens`, for the client who sends `expected`."""
    app: App = falcon.App(middleware=[ClientOnly(expected)])
    answers = Answers(tokens)
    app.add_route("/healthz", Health())
    app.add_route("/issue", Endpoint(answers.issue))
    app.add_route("/introspect", Endpoint(answers.introspect))
    app.add_route("/revoke", Endpoint(answers.revoke))
    app.add_route("/revoke-user", Endpoint(answers.revoke_user))
    app.add_route("/logins", Endpoint(answers.logins))
    return app
