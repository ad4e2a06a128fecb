"""An attacker's workbench for signed tokens: take one apart, change it, sign it again with any key."""

import base64
import json
from collections.abc import Callable
from typing import Any

from jwt.algorithms import get_default_algorithms

from services.keys import Key, KeyRing
from tests.services.web.client import Answer, Client

Fields = dict[str, object]
Change = Callable[[Fields], None]

_ALGORITHMS = get_default_algorithms()


def decoded(segment: str) -> Fields:
    """A segment read without any key."""
    fields: Fields = json.loads(raw(segment))
    return fields


def raw(segment: str) -> bytes:
    """The bytes of a segment."""
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def encoded(value: object) -> str:
    """A segment of `value`: bytes as they are, anything else as JSON."""
    text = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def token(header: object, payload: object, alg: str, key: Any) -> str:  # noqa: ANN401 - any algorithm's key
    """A token signed as `alg` with `key`, whatever the header claims."""
    message = f"{encoded(header)}.{encoded(payload)}"
    return f"{message}.{encoded(_ALGORITHMS[alg].sign(message.encode(), key))}"


def parts_of(client: Client) -> tuple[Fields, Fields]:
    """Header and payload of the client's token."""
    header, payload, _ = client.credential.split(".")
    return decoded(header), decoded(payload)


def alg_of(client: Client) -> str:
    """What the client's token is signed with."""
    return str(parts_of(client)[0]["alg"])


def key_of(ring: KeyRing, client: Client) -> Key:
    """The service's own key behind the client's token."""
    key = ring.verifying(str(parts_of(client)[0]["kid"]))
    assert key is not None
    return key


def signed(ring: KeyRing, client: Client, change_header: Change, change_payload: Change) -> str:
    """The client's token, changed and signed again with the service's own key."""
    header, payload = parts_of(client)
    change_header(header)
    change_payload(payload)
    key = key_of(ring, client)
    return token(header, payload, key.alg, key.signing)


def keep(_fields: Fields) -> None:
    """No change."""


def put(name: str, value: object) -> Change:
    """Set a field, or for None remove it."""

    def change(fields: Fields) -> None:
        fields.pop(name, None)
        if value is not None:
            fields[name] = value

    return change


def read_with(client: Client, credential: str) -> Answer:
    """The hot read with another credential."""
    twin = client.twin()
    twin.credential = credential
    return twin.get("profile")
