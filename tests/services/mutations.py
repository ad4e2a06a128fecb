"""Tokens that must be refused, made from one that is accepted: by a seed, so that a run can be repeated."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.key_kinds import KINDS
from services.keys import Key

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
FOREIGN = "+/=. \t\r\n\0%;,\"'\\~\u00e9\u2028\uff21\u0430\U0001f511\ud800"
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
SPELLINGS_OF_NONE = ("none", "None", "NONE", "nOnE", "", "null")
ALGORITHMS = ("HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "ES384", "ES256K", "EdDSA", "Ed25519", "A128KW")


@dataclass(frozen=True, slots=True)
class Sample:
    """A good token, the key it was signed with, another good token, and the names of the ring's other keys."""

    token: str
    key: Key
    other: str
    kids: tuple[str, ...]


Mutate = Callable[[Random, Sample], str]


def mutations(sample: Sample, seed: str) -> Iterator[str]:
    """Mutated tokens without end, every kind of mutation in turn; a few are equal to each other or to the token."""
    random = Random(seed)  # noqa: S311 - a choice that can be repeated
    while True:
        for mutate in MUTATIONS:
            yield mutate(random, sample)


def decoded(segment: str) -> bytes:
    """A segment as anyone can read it."""
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def encoded(content: object) -> str:
    """A segment as anyone can write it; bytes as they are, anything else as JSON."""
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def fields(token: str, part: int) -> dict[str, Any]:
    """Header (0) or payload (1)."""
    found: dict[str, Any] = json.loads(decoded(token.split(".")[part]))
    return found


def with_part(token: str, part: int, content: object) -> str:
    """The token with another header, payload or signature; what was signed stays signed."""
    parts = token.split(".")
    parts[part] = content if isinstance(content, str) else encoded(content)
    return ".".join(parts)


def signed(sample: Sample, payload: object, header: Mapping[str, Any] | None = None) -> str:
    """Whatever we would never issue under our own good signature."""
    head = {**fields(sample.token, 0), **(header or {})}
    text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return jwt.PyJWS().encode(text, sample.key.signing, sample.key.alg, head)


def flipped_bit(random: Random, sample: Sample) -> str:
    """One bit of header, payload or signature."""
    part = random.randrange(3)
    content = bytearray(decoded(sample.token.split(".")[part]))
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    return with_part(sample.token, part, bytes(content))


def other_character(random: Random, sample: Sample) -> str:
    """One character for another of the alphabet."""
    place = random.randrange(len(sample.token))
    return sample.token[:place] + random.choice(ALPHABET + ".") + sample.token[place + 1 :]


def foreign_character(random: Random, sample: Sample) -> str:
    """A character that is in no token: white space, padding, other alphabets."""
    place = random.randrange(len(sample.token) + 1)
    return sample.token[:place] + random.choice(FOREIGN) + sample.token[place + random.randrange(2) :]


def cut(random: Random, sample: Sample) -> str:
    """A beginning, an end, or all but a slice of it."""
    start, end = sorted(random.sample(range(len(sample.token) + 1), 2))
    return random.choice((sample.token[:start], sample.token[end:], sample.token[:start] + sample.token[end:]))


def repeated(random: Random, sample: Sample) -> str:
    """A slice of it twice."""
    start, end = sorted(random.sample(range(len(sample.token) + 1), 2))
    return sample.token[:end] + sample.token[start:]


def exchanged(random: Random, sample: Sample) -> str:
    """Two characters in each other's place."""
    first, second = sorted(random.sample(range(len(sample.token)), 2))
    characters = list(sample.token)
    characters[first], characters[second] = characters[second], characters[first]
    return "".join(characters)


def other_case(random: Random, sample: Sample) -> str:
    """A slice in the other case."""
    start, end = sorted(random.sample(range(len(sample.token) + 1), 2))
    return sample.token[:start] + sample.token[start:end].swapcase() + sample.token[end:]


def other_segments(random: Random, sample: Sample) -> str:
    """Segments left out, doubled, in another order, emptied."""
    segments = random.choices([*sample.token.split("."), ""], k=random.randrange(1, 6))
    return ".".join(segments)


def grafted(random: Random, sample: Sample) -> str:
    """Payload or signature of another good token."""
    part = random.choice((1, 2))
    return with_part(sample.token, part, sample.other.split(".")[part])


def other_spelling(random: Random, sample: Sample) -> str:
    """The same bytes: padded, in the other alphabet of base64, or with another last character."""
    part = random.randrange(3)
    segment = sample.token.split(".")[part]
    last = ALPHABET.index(segment[-1])
    spellings = (segment + "=", segment + "==", segment.replace("-", "+").replace("_", "/"))
    non_canonical = (segment[:-1] + ALPHABET[last ^ bits] for bits in range(1, 2 ** (len(segment) * 6 % 8)))
    return with_part(sample.token, part, random.choice([*spellings, *non_canonical]))


def other_algorithm(random: Random, sample: Sample) -> str:
    """Unsigned, or under any algorithm there is, with the old signature or without one."""
    alg = random.choice((*SPELLINGS_OF_NONE, *ALGORITHMS, None, 1, [], ["HS256"], {}))
    token = with_part(sample.token, 0, {**fields(sample.token, 0), "alg": alg, random.choice("abc"): 1})
    return random.choice((token, with_part(token, 2, "")))


def other_key_name(random: Random, sample: Sample) -> str:
    """Another key of the ring, or a name that is none."""
    hostile = ("", "' OR 1=1 --", "../../dev/null", "\0", "k" * random.randrange(4000), None, 7, [], {}, "\ud800")
    return with_part(sample.token, 0, {**fields(sample.token, 0), "kid": random.choice((*sample.kids, *hostile))})


def other_header(random: Random, sample: Sample) -> str:
    """Types and parameters that change what a token means, under the old signature."""
    changes: tuple[dict[str, Any], ...] = (
        {"typ": "JWT"}, {"typ": "rt+jwt"}, {"typ": None}, {"crit": ["exp"], "exp": 1}, {"crit": []}, {"b64": False},
        {"b64": False, "crit": ["b64"]}, {"cty": "JWT"}, {"zip": "DEF"}, {"jku": "http://127.0.0.1:1/"},
    )  # fmt: skip
    return with_part(sample.token, 0, {**fields(sample.token, 0), **random.choice(changes)})


def other_claims(random: Random, sample: Sample) -> str:
    """Claims that would be worth a lie, under the old signature."""
    changes: tuple[dict[str, Any], ...] = (
        {"role": "admin"}, {"sub": "id-0"}, {"sid": "x"}, {"exp": 2**random.randrange(31, 70)}, {"iat": 0},
        {"aud": None}, {"iss": None}, {"scope": "all"}, {"jti": str(random.random())},
    )  # fmt: skip
    return with_part(sample.token, 1, {**fields(sample.token, 1), **random.choice(changes)})


def other_signature(random: Random, sample: Sample) -> str:
    """Signatures of a guesser: zeros, ones, nothing, too short, too long, DER for raw, and S + L (RFC 8032 8.4)."""
    signature = decoded(sample.token.split(".")[2])
    half = len(signature) // 2
    first, second = signature[:half], signature[half:]
    one, two = int.from_bytes(first, "big"), int.from_bytes(second, "big")
    stretched = int.from_bytes(second, "little") + ED25519_ORDER
    choices = (
        bytes(len(signature)), b"\xff" * len(signature), b"", signature[: random.randrange(len(signature))],
        signature + random.randbytes(random.randrange(1, 40)), random.randbytes(len(signature)), second + first,
        encode_dss_signature(one, two), first + (stretched % 256**half).to_bytes(half, "little"),
    )  # fmt: skip
    return with_part(sample.token, 2, random.choice(choices))


def foreign_key(random: Random, sample: Sample) -> str:
    """The same header and claims under a key of the forger's own; of a cheap kind, which the header may admit."""
    alg = random.choice(("HS256", "ES256", "EdDSA"))
    material, _ = KINDS[alg].open(KINDS[alg].generate())
    header = {**fields(sample.token, 0), "alg": random.choice((alg, sample.key.alg))}
    text = f"{encoded(header)}.{sample.token.split('.')[1]}"
    signature = jwt.get_algorithm_by_name(alg).sign(text.encode(), material)
    return f"{text}.{encoded(signature)}"


def public_key_as_secret(random: Random, sample: Sample) -> str:
    """HS256 under what anybody can download."""
    key = sample.key.verification
    public = b"secret" if isinstance(key, bytes) else key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = f"{encoded({**fields(sample.token, 0), 'alg': 'HS256'})}.{sample.token.split('.')[1]}"
    secret = random.choice((public, public.strip(), public + b"\n", sample.key.kid.encode()))
    return f"{text}.{encoded(jwt.get_algorithm_by_name('HS256').sign(text.encode(), secret))}"


def duplicate_name(random: Random, sample: Sample) -> str:
    """Two readers would see two tokens; in the payload even under our own signature."""
    if random.randrange(2):
        header = json.dumps(fields(sample.token, 0))[:-1] + f', "{random.choice(("alg", "kid", "typ"))}": "none"}}'
        return with_part(sample.token, 0, header.encode())
    name = random.choice(("role", "sub", "exp", "aud", "iss"))
    twice = json.dumps(fields(sample.token, 1))[:-1] + f', "{name}": {random.randrange(10**6)}}}'
    return signed(sample, twice.encode())


def signed_nonsense(random: Random, sample: Sample) -> str:
    """Under our own signature: claims left out or of another kind, no object at all, another type of token."""
    claims = fields(sample.token, 1)
    name = random.choice([name for name in claims if name not in {"scope", "tenant", "groups"}])
    without = {key: value for key, value in claims.items() if key != name}
    nested = b"[" * random.randrange(1, 3000)
    return random.choice((
        signed(sample, without),
        signed(sample, {**claims, name: random.choice((None, True, 1.5, [], {}, [claims[name], "x"]))}),
        signed(sample, {**claims, "iat": claims["iat"] + random.randrange(10**4, 10**9)}),
        signed(sample, {**claims, "exp": random.randrange(claims["iat"])}),
        signed(sample, random.choice((b"", b"null", b"7", b"\xff", b'{"exp": NaN}', b"{", nested))),
        signed(sample, claims, {"typ": random.choice(("JWT", "rt+jwt", "at+jwt;x", ""))}),
    ))  # fmt: skip


def huge(random: Random, sample: Sample) -> str:
    """Far more than a token may be long, signed by us, and deep in brackets."""
    count = random.randrange(2000, 9000)
    deep = b'{"typ":' + b"[" * count
    return random.choice((
        signed(sample, {**fields(sample.token, 1), "scope": "x" * (count + 6000)}),
        with_part(sample.token, 0, deep),
        with_part(sample.token, 1, b"9" * count),
        "." * count,
        sample.token * random.randrange(2, 40),
    ))  # fmt: skip


MUTATIONS: tuple[Mutate, ...] = (
    flipped_bit, other_character, foreign_character, cut, repeated, exchanged, other_case, other_segments, grafted,
    other_spelling, other_algorithm, other_key_name, other_header, other_claims, other_signature, foreign_key,
    public_key_as_secret, duplicate_name, signed_nonsense, huge,
)  # fmt: skip
