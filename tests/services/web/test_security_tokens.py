"""SECURITY rows 1-9, 31 and 32 over HTTP: what is not a token of ours, for us, now, is 401 under every JWT scheme."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from jwt import PyJWS

from services.settings import Settings
from tests.services.web.client import Answer, Client
from tests.services.web.conftest import JWT, PASSWORD, Service, new_user, serving

ALGS = {"jwt-hs256": "HS256", "jwt-rs256": "RS256", "refresh-token": "HS256"}
Mount = tuple[str, str]
Fields = dict[str, object]
Change = Callable[[Fields], None]

every_jwt_scheme = pytest.mark.parametrize("mount", JWT, ids="/".join)


def decoded(segment: str) -> Fields:
    """A segment read without any key."""
    fields: Fields = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return fields


def encoded(value: object) -> str:
    """A segment."""
    text = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def signed(service: Service, client: Client, change_header: Change, change_payload: Change) -> str:
    """The client's token, changed and signed again with the service's own key."""
    key = service.parts.keys.signing(ALGS[client.scheme])
    header, payload = (decoded(segment) for segment in client.credential.split(".")[:2])
    change_header(header)
    change_payload(payload)
    text = json.dumps(payload, separators=(",", ":")).encode()
    extra = {name: value for name, value in header.items() if name != "alg"}
    return PyJWS().encode(text, key.signing, key.alg, extra)


def keep(_fields: Fields) -> None:
    """No change."""


def put(name: str, value: object) -> Change:
    """Set a field, or for None remove it."""

    def change(fields: Fields) -> None:
        fields.pop(name, None)
        if value is not None:
            fields[name] = value

    return change


def read_with(client: Client, token: str) -> Answer:
    """The hot read with another token."""
    twin = client.twin()
    twin.credential = token
    return twin.get("profile")


@every_jwt_scheme
@pytest.mark.parametrize("alg", ["none", "nOnE", "None", "HS256", "HS384", "HS512", "RS512", "ES256", "", None, 1])
def test_row_1_an_alg_off_the_list_is_401(service: Service, mount: Mount, alg: object) -> None:
    """Whatever the header asks for: unsigned, or signed with a public key as HMAC secret."""
    client = service.logged_in(*mount)
    if alg == ALGS[client.scheme]:
        return
    header, payload, signature = client.credential.split(".")
    fields = {name: value for name, value in {**decoded(header), "alg": alg}.items() if value is not None}
    for last in (
        "",
        signature,
        encoded(hmac.digest(_public(service), f"{encoded(fields)}.{payload}".encode(), "sha256")),
    ):
        assert read_with(client, f"{encoded(fields)}.{payload}.{last}").status == 401


def _public(service: Service) -> bytes:
    """What a key-confusion attack uses as the HMAC secret."""
    key = service.parts.keys.signing("RS256").verification
    assert not isinstance(key, bytes)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@every_jwt_scheme
def test_row_1_a_key_of_one_alg_verifies_no_other(service: Service, mount: Mount) -> None:
    """The kid of another algorithm's key, rightly signed with that key, is 401: one key, one alg, one scheme."""
    client = service.logged_in(*mount)
    key = service.parts.keys.signing("HS256" if ALGS[client.scheme] == "RS256" else "RS256")
    payload = json.dumps(decoded(client.credential.split(".")[1])).encode()
    token = PyJWS().encode(payload, key.signing, key.alg, {"typ": "at+jwt", "kid": key.kid})
    assert read_with(client, token).status == 401


@every_jwt_scheme
def test_row_2_a_flipped_byte_is_401(service: Service, mount: Mount) -> None:
    """Header, payload or signature: any byte that reads as another one."""
    client = service.logged_in(*mount)
    segments = [
        bytearray(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in client.credential.split(".")
    ]

    @effort(max_examples=40, deadline=None)
    @given(st.integers(0, 2), st.randoms(use_true_random=False), st.integers(1, 255))
    def flip(segment: int, random: object, mask: int) -> None:
        changed = [bytes(part) for part in segments]
        at = random.randrange(len(changed[segment]))  # type: ignore[attr-defined]
        part = bytearray(changed[segment])
        part[at] ^= mask
        changed[segment] = bytes(part)
        assert read_with(client, ".".join(encoded(part) for part in changed)).status == 401

    flip()


@every_jwt_scheme
@pytest.mark.parametrize("change", [lambda text: text + "=", lambda text: text + ".", lambda text: "." + text])
def test_row_2_a_token_has_one_spelling(service: Service, mount: Mount, change: Callable[[str], str]) -> None:
    """Padding and extra dots are 401, so that a token cannot be spelled past a list of revoked ones."""
    client = service.logged_in(*mount)
    assert read_with(client, change(client.credential)).status == 401


ISSUERS = [
    "https://evil.invalid",
    "https://authbench",
    "https://authbench.invalid/x",
    "",
    None,
    ["https://authbench.invalid"],
]


@every_jwt_scheme
@pytest.mark.parametrize("issuer", ISSUERS)
def test_row_4_another_issuer_is_401(service: Service, mount: Mount, issuer: object) -> None:
    """Wrong, prefix, superset, list or missing iss, signed with our own key."""
    client = service.logged_in(*mount)
    token = signed(service, client, keep, put("iss", issuer))
    assert read_with(client, token).reason == "wrong-issuer"


AUDIENCES = ["other", "authbench", "authbench-api-2", "", None, ["authbench-api"], ["authbench-api", "other"]]


@every_jwt_scheme
@pytest.mark.parametrize("audience", AUDIENCES)
def test_row_5_another_audience_is_401(service: Service, mount: Mount, audience: object) -> None:
    """Wrong, missing or multi-valued aud, signed with our own key."""
    client = service.logged_in(*mount)
    token = signed(service, client, keep, put("aud", audience))
    assert read_with(client, token).reason == "wrong-audience"


@every_jwt_scheme
@pytest.mark.parametrize("kid", ["'; DROP TABLE users; --", "../../etc/passwd", "a\0b", "x" * 5000, "", None, 7, ["a"]])
def test_row_6_a_hostile_kid_is_401(service: Service, mount: Mount, kid: object) -> None:
    """Never 500: a kid is looked up in a dict and nowhere else."""
    client = service.logged_in(*mount)
    header, payload, signature = client.credential.split(".")
    fields = decoded(header)
    put("kid", kid)(fields)
    assert read_with(client, f"{encoded(fields)}.{payload}.{signature}").status == 401


@every_jwt_scheme
@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c"])
def test_row_6_a_key_named_by_the_token_is_ignored(service: Service, mount: Mount, name: str) -> None:
    """A token signed with the attacker's key that it brings or points to is 401."""
    client = service.logged_in(*mount)
    key = secrets.token_bytes(32)
    jwk = {"kty": "oct", "k": encoded(key), "alg": "HS256"}
    header = {"typ": "at+jwt", "kid": "mine", name: jwk if name == "jwk" else "https://evil.invalid/keys"}
    payload = json.dumps(decoded(client.credential.split(".")[1])).encode()
    assert read_with(client, PyJWS().encode(payload, key, "HS256", header)).status == 401


@every_jwt_scheme
@pytest.mark.parametrize("typ", ["JWT", "rt+jwt", "logout+jwt", "", None, 1])
def test_row_7_another_type_is_401(service: Service, mount: Mount, typ: object) -> None:
    """Only at+jwt is an access token, whoever signed it."""
    client = service.logged_in(*mount)
    key = service.parts.keys.signing(ALGS[client.scheme])
    segments = client.credential.split(".")
    fields = decoded(segments[0])
    put("typ", typ)(fields)
    message = f"{encoded(fields)}.{segments[1]}".encode()
    mac = hmac.digest(key.signing, message, hashlib.sha256) if isinstance(key.signing, bytes) else b"x" * 256
    assert read_with(client, f"{message.decode()}.{encoded(mac)}").reason == "wrong-type"


@pytest.mark.parametrize("carrier", ["cookie", "bearer"])
def test_row_7_a_refresh_token_is_no_access_token_nor_the_reverse(service: Service, carrier: str) -> None:
    """Each is 401 in the other's place, and the login lives on."""
    client = service.logged_in("refresh-token", carrier)
    swapped = client.twin()
    swapped.credential, swapped.refresh_credential = client.refresh_credential, client.credential
    assert swapped.get("profile").status == 401
    assert swapped.refresh().status == 401
    assert client.refresh().status == 200


@every_jwt_scheme
def test_row_8_a_token_ends_at_exp_sharp(own_service: Service, mount: Mount) -> None:
    """A moment before exp is 200; exp == now is 401."""
    client = own_service.logged_in(*mount)
    exp = decoded(client.credential.split(".")[1])["exp"]
    assert isinstance(exp, int)
    own_service.clock.stands_at_s = exp - 0.001
    assert client.get("profile").status == 200
    own_service.clock.stands_at_s = exp
    assert client.get("profile").reason == "expired"


@every_jwt_scheme
@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_row_8_a_token_from_the_future_is_401(own_service: Service, mount: Mount, claim: str) -> None:
    """Nbf and iat alike."""
    client = own_service.logged_in(*mount)
    now_s = int(own_service.clock())
    own_service.clock.stands_at_s = float(now_s)
    for ahead_s, status in ((0, 200), (1, 401)):
        token = signed(own_service, client, keep, put(claim, now_s + ahead_s))
        assert read_with(client, token).status == status


@every_jwt_scheme
def test_row_8_leeway_is_what_the_setting_says(settings: Settings, mount: Mount) -> None:
    """At both edges: exp + leeway is over, just before is not."""
    with serving(replace(settings, leeway_s=5.0)) as service:
        client = service.logged_in(*mount)
        exp = decoded(client.credential.split(".")[1])["exp"]
        assert isinstance(exp, int)
        for now_s, status in ((exp + 4.999, 200), (exp + 5.0, 401)):
            service.clock.stands_at_s = now_s
            assert client.get("profile").status == status


@every_jwt_scheme
@pytest.mark.parametrize("name", ["exp", "iat", "sub", "jti", "sid", "role"])
def test_row_8_a_token_without_a_claim_it_needs_is_401(service: Service, mount: Mount, name: str) -> None:
    """Missing, of another type, or a number that is none."""
    client = service.logged_in(*mount)
    wrong: tuple[object, ...] = (None, [], True, 1e400 if name in {"exp", "iat"} else 1)
    for value in wrong:
        token = signed(service, client, keep, put(name, value))
        assert read_with(client, token).status == 401


@every_jwt_scheme
def test_row_9_an_unknown_crit_is_401(service: Service, mount: Mount) -> None:
    """An extension the issuer calls critical and we do not know ends the matter."""
    client = service.logged_in(*mount)
    token = signed(service, client, lambda header: header.update(crit=["exp2"], exp2=1), keep)
    assert read_with(client, token).status == 401


@every_jwt_scheme
def test_row_31_the_payload_holds_what_is_listed_and_no_secret(service: Service, mount: Mount) -> None:
    """It decodes without a key, so it may hold nothing that must not be read."""
    name = new_user()
    token = service.logged_in(*mount, name=name).credential
    user = service.parts.users.by_name(name)
    assert user is not None
    assert set(decoded(token.split(".")[1])) == {"iss", "aud", "sub", "role", "sid", "jti", "iat", "exp"}
    text = json.dumps(decoded(token.split(".")[1]))
    assert PASSWORD not in text
    assert user.password_hash not in text


@every_jwt_scheme
def test_row_32_a_role_cannot_be_written_by_hand(service: Service, mount: Mount) -> None:
    """Admin re-encoded under the old signature is 401."""
    client = service.logged_in(*mount)
    header, payload, signature = client.credential.split(".")
    promoted = encoded({**decoded(payload), "role": "admin"})
    assert read_with(client, f"{header}.{promoted}.{signature}").reason == "bad-signature"


@every_jwt_scheme
@pytest.mark.parametrize("secret", [b"secret" * 6, b"\0" * 32, b"authbench" * 4])
def test_row_32_a_guessed_key_signs_nothing(service: Service, mount: Mount, secret: bytes) -> None:
    """Under the service's own kid, with a guessed secret or an RSA key of the attacker's."""
    client = service.logged_in(*mount)
    segments = client.credential.split(".")
    kid, alg = decoded(segments[0])["kid"], ALGS[client.scheme]
    key = secret if alg == "HS256" else generate_private_key(public_exponent=65537, key_size=2048)
    payload = json.dumps({**decoded(segments[1]), "role": "admin"}).encode()
    token = PyJWS().encode(payload, key, alg, {"typ": "at+jwt", "kid": kid})
    assert read_with(client, token).reason == "bad-signature"
