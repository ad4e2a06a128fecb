"""What each way to stay logged in adds to every request, and with how many claims a login no longer fits."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from bench.analysis.model import Verdict
from bench.consequences.apparatus.weighing import (
    LINE,
    LongestLine,
    Weighed,
    grown_chars,
    longest_line,
    most_claims,
    weigh,
)
from bench.consequences.experiment import Experiment
from bench.consequences.lab import Lab, Scale
from bench.consequences.model import Figure, Outcome
from bench.measure.laboratory import ArmBench
from bench.stack.arm import BEHIND_BFF
from services.carriers import COOKIE_MAX_BYTES, SESSION_COOKIE
from services.contract import Carrier
from services.settings import CLAIMS_MAX
from services.tokens import MAX_CHARS

NAME = "wire-bytes"
SHAPES = (
    *("none", "memory-session", "redis-session", "jwt-hs256", "jwt-rs256", "jwt-es256", "jwt-eddsa"),
    *("refresh-token", "bff"),
)
"""Schemes whose credentials differ in shape; all others carry what one of these does."""
OK, TOO_LARGE = 200, 431

UP, DOWN, LOGIN = "bytes up", "bytes down", "bytes of the answer to a login"
REFUSED, REFUSED_NEXT = "logins refused", "logins refused with one claim more"
MOST, CREDENTIAL = "claims that fit", "credential"
LINE_AT = "longest header line, then {status} of {whose}"
REPLICA, BALANCER = "a replica", "HAProxy"
FITTING = "claims that fit a header line"
FLAT = "a server-side session carries no claims"
GROWING = "a name of 18 characters is 21 of JSON, 28 of the token"
COOKIE_ROOM = f"a cookie, its name included, has {COOKIE_MAX_BYTES} bytes"
TOKEN_ROOM = f"the service signs no token beyond {MAX_CHARS} characters"

SIZES: Mapping[Scale, tuple[int, ...]] = {
    "tiny": (0, 10),
    "quick": (0, 10, 50, 100),
    "standard": (0, 5, 10, 20, 50, 100, 200),
}
"""Claims that are weighed, beside CLAIMS_MAX and what the limits turn out to be."""


@dataclass(frozen=True, slots=True)
class Way:
    """A scheme under a carrier, and what it weighs without claims.

    `payload_bytes` and `chars`: of the token that takes up the claims, which a BFF keeps to itself; 0 where none does.
    """

    scheme: str
    carrier: Carrier
    bare: Weighed
    payload_bytes: int
    chars: int

    @property
    def room_chars(self) -> int:
        """How much longer the token may get."""
        is_cookie = self.carrier == "cookie" and self.bare.payload_bytes
        return (COOKIE_MAX_BYTES - len(SESSION_COOKIE) if is_cookie else MAX_CHARS) - self.chars

    @property
    def predicted(self) -> int:
        """The most claims that fit."""
        return most_claims(self.payload_bytes, self.room_chars, CLAIMS_MAX)


@dataclass(slots=True)
class Search:
    """Where a way's limit lies: what was accepted and what was refused, ever closer together."""

    way: Way
    accepted: Weighed
    refused: Weighed

    @property
    def is_over(self) -> bool:
        """Whether one claim makes the difference."""
        return self.refused.claims - self.accepted.claims == 1

    def probes(self) -> set[int]:
        """What to send next: where theory sees the limit, and once that is used up, the middle."""
        told = {self.way.predicted, self.way.predicted + 1}
        inside = {claims for claims in told if self.accepted.claims < claims < self.refused.claims}
        return inside or {(self.accepted.claims + self.refused.claims) // 2}

    def learn(self, found: Weighed) -> None:
        """Close in."""
        if found.is_accepted:
            self.accepted = max(self.accepted, found, key=lambda one: one.claims)
        else:
            self.refused = min(self.refused, found, key=lambda one: one.claims)


def run(lab: Lab, schemes: Sequence[str]) -> Iterator[Outcome]:
    """Weigh every way at every size, and where one is refused find its limit by sending ever closer to it."""
    with _deployed(lab, schemes, {*SIZES[lab.scale], CLAIMS_MAX}) as benches:
        ways = [_way(benches[0], lab, scheme, carrier) for scheme, carrier in _carried(lab, schemes)]
        weighed = {way: [_weigh(way, bench, claims) for claims, bench in benches.items()] for way in ways}
        lines = _longest_lines(benches[0])
    limited = {way: found for way, found in weighed.items() if found[0].is_accepted and not found[-1].is_accepted}
    searches = {way: _search(way, found) for way, found in limited.items()}
    while unfinished := [search for search in searches.values() if not search.is_over]:
        _close_in(lab, unfinished)
    for way, found in weighed.items():
        yield from (_outcome(way, one) for one in found if way not in searches or one.claims < CLAIMS_MAX)
        if way in searches:
            yield _limit(searches[way], lines)


@contextmanager
def _deployed(lab: Lab, schemes: Sequence[str], counts: set[int]) -> Iterator[Mapping[int, ArmBench]]:
    """One deployment of all `schemes` for every number of claims, which is a setting of its processes; ascending."""
    arms = {claims: lab.arm(schemes[0], visitors=1, label=f"{claims}-claims") for claims in sorted(counts)}
    own = {arm.id: replace(lab.settings, login_claims=claims) for claims, arm in arms.items()}
    with lab.stage(list(arms.values()), own=own, mounted=tuple(schemes)) as stage:
        yield {claims: stage.benches[arm.id] for claims, arm in arms.items()}


def _carried(lab: Lab, schemes: Sequence[str]) -> Iterator[tuple[str, Carrier]]:
    for scheme in schemes:
        for carrier in lab.spec(scheme).traits.carriers:
            yield scheme, carrier


def _way(bench: ArmBench, lab: Lab, scheme: str, carrier: Carrier) -> Way:
    """Behind a BFF it is another scheme's token that grows."""
    bare = weigh(bench, scheme, carrier, 0)
    token = weigh(bench, BEHIND_BFF, "bearer", 0) if lab.spec(scheme).front == "bff" else bare
    return Way(scheme, carrier, bare, token.payload_bytes, token.credential_chars)


def _weigh(way: Way, bench: ArmBench, claims: int) -> Weighed:
    return weigh(bench, way.scheme, way.carrier, claims)


def _longest_lines(bench: ArmBench) -> Mapping[str, LongestLine]:
    """By whose it is; what a replica refuses has passed the load balancer."""
    replica = longest_line(bench.address, "/healthz")
    return {
        REPLICA: replica,
        BALANCER: longest_line(bench.address, "/healthz", frozenset({OK, replica.status})),
    }


def _search(way: Way, found: Sequence[Weighed]) -> Search:
    accepted = [one for one in found if one.is_accepted]
    return Search(way, accepted[-1], next(one for one in found if not one.is_accepted))


def _close_in(lab: Lab, searches: Sequence[Search]) -> None:
    """One more round: deployments with the claims in question, and a login of each way that asks for them.

    BFFs are deployed apart, as only few of the deployments need one.
    """
    for front in ("api", "bff"):
        wanted = [(one, one.probes()) for one in searches if lab.spec(one.way.scheme).front == front]
        schemes = tuple(dict.fromkeys(search.way.scheme for search, _ in wanted))
        if not wanted:
            continue
        with _deployed(lab, schemes, set().union(*(probes for _, probes in wanted))) as benches:
            for search, probes in wanted:
                for claims in sorted(probes):
                    search.learn(_weigh(search.way, benches[claims], claims))


def _outcome(way: Way, found: Weighed) -> Outcome:
    if not found.is_accepted:
        headline = f"login refused: {found.status} {found.reason}"
    else:
        headline = f"{found.up_bytes:,} B up, {found.down_bytes:,} B down"
    return Outcome(
        experiment=NAME,
        scheme=way.scheme,
        setting=f"{way.carrier}, {found.claims} claims",
        headline=headline,
        figures=tuple(_figures(way, found)),
        verdict=_verdict(found),
        at=found.claims,
        is_control=not found.claims,
    )


def _figures(way: Way, found: Weighed) -> Iterator[Figure]:
    if found.is_accepted:
        payload = way.bare.payload_bytes
        up = way.bare.up_bytes + (grown_chars(payload, found.claims) if payload else 0)
        yield Figure(UP, found.up_bytes, "B", predicted=up, theory=GROWING if payload else FLAT)
        yield Figure(DOWN, found.down_bytes, "B", predicted=way.bare.down_bytes, theory="an answer carries none")
    yield Figure(LOGIN, found.login_bytes, "B")
    yield Figure(REFUSED, int(not found.is_accepted), "requests", of=1, is_harm=True)


def _limit(search: Search, lines: Mapping[str, LongestLine]) -> Outcome:
    """What still fits, and what is answered to one claim more."""
    way, last, over = search.way, search.accepted, search.refused
    theory = COOKIE_ROOM if way.room_chars + way.chars < MAX_CHARS else TOKEN_ROOM
    figures = [
        Figure(MOST, last.claims, "", predicted=way.predicted, theory=theory),
        Figure(CREDENTIAL, last.credential_chars, "B"),
        *(figure for figure in _figures(way, last) if figure.name in {UP, DOWN}),
        Figure(REFUSED_NEXT, int(not over.is_accepted), "requests", of=1, is_harm=True),
        *(_room(way, lines) if way.carrier == "bearer" else ()),
    ]
    return Outcome(
        experiment=NAME,
        scheme=way.scheme,
        setting=f"{way.carrier}, at most {last.claims} claims",
        headline=f"{last.claims} fit, then {over.status} {over.reason}",
        figures=tuple(figures),
        verdict=_verdict(over),
        at=last.claims,
    )


def _room(way: Way, lines: Mapping[str, LongestLine]) -> Iterator[Figure]:
    """What would come next if the service signed longer tokens: the header lines of the servers on the way."""
    for whose, line in lines.items():
        yield Figure(LINE_AT.format(status=line.status, whose=whose), line.most_bytes, "B")
    room_chars = min(line.most_bytes for line in lines.values()) - len(LINE) - way.chars
    yield Figure(FITTING, most_claims(way.payload_bytes, room_chars, CLAIMS_MAX), "")


def _verdict(found: Weighed) -> Verdict:
    if found.status in {OK, TOO_LARGE}:
        return Verdict("VALID")
    reason = f"a login was answered {found.status} {found.reason}, expected {OK} or {TOO_LARGE}; look at the logs"
    return Verdict("INVALID", (reason,))


EXPERIMENT = Experiment(
    name=NAME,
    question="how many bytes a request, and how many claims fit?",
    fault="claims in the credential, until the login is refused",
    concerns=lambda spec: spec.name in SHAPES,
    run=run,
    takes_s=25,
    axis="claims in a login",
    plots=UP,
    reading=(
        "Bytes of one GET /profile and of its answer, HTTP headers included, TCP/IP not. A claim is a permission of 18 "
        "characters. Limits are found by logging in with ever closer numbers of claims until one more is refused: "
        f"{COOKIE_ROOM}, and {TOKEN_ROOM}, because the next to refuse would be the header line of a server on the way."
    ),
)
