"""The description and the running service say the same."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import falcon.inspect
import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

import services
from services.app import assemble
from services.carriers import CSRF_HEADER, NEW_LIFE_HEADER, NEW_TOKEN_HEADER
from services.catalogue import SCHEMES
from services.contract import Carrier
from services.problems import PROBLEMS
from services.seed import ADMIN
from services.settings import Settings
from tests.fleet import Fleet
from tests.services.web.client import Answer, Client
from tests.services.web.conftest import PASSWORD, Service, new_user, serving
from tests.services.web.mounts import API, MOUNTS, Mount, under

DOCUMENT: dict[str, Any] = yaml.safe_load(Path(services.__file__).with_name("openapi.yaml").read_text())
PREFIX = "/{scheme}/{carrier}"


def test_the_description_is_valid() -> None:
    """OpenAPI 3.1."""
    validate(DOCUMENT)


def test_every_route_is_described_and_nothing_else_is(service: Service) -> None:
    """Path by path, method by method, under every scheme and carrier."""
    app = assemble(service.parts, [spec for spec in SCHEMES.values() if spec.front == "api"])
    routes = falcon.inspect.inspect_routes(app)
    served = {(route.path, method.method) for route in routes for method in route.methods if not method.internal}
    described = {
        (path.format(scheme=scheme, carrier=carrier), method.upper())
        for path, item in DOCUMENT["paths"].items()
        for method in item.keys() - {"parameters"}
        for scheme, carrier in API
    }
    assert served == described


def test_the_words_are_the_code_s() -> None:
    """Reasons, carriers, headers and example schemes."""
    components = DOCUMENT["components"]
    assert components["schemas"]["Problem"]["properties"]["reason"]["enum"] == list(PROBLEMS)
    assert sorted(components["parameters"]["carrier"]["schema"]["enum"]) == sorted(get_args(Carrier))
    assert components["parameters"]["scheme"]["schema"]["examples"] == list(SCHEMES)
    assert components["parameters"]["csrf"]["name"] == CSRF_HEADER
    headers = DOCUMENT["paths"][f"{PREFIX}/profile"]["get"]["responses"]["200"]["headers"]
    assert {NEW_TOKEN_HEADER, NEW_LIFE_HEADER} <= headers.keys()


def test_every_status_is_one_the_problems_know() -> None:
    """No response is described that the service has no reason for."""
    statuses = {int(status) for operation in _operations() for status in operation["responses"]}
    assert statuses - {200, 201} <= {status for status, _ in PROBLEMS.values()}


def test_an_object_that_says_nothing_about_more_fields_is_no_answer() -> None:
    """Answers are closed: a field that appears by accident fails the tests below."""
    schemas = DOCUMENT["components"]["schemas"]
    assert all(schema["additionalProperties"] is False for schema in schemas.values() if schema["type"] == "object")


@under(MOUNTS)
def test_answers_are_as_described(fleet: Fleet, mount: Mount) -> None:
    """A whole life under every scheme: good requests, refused ones and broken ones."""
    calls = list(_life(fleet.client(*mount), fleet.new_user(), fleet.password))
    for path, method, answer in calls:
        check(answer, f"{PREFIX}/{path}", method)
    assert {path for path, _, _ in calls} == {
        path.removeprefix(PREFIX + "/") for path in DOCUMENT["paths"] if PREFIX in path
    }


def _life(client: Client, name: str, password: str) -> Iterator[tuple[str, str, Answer]]:
    good = {"username": name, "password": password}
    yield from (("login", "post", client.post("login", fields)) for fields in ({}, {**good, "password": "wrong"}, good))
    for path in ("profile", "sessions"):
        yield path, "get", client.get(path)
    for headers in ({"X-CSRF-Token": ""}, {"Sec-Fetch-Site": "cross-site"}, {"Content-Type": "text/plain"}, {}):
        yield "notes", "post", client.post("notes", {"text": "x"}, headers)
    yield "notes", "post", client.post("notes", {"text": "x" * 20_000})
    yield "notes", "post", client.request("POST", "notes", {"Transfer-Encoding": "chunked"}, b"0\r\n\r\n")
    yield "refresh", "post", client.refresh()
    yield "password", "post", client.post("password", {"password": password, "new_password": password})
    yield "admin/ban", "post", client.post("admin/ban", {"username": name})
    yield "logout-everywhere", "post", client.post("logout-everywhere")
    yield "logout", "post", client.log_out()
    for path in ("profile", "sessions"):
        yield path, "get", Client(client.send, client.scheme, client.carrier).get(path)
    yield "login", "post", client.log_in(ADMIN, password)
    for fields in ({"username": name}, {"username": "nobody-at-all"}, {}):
        yield "admin/revoke", "post", client.post("admin/revoke", fields)


@pytest.fixture(scope="module")
def narrow(settings: Settings) -> Iterator[Service]:
    """A service that refuses a user's second session."""
    with serving(replace(settings, max_sessions=1, session_limit="refuse")) as service:
        yield service


@pytest.fixture(scope="module")
def broken(settings: Settings) -> Iterator[Service]:
    """A service whose database is away."""
    with serving(replace(settings, database_url="postgresql://x@127.0.0.1:9/x")) as service:
        yield service


@under(API)
def test_a_refused_login_and_a_store_that_is_down_are_as_described(
    narrow: Service, broken: Service, mount: Mount
) -> None:
    """409 and 503."""
    name = new_user()
    answers = [narrow.client(*mount).log_in(name, PASSWORD) for _ in range(2)]
    answers.append(broken.client(*mount).log_in(name, PASSWORD))
    limited = SCHEMES[mount[0]].traits.can_limit_sessions
    assert [answer.status for answer in answers] == [200, 409 if limited else 200, 503]
    for answer in answers:
        check(answer, f"{PREFIX}/login", "post")


@pytest.mark.parametrize("path", [path for path in DOCUMENT["paths"] if PREFIX not in path])
def test_answers_about_the_process_are_as_described(service: Service, path: str) -> None:
    """Health, readiness and keys."""
    check(service.send("GET", path, {}, b""), path, "get")


def check(answer: Answer, path: str, method: str) -> None:
    """Hold one answer against its description: status, media type, headers and body."""
    responses = DOCUMENT["paths"][path][method]["responses"]
    assert str(answer.status) in responses, (path, answer)
    response = _resolved(responses[str(answer.status)])
    ((media_type, content),) = response["content"].items()
    assert answer.header("Content-Type") == media_type
    _validate(answer.json, content["schema"])
    for name, header in response["headers"].items():
        values = [value for given, value in answer.headers if given.lower() == name.lower()]
        assert values or not _resolved(header).get("required"), (path, name)
        for value in values:
            _validate(value, _resolved(header)["schema"])


def _validate(value: object, schema: dict[str, Any]) -> None:
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)


def _resolved(item: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in item:
        return item
    found = DOCUMENT
    for name in item["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def _operations() -> Iterator[dict[str, Any]]:
    for item in DOCUMENT["paths"].values():
        yield from (operation for method, operation in item.items() if method != "parameters")
