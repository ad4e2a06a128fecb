"""A forged credential looks like the real one and is another."""

import string

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure.forgery import foreign, tampered
from services.key_kinds import KINDS

ALPHABET = string.ascii_letters + string.digits + "-_"
SEGMENT = st.text(ALPHABET, min_size=2, max_size=40)
CLAIMS = {"sub": "42", "exp": 4_000_000_000}


@given(st.one_of(SEGMENT, st.tuples(SEGMENT, SEGMENT, SEGMENT).map(".".join)))
def test_tampering_changes_one_character(credential: str) -> None:
    """Same length, same dots, one other character of the alphabet: an opaque credential or a token's segments."""
    forged = tampered(credential)
    changed = [(old, new) for old, new in zip(credential, forged, strict=True) if old != new]
    assert len(changed) == 1
    assert set(changed[0]) <= set(ALPHABET)


@pytest.mark.parametrize("algorithm", KINDS)
def test_a_foreign_token_differs_by_its_key_alone(algorithm: str) -> None:
    """Header and claims are the same, and the right key does not verify it."""
    key, public = KINDS[algorithm].open(KINDS[algorithm].generate())
    real = jwt.encode(CLAIMS, key, algorithm, headers={"kid": "k1", "typ": "at+jwt"})
    forged = foreign(real)
    assert jwt.get_unverified_header(forged) == jwt.get_unverified_header(real)
    assert jwt.decode(forged, options={"verify_signature": False}) == CLAIMS
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(forged, public, [algorithm])


@given(SEGMENT)
def test_an_opaque_credential_becomes_an_unknown_one(credential: str) -> None:
    """As long as the real one, at most as long as ours; never the same by more than chance."""
    assert len(foreign(credential)) == min(len(credential), 43)
