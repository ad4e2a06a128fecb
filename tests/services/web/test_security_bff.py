"""SECURITY rows 22 and 23 through the load balancer: the browser never sees a token, and the BFF is no open proxy."""

import re

import pytest

from services.endpoints import ENDPOINTS, PROFILE
from tests.fleet import Fleet
from tests.services.web.client import Client
from tests.services.web.mounts import BFF, Mount, under
from tests.services.web.test_security_requests import lived

SIGNED_TOKEN = re.compile(r"eyJ[\w-]{8,}")
OPAQUE_TOKEN = re.compile(r"(?<![\w-])[\w-]{43}(?![\w-])")
OWN_COOKIES = re.compile(r"__Host-(session=[\w-]*|csrf=[\w.-]*)")
ELSEWHERE = [
    *(
        "nothing",
        "../../refresh-token/bearer/profile",
        "..%2f..%2frefresh-token%2fbearer%2fprofile",
        "profile/../admin",
    ),
    *("http://127.0.0.1/", "//127.0.0.1/", "@127.0.0.1/", "profile%00", "profile;x", "Profile", "profile/", "healthz"),
]

every_bff = under(BFF)


@every_bff
def test_row_22_no_token_reaches_the_browser(fleet: Fleet, mount: Mount) -> None:
    """Through a whole life, in no header and no body: neither a signed token nor a refresh token."""
    client = lived(fleet, fleet.client(*mount))
    for answer in client.answers:
        text = OWN_COOKIES.sub("", f"{answer.headers}{answer.body.decode()}")
        assert not SIGNED_TOKEN.search(text), answer
        assert not OPAQUE_TOKEN.search(text), answer


@every_bff
@pytest.mark.parametrize("path", ELSEWHERE)
def test_row_23_only_configured_paths_are_forwarded(fleet: Fleet, mount: Mount, path: str) -> None:
    """Everything else is 404 for a logged-in browser, whatever the API would say to it."""
    client = fleet.logged_in(*mount)
    assert client.get(path).status == 404
    assert client.post(path, {"text": "x"}).status == 404


@every_bff
def test_row_23_every_endpoint_is_configured(fleet: Fleet, mount: Mount) -> None:
    """None of them is 404: the BFF serves what the API does."""
    client = fleet.client(*mount)
    assert 404 not in {client.get(path).status for path in ENDPOINTS}


@every_bff
def test_row_23_the_browsers_own_authorization_and_cookies_are_stripped(fleet: Fleet, mount: Mount) -> None:
    """A good token of somebody else's, sent along, neither logs in nor changes who asks."""
    other = fleet.logged_in("refresh-token", "bearer")
    foreign = {"Authorization": f"Bearer {other.credential}"}
    assert fleet.client(*mount).get("profile", foreign).reason == "missing"
    client = fleet.logged_in(*mount)
    assert client.get("profile", foreign).body == PROFILE
    assert client.post("logout-everywhere", headers=foreign).status == 200
    assert other.refresh().status == 200
    browser = fleet.logged_in("refresh-token", "cookie")
    planted = Client(fleet.send(mount[0]), *mount, cookies=dict(browser.cookies))
    assert planted.get("profile").status == 401
