"""What a request body may say: a small JSON object of texts; anything else is refused before it is used."""

import json
from collections.abc import Mapping

import falcon

from services.problems import Problem

BODY_MAX_BYTES = 16 * 1024
TEXT_MAX = 1024


def read_fields(req: falcon.Request) -> Mapping[str, object]:
    """The JSON object in the body, {} when there is no body. Problem 400, 411, 413 or 415 otherwise."""
    if "HTTP_TRANSFER_ENCODING" in req.env:
        raise Problem(reason="length-required")
    length_bytes = req.content_length
    if not length_bytes:
        return {}
    if length_bytes > BODY_MAX_BYTES:
        detail = f"The body has {length_bytes} bytes, at most {BODY_MAX_BYTES} are read; shorten it."
        raise Problem(reason="body-too-large", detail=detail)
    if (req.content_type or "").partition(";")[0].strip().lower() != falcon.MEDIA_JSON:
        raise Problem(reason="not-json")
    return _parsed(req.bounded_stream.read(length_bytes))


def text(fields: Mapping[str, object], name: str, *, least: int = 1, most: int = TEXT_MAX) -> str:
    """The field `name`: text of `least` to `most` characters that a database can hold. Problem 400 otherwise."""
    value = fields.get(name)
    if not isinstance(value, str) or not least <= len(value) <= most or not _is_storable(value):
        detail = f"Expected {name!r} as text of {least} to {most} characters; correct it."
        raise Problem(reason="bad-field", detail=detail)
    return value


def _parsed(body: bytes) -> Mapping[str, object]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem(reason="bad-json") from error
    if not isinstance(fields, dict):
        raise Problem(reason="bad-json")
    return fields


def _is_storable(value: str) -> bool:
    """Whether PostgreSQL takes it: no NUL and no half of a surrogate pair, which JSON escapes can smuggle in."""
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
