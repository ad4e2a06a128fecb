"""Credentials that must be refused, made from one that is accepted."""

import secrets

import jwt

from services.key_kinds import KINDS, SigningMaterial


def tampered(credential: str) -> str:
    """One character in the middle changed for another of the alphabet; a JWT's middle is its payload."""
    place = len(credential) // 2
    while credential[place] == ".":
        place += 1
    other = "A" if credential[place] != "A" else "B"
    return credential[:place] + other + credential[place + 1 :]


def foreign(credential: str) -> str:
    """The same claims under the same header signed by a key of our own; for an opaque credential, an unknown one."""
    if credential.count(".") != 2:  # noqa: PLR2004 - header.payload.signature
        return secrets.token_urlsafe(32)[: len(credential)]
    header = jwt.get_unverified_header(credential)
    claims = jwt.decode(credential, options={"verify_signature": False})
    return jwt.encode(claims, _own_key(header["alg"]), algorithm=header["alg"], headers=header)


def _own_key(algorithm: str) -> SigningMaterial:
    kind = KINDS[algorithm]
    return kind.open(kind.generate())[0]
