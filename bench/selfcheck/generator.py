"""Our load generator is cheaper than k6, punctual, and strong enough alone: held against others in the same rounds."""

from collections.abc import Iterator, Mapping

from bench.generator import k6, ours
from bench.generator.comparison import Cell, Choices, Row, compare
from bench.generator.peak import Peak, offer
from bench.generator.server import BareServer
from bench.generator.table import missing
from bench.selfcheck.check import Finding, Selfcheck
from bench.selfcheck.rig import supervisor
from services.contract import Carrier

COST_BARS: Mapping[int, float] = {400: 0.75, 1000: 0.75, 2000: 0.85}
LATENESS_BARS_MS: Mapping[int, float] = {400: 0.3, 1000: 0.3, 2000: 0.6}
RESPONSE_BAR_MS = 0.15
PEAK_BAR_RPS = 5000
PEAK_RATES_RPS = (4000, 5000, 6000, 7000, 8000, 10_000)
PEAK_SECONDS = 5
PEAK_CARRIERS: tuple[Carrier, ...] = ("cookie", "bearer")


def run() -> Iterator[Finding]:
    """Three rounds at each rate and carrier, then one worker alone. Where k6 is missing its bars are not judged."""
    contenders = tuple(contender for contender in (ours.CONTENDER, k6.CONTENDER) if contender.is_installed())
    if k6.CONTENDER not in contenders:
        yield Finding(missing(k6.CONTENDER), "against k6 where it is installed; nothing was compared", holds=True)
    with supervisor() as started:
        for cell in compare(started, BareServer(started), Choices(contenders, tuple(COST_BARS))):
            yield from judge(cell)
        for carrier in PEAK_CARRIERS:
            yield judge_peaks(carrier, tuple(offer(started, carrier, PEAK_RATES_RPS, PEAK_SECONDS)))


def judge(cell: Cell) -> Iterator[Finding]:
    """Every bar of one rate and carrier."""
    rows = {row.generator: row for row in cell.rows}
    where = f"{cell.carrier} at {cell.rate_rps}/s"
    mine, theirs = rows["ours"], rows.get("k6")
    if theirs is not None:
        yield from _against(where, mine, theirs, COST_BARS[cell.rate_rps])
    late_ms = mine.recorded.p99_ms if mine.recorded else float("inf")
    bar_ms = LATENESS_BARS_MS[cell.rate_rps]
    yield Finding(f"{where}: lateness p99 {late_ms:.3f} ms", f"<= {bar_ms} ms on an idle machine", late_ms <= bar_ms)
    for row in cell.rows:
        faults = row.refused + row.failed
        yield Finding(f"{where}: {row.generator} had {faults} requests refused or failed", "none", not faults)


def _against(where: str, mine: Row, theirs: Row, bar: float) -> Iterator[Finding]:
    """The cost in the same rounds, and the median response, which may be shorter: `truth` tells whether it is true."""
    if mine.to_k6 is not None:
        found = mine.to_k6
        figure = f"{where}: {mine.cpu_us:.0f} us/request, {found.value:.2f} ({found.low:.2f}-{found.high:.2f}) of k6's"
        yield Finding(figure, f"<= {bar}", found.value <= bar)
    if mine.response is not None and theirs.response is not None:
        own_ms, their_ms = mine.response.p50_ms, theirs.response.p50_ms
        figure = f"{where}: response p50 {own_ms:.3f} ms, k6's {their_ms:.3f} ms"
        yield Finding(figure, f"<= k6's + {RESPONSE_BAR_MS} ms", own_ms <= their_ms + RESPONSE_BAR_MS)


def judge_peaks(carrier: Carrier, peaks: tuple[Peak, ...]) -> Finding:
    """The highest offered rate at which all but a hundredth were sent and answered in time, and all of them well."""
    reached = max((peak.rate_rps for peak in peaks if peak.is_reached), default=0)
    told = ", ".join(f"{peak.rate_rps}/s: {peak.answered_ratio:.3f}, {peak.failed} failed" for peak in peaks)
    figure = f"{carrier}: one worker reaches {reached} requests/s (answered in time at {told})"
    return Finding(figure, f">= {PEAK_BAR_RPS} requests/s", reached >= PEAK_BAR_RPS)


CHECK = Selfcheck("generator", "our load generator is cheaper than k6, punctual, and strong enough", "10 min", run)
