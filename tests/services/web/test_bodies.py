"""A body is a small JSON object of storable texts, or it is refused."""

import json

import falcon
import pytest
from falcon import testing
from hypothesis import given
from hypothesis import strategies as st

from services.bodies import BODY_MAX_BYTES, TEXT_MAX, read_fields, text
from services.problems import Problem


def request(body: bytes, content_type: str = "application/json") -> falcon.Request:
    """A POST of `body`."""
    headers = {"Content-Type": content_type}
    return falcon.Request(testing.create_environ(method="POST", body=body.decode("latin-1"), headers=headers))


def reason_of(req: falcon.Request) -> str:
    """Why the body of `req` is refused."""
    with pytest.raises(Problem) as caught:
        read_fields(req)
    return caught.value.reason


@given(st.dictionaries(st.text(), st.text()))
def test_an_object_is_read_as_it_is(fields: dict[str, str]) -> None:
    """What a client wrote as JSON is what the endpoint sees."""
    assert read_fields(request(json.dumps(fields).encode())) == fields


def test_no_body_is_an_empty_object() -> None:
    """Endpoints that need no field need no body either."""
    assert read_fields(falcon.Request(testing.create_environ(method="POST"))) == {}


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_parameters_and_case_of_the_media_type_do_not_matter(content_type: str) -> None:
    """RFC 9110: media types are case-insensitive and may carry parameters."""
    assert read_fields(request(b'{"a":1}', content_type)) == {"a": 1}


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain", ""])
def test_what_a_form_can_send_is_refused(content_type: str) -> None:
    """The three media types a foreign page can post without asking are no JSON."""
    assert reason_of(request(b'{"a":1}', content_type)) == "not-json"


@pytest.mark.parametrize("body", [b"{", b"[]", b'"a"', b"1", b"null", b"\xff\xfe", b"[" * 16_000, b"1" * 5_000])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    """Broken, other, endlessly nested and endlessly long values are the client's fault, never ours."""
    assert reason_of(request(body)) == "bad-json"


def test_a_large_body_is_refused_unread() -> None:
    """Its announced length suffices."""
    req = request(b"{" + b" " * BODY_MAX_BYTES + b"}")
    assert reason_of(req) == "body-too-large"


def test_a_body_of_unknown_length_is_refused() -> None:
    """Chunked bodies could be endless."""
    environ = testing.create_environ(method="POST", headers={"Transfer-Encoding": "chunked"})
    assert reason_of(falcon.Request(environ)) == "length-required"


@pytest.mark.parametrize("value", [None, 1, True, [], {}, "", "x" * (TEXT_MAX + 1), "a\0b", "\ud800"])
def test_what_is_no_storable_text_is_refused_by_name(value: object) -> None:
    """The detail names the field, so that the client can correct it."""
    with pytest.raises(Problem) as caught:
        text({"name": value}, "name")
    assert caught.value.reason == "bad-field"
    assert "'name'" in str(caught.value.description)


def test_a_missing_field_is_refused() -> None:
    """Absent is no text either."""
    with pytest.raises(Problem):
        text({}, "name")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=TEXT_MAX))
def test_every_other_text_is_taken_as_it_is(value: str) -> None:
    """No script of the world is excluded."""
    assert text({"name": value}, "name") == value
