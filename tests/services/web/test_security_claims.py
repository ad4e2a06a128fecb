"""SECURITY rows 4, 5, 7, 8, 20 and 31: a token we signed is good for us, for its use and for now, and tells little.

Sharp edges of time cannot be seen through a running clock: those of row 8 are shown on one that stands, in process.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pytest

from services.app import assemble
from services.carriers import COOKIE_MAX_BYTES
from services.catalogue import SCHEMES
from services.contract import Grant, Parts, Scheme
from services.keys import KeyRing
from services.settings import CLAIMS_MAX, Settings
from services.tokens import MAX_CHARS
from services.users import User
from tests.fleet import Fleet
from tests.services.web.client import Client, in_process
from tests.services.web.conftest import PASSWORD, Holders, Service, new_user, serving
from tests.services.web.forging import keep, key_of, parts_of, put, read_with, signed, token
from tests.services.web.inspection import query
from tests.services.web.mounts import JWT, PLAIN_DECODE, RENEWABLE, SIGNED, Mount, under

LISTED = {"iss", "aud", "sub", "role", "sid", "jti", "iat", "exp"}
LISTED_FOR_SOME = {"auth_time", "iat_ms"}
ISSUERS = ["https://evil.invalid", "https://authbench", "https://authbench.invalid/x", "", None, 1]
AUDIENCES = ["other", "authbench", "authbench-api-2", "", None, ["authbench-api"], ["authbench-api", "other"]]
NO_INSTANT: tuple[object, ...] = (None, "1", [], True, 1.5, 1e400)
NO_TEXT: tuple[object, ...] = (None, [], {}, True, 1)

every_jwt_scheme = under(JWT)


@every_jwt_scheme
@pytest.mark.parametrize("issuer", [*ISSUERS, ["https://authbench.invalid"]])
def test_row_04_another_issuer_is_401(holder: Holders, ring: KeyRing, mount: Mount, issuer: object) -> None:
    """Wrong, prefix, superset, list or missing iss, signed with our own key."""
    client = holder(mount)
    assert read_with(client, signed(ring, client, keep, put("iss", issuer))).reason == "wrong-issuer"


@every_jwt_scheme
@pytest.mark.parametrize("audience", AUDIENCES)
def test_row_05_another_audience_is_401(holder: Holders, ring: KeyRing, mount: Mount, audience: object) -> None:
    """Wrong, missing or multi-valued aud, signed with our own key; the BFF's tokens meet this at the API as well."""
    client = holder(mount)
    assert read_with(client, signed(ring, client, keep, put("aud", audience))).reason == "wrong-audience"


@every_jwt_scheme
@pytest.mark.parametrize("typ", ["JWT", "rt+jwt", "logout+jwt", "AT+JWT", "", None, 1])
def test_row_07_another_type_is_401(holder: Holders, ring: KeyRing, mount: Mount, typ: object) -> None:
    """Only at+jwt is an access token, whoever signed it."""
    client = holder(mount)
    assert read_with(client, signed(ring, client, put("typ", typ), keep)).reason == "wrong-type"


@under(RENEWABLE)
def test_row_07_a_refresh_token_is_no_access_token_nor_the_reverse(fleet: Fleet, mount: Mount) -> None:
    """Each is 401 in the other's place, and the login lives on."""
    client = fleet.logged_in(*mount)
    swapped = client.twin()
    swapped.credential, swapped.refresh_credential = client.refresh_credential, client.credential
    assert swapped.get("profile").status == 401
    assert swapped.refresh().status == 401
    assert client.refresh().status == 200


@every_jwt_scheme
@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_row_08_a_token_from_the_future_is_401(holder: Holders, ring: KeyRing, mount: Mount, claim: str) -> None:
    """Nbf and iat alike."""
    client = holder(mount)
    exp = parts_of(client)[1]["exp"]
    assert read_with(client, signed(ring, client, keep, put(claim, exp))).status == 401


@every_jwt_scheme
def test_row_08_a_token_without_what_it_was_issued_with_is_401(holder: Holders, ring: KeyRing, mount: Mount) -> None:
    """Every claim, missing, of another type, or a number that is none; rightly signed."""
    client = holder(mount)
    _, payload = parts_of(client)
    for name, issued in payload.items():
        for value in NO_TEXT if isinstance(issued, str) else NO_INSTANT:
            answer = read_with(client, signed(ring, client, keep, put(name, value)))
            assert answer.status == 401, (name, value)


@every_jwt_scheme
@pytest.mark.parametrize("segment", [0, 1], ids=["header", "payload"])
def test_duplicate_names_are_401(holder: Holders, ring: KeyRing, mount: Mount, segment: int) -> None:
    """Two readers could see two tokens under one signature, whichever of them they pick; rightly signed."""
    client = holder(mount)
    key = key_of(ring, client)
    texts = [json.dumps(fields).encode() for fields in parts_of(client)]
    texts[segment] = texts[segment][:-1] + b"," + texts[segment][1:]
    assert read_with(client, token(texts[0], texts[1], key.alg, key.signing)).reason == "malformed"


@every_jwt_scheme
@pytest.mark.parametrize("width", [6000, 9000])
def test_kilobytes_of_claims_are_refused(holder: Holders, ring: KeyRing, mount: Mount, width: int) -> None:
    """Rightly signed, but longer than what we issue: by the scheme, or by the server where no header is that long."""
    client = holder(mount)
    forged = signed(ring, client, keep, put("groups", "g" * width))
    assert len(forged) > MAX_CHARS
    assert read_with(client, forged).status in {400, 401, 431}


@every_jwt_scheme
def test_row_08_a_token_ends_at_exp_sharp(own_service: Service, mount: Mount) -> None:
    """A moment before exp is 200; exp == now is 401."""
    client = own_service.logged_in(*mount)
    exp = parts_of(client)[1]["exp"]
    assert isinstance(exp, int)
    for now_s, status in ((exp - 0.001, 200), (exp, 401)):
        own_service.clock.stands_at_s = now_s
        assert client.twin().get("profile").status == status


@every_jwt_scheme
@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_row_08_now_is_not_the_future(own_service: Service, mount: Mount, claim: str) -> None:
    """Nbf or iat == now is 200, a second later is 401."""
    client = own_service.logged_in(*mount)
    now_s = parts_of(client)[1]["iat"]
    assert isinstance(now_s, int)
    own_service.clock.stands_at_s = now_s + 0.999
    for ahead_s, status in ((0, 200), (1, 401)):
        forged = signed(own_service.parts.keys, client, keep, put(claim, now_s + ahead_s))
        assert read_with(client, forged).status == status


@pytest.fixture(scope="module")
def lenient(settings: Settings) -> Iterator[Service]:
    """A service that forgives clocks which differ by five seconds."""
    with serving(replace(settings, leeway_s=5.0)) as service:
        yield service


@every_jwt_scheme
def test_row_08_leeway_is_what_the_setting_says(lenient: Service, mount: Mount) -> None:
    """At both edges: exp + leeway is over, just before is not."""
    lenient.clock.stands_at_s = None
    client = lenient.logged_in(*mount)
    exp = parts_of(client)[1]["exp"]
    assert isinstance(exp, int)
    for now_s, status in ((exp + 4.999, 200), (exp + 5.0, 401)):
        lenient.clock.stands_at_s = now_s
        assert client.twin().get("profile").status == status


@pytest.fixture(scope="module")
def laden(settings: Settings) -> Iterator[Service]:
    """A service whose tokens name more permissions than a header line holds."""
    with serving(replace(settings, login_claims=CLAIMS_MAX)) as service:
        yield service


@dataclass(frozen=True, slots=True)
class Wide:
    """A scheme whose tokens say `width` characters more; over HTTP nobody can ask for that, so it is in process."""

    scheme: Scheme
    width: int

    def __getattr__(self, name: str) -> object:
        return getattr(self.scheme, name)

    def issue(self, user: User, *, claims: Mapping[str, str] = {}) -> Grant:
        """With the largest claims."""
        return self.scheme.issue(user, claims={**claims, "groups": "g" * self.width})


@under([mount for mount in SIGNED if mount[1] == "cookie"])
def test_row_20_a_credential_too_large_for_a_cookie_is_refused_clearly(service: Service, mount: Mount) -> None:
    """431 with the reason and no cookie; a smaller one fits, and as bearer the same login works."""
    spec = SCHEMES[mount[0]]
    for width, outcome in ((2000, (200, False, True)), (3500, (431, True, False))):

        def build(parts: Parts, width: int = width) -> Scheme:
            return Wide(spec.build(parts), width)  # type: ignore[return-value] # the rest of it is passed on

        send = in_process(assemble(service.parts, [replace(spec, name="wide", build=build)]))
        cookie, bearer = Client(send, "wide", "cookie"), Client(send, "wide", "bearer")
        answer = cookie.log_in(new_user(), PASSWORD)
        assert all(len(line.partition(";")[0]) <= COOKIE_MAX_BYTES + 1 for line in answer.cookie_lines)
        assert (answer.status, b"cookie-too-large" in answer.body, bool(answer.cookie_lines)) == outcome
        assert bearer.log_in(new_user(), PASSWORD).status == 200
        assert bearer.get("profile").status == 200


@under([mount for mount in SIGNED if mount[1] == "bearer"])
def test_a_credential_too_long_for_a_header_is_refused_clearly(laden: Service, mount: Mount) -> None:
    """431 with the reason and no token."""
    answer = laden.client(*mount).log_in(new_user(), PASSWORD)
    assert (answer.status, answer.reason) == (431, "credential-too-long")
    assert answer.json.keys() == {"title", "status", "detail", "reason"}


@under(SIGNED)
def test_row_31_the_payload_holds_what_is_listed_and_no_secret(fleet: Fleet, mount: Mount) -> None:
    """It decodes without a key, so it may hold nothing that must not be read."""
    name = fleet.new_user()
    client = fleet.logged_in(*mount, name=name)
    ((password_hash,),) = query(fleet.arm(mount[0]), "SELECT password_hash FROM users WHERE name = %s", name)
    header, payload = parts_of(client)
    assert set(header) == {"alg", "kid", "typ"}
    assert set(payload) >= LISTED
    assert set(payload) <= LISTED | LISTED_FOR_SOME
    text = json.dumps([header, payload])
    assert not [secret for secret in (fleet.password, str(password_hash), "@", name + ":") if secret in text]


def test_row_08_the_plain_decode_is_left_out_for_its_flaw() -> None:
    """What these rows do not ask of a scheme, its traits admit."""
    assert all(SCHEMES[name].traits.antipattern for name in PLAIN_DECODE & SCHEMES.keys())
