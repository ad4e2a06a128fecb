"""Every scheme, plugins included: issue, verify, renew, revoke."""

from collections.abc import Callable, Sequence

import pytest

from bench.micro.case import Call, Case
from bench.micro.floors import ISSUE, VERIFY
from bench.micro.laboratory import Laboratory
from services.catalogue import schemes
from services.contract import Grant, RejectedError, Scheme, SchemeSpec
from services.settings import SettingsError
from services.stores.credentials import new_credential

Measure = Callable[[Case], None]

CONTROL = "none"
SPECS = schemes()
REFUSING = [name for name in SPECS if name != CONTROL]
RENEWING = [name for name, spec in SPECS.items() if spec.traits.can_renew]
REVOKING = [name for name, spec in SPECS.items() if spec.traits.stores and "revoke" in spec.traits.operations]


@pytest.mark.parametrize("name", SPECS)
def test_issue(name: str, laboratory: Laboratory, measure: Measure) -> None:
    """A login: each is another user's."""
    spec, scheme = _built(laboratory, name)
    servers = laboratory.servers(spec, "issue")
    floors = ISSUE[name](laboratory, _signer(laboratory, name)) if name in ISSUE else ()
    measure(Case("issue", name, "login", scheme.issue, laboratory.people, is_spent=True, servers=servers, bares=floors))


@pytest.mark.parametrize("name", SPECS)
def test_verify_valid(name: str, laboratory: Laboratory, measure: Measure) -> None:
    """A request that is let in."""
    spec, scheme = _built(laboratory, name)
    servers = laboratory.servers(spec, "verify")
    floors = VERIFY[name](laboratory, scheme) if name in VERIFY else ()

    def supply(count: int) -> Sequence[str]:
        return [grant.credential for grant in _logins(laboratory, _signer(laboratory, name), count)]

    measure(Case("verify", name, "valid", scheme.verify, supply, servers=servers, bares=floors))


@pytest.mark.parametrize("name", REFUSING)
def test_verify_expired(name: str, laboratory: Laboratory, measure: Measure) -> None:
    """A request that comes too late; a session in memory is gone with it."""
    spec, scheme = _built(laboratory, name, aged=True)
    servers = laboratory.servers(spec, "verify", aged=True)
    settings = laboratory.settings
    age_s = settings.session_absolute_s + settings.jwt_ttl_s

    def supply(count: int) -> Sequence[str]:
        laboratory.clock.offset_s = 0
        grants = _logins(laboratory, _signer(laboratory, name, aged=True), count)
        laboratory.clock.offset_s = age_s
        return [grant.credential for grant in grants]

    is_spent = "memory" in spec.traits.stores
    measure(Case("verify", name, "expired", _refused(scheme), supply, is_spent=is_spent, servers=servers))


@pytest.mark.parametrize("name", REFUSING)
def test_verify_forged(name: str, laboratory: Laboratory, measure: Measure) -> None:
    """A token whose signature was touched, a session nobody began."""
    spec, scheme = _built(laboratory, name)
    servers = laboratory.servers(spec, "verify")

    def supply(count: int) -> Sequence[str]:
        signer = _signer(laboratory, name)
        (login,) = _logins(laboratory, signer, 1)
        if "." not in login.credential:
            return [new_credential() for _ in range(count)]
        return [_forged(grant.credential) for grant in _logins(laboratory, signer, count)]

    measure(Case("verify", name, "forged", _refused(scheme), supply, servers=servers))


@pytest.mark.parametrize("name", RENEWING)
def test_renew(name: str, laboratory: Laboratory, measure: Measure) -> None:
    """A rotation: each refresh token is used once."""
    spec, scheme = _built(laboratory, name)

    def supply(count: int) -> Sequence[str]:
        return [grant.refresh_credential or "" for grant in _logins(laboratory, scheme, count)]

    servers = laboratory.servers(spec, "renew")
    measure(Case("renew", name, "rotation", scheme.renew, supply, is_spent=True, servers=servers))


@pytest.mark.parametrize("name", REVOKING)
def test_revoke(name: str, laboratory: Laboratory, measure: Measure) -> None:
    """A logout: each login ends once. Where no store is there is nothing to end."""
    spec, scheme = _built(laboratory, name)

    def revoke(grant: Grant) -> None:
        scheme.revoke(grant.credential, grant.refresh_credential)

    def supply(count: int) -> Sequence[Grant]:
        return _logins(laboratory, scheme, count)

    servers = laboratory.servers(spec, "revoke")
    measure(Case("revoke", name, "logout", revoke, supply, is_spent=True, servers=servers))


def _built(laboratory: Laboratory, name: str, *, aged: bool = False) -> tuple[SchemeSpec, Scheme]:
    try:
        return SPECS[name], laboratory.scheme(SPECS[name], aged=aged)
    except SettingsError as error:
        pytest.skip(str(error))


def _signer(laboratory: Laboratory, name: str, *, aged: bool = False) -> Scheme:
    """Who issues what `name` verifies: parsing a PEM key for each token would take as long as all the rest."""
    return _built(laboratory, "jwt-rs256" if name == "jwt-rs256-pem" else name, aged=aged)[1]


def _logins(laboratory: Laboratory, scheme: Scheme, count: int) -> list[Grant]:
    return [scheme.issue(user) for user in laboratory.people(count)]


def _refused(scheme: Scheme) -> Call:
    def verify(credential: str) -> None:
        try:
            scheme.verify(credential)
        except RejectedError:
            return
        message = "found a bad credential accepted, expected it refused"
        raise LookupError(message)

    return verify


def _forged(token: str) -> str:
    """The token under another signature."""
    signed, _, tag = token.rpartition(".")
    return f"{signed}.{'B' if tag[0] == 'A' else 'A'}{tag[1:]}"
