"""The advice as it is told: one first sentence, every figure with its source, on 80 columns and as a page."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from bench.analysis.advice import Advice, Candidate, Cost, Kind, advise
from bench.analysis.advice_rules import FACTS, RULES, UNSTATED, Fact, Finding, Needs
from bench.analysis.model import Estimate
from reports import advice_page
from reports import advice_words as words
from reports.advice_table import eliminated, remaining, show
from reports.advice_words import AdviceFacts, answer, flag, sentences, stated, where
from tests.reports.reader import assert_alone, assert_closed, assert_ordered, read

FLAGS = {name: f"--{name.rsplit('_', 1)[0] if name.endswith(('_s', '_ms', '_ratio')) else name}" for name in UNSTATED}
TOLD = AdviceFacts(
    command="authbench advise --servers 2",
    flags=FLAGS,  # type: ignore[arg-type]
    meanings=dict.fromkeys(UNSTATED, "is <needed>"),  # type: ignore[arg-type]
    directories=("runs/a", "runs/b"),
    experiments=("redeploy",),
    environment={"cpu_model": "AMD EPYC <Rome>"},
    run_id="a",
    replicas=2,
    rate_rps=40.0,
    latency_rate_rps=20.0,
)
UNTOLD = AdviceFacts("authbench advise", TOLD.flags, TOLD.meanings)
LOST = Finding(1.0, "40 of 40 users", "b, redeploy: 2 replicas")


def candidate(name: str, kind: Kind, cpu_us: Estimate | None = None, **facts: Finding) -> Candidate:
    """One scheme; where its CPU was measured, everything was."""
    cost = Cost(1.0)
    if cpu_us:
        cost = Cost(
            1.0, cpu_us, Estimate(1.5, 1.4, 1.6), cpu_us.low > 0, Estimate(4.2, 4.0, 4.4), 283.4, 1274.0, f"{name}.cpu"
        )
    known: dict[Fact, Finding] = dict(facts)  # type: ignore[assignment]
    return Candidate(name, kind, "cookie", is_sticky=kind == "session" and "memory" in name, cost=cost, facts=known)


REDIS = candidate("redis-session", "session", Estimate(232.0, 220.0, 244.0), session_bytes=Finding(344.0, "344 B", "c"))
TOKEN = candidate("jwt-hs256", "token", Estimate(240.0, 230.0, 250.0))
DENYLIST = candidate("jwt-denylist", "both", Estimate(400.0, 390.0, 410.0))
MEMORY = candidate("memory-session", "session", users_lost_to_a_redeploy=LOST)
NEEDS = Needs(redeploy_keeps_logins=True, servers=2)


def shown(advice: Advice, facts: AdviceFacts = TOLD) -> str:
    """What a terminal of 80 columns shows."""
    stream = StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        show(advice, facts, stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("remains", "begins"),
    [
        ((REDIS,), "A session:"),
        ((TOKEN,), "A token:"),
        ((DENYLIST,), "Both:"),
        ((TOKEN, REDIS), "A session or a token: the needs leave either open."),
        ((DENYLIST, REDIS), "A session or both together: the needs leave either open."),
        ((DENYLIST, TOKEN, REDIS), "A session or a token or both together: the needs leave all open."),
        ((), "Neither: no scheme meets all of --servers 2, --redeploy_keeps_logins."),
    ],
)
def test_the_first_sentence_follows_from_what_remains(remains: tuple[Candidate, ...], begins: str) -> None:
    """Session, token, both, any of them or neither."""
    order = sorted(remains, key=lambda one: ("session", "token", "both").index(one.kind))
    assert answer(Advice(replace(NEEDS), tuple(order), ()), TOLD).startswith(begins.removesuffix("."))


def test_without_a_need_nothing_is_excluded() -> None:
    """And the answer says so."""
    assert "no need was stated" in answer(advise(Needs(), [REDIS]), TOLD)


def test_the_cheapest_is_told_with_whom_it_ties() -> None:
    """By intervals that overlap; many are counted, and without a measurement nobody is."""
    tied = [line for line in sentences(advise(NEEDS, [REDIS, TOKEN, DENYLIST]), TOLD) if "least CPU" in line]
    (line,) = (one.replace("\N{NO-BREAK SPACE}", " ") for one in tied)
    assert "redis-session costs a read the least CPU: +232 µs (+220 to +244)" in line
    assert line.endswith("; not shown to differ from it: jwt-hs256.")
    many = [replace(TOKEN, name=f"plugin-{number}") for number in range(4)]
    assert "not shown to differ from it: 4 of the others." in "".join(sentences(advise(NEEDS, [REDIS, *many]), TOLD))
    assert "least CPU" not in "".join(sentences(advise(Needs(), [MEMORY]), TOLD))
    alone = "".join(sentences(advise(NEEDS, [REDIS, DENYLIST]), TOLD))
    assert "differ" not in alone


def test_several_services_are_told_by_what_was_loaded() -> None:
    """Over 2 or 4 of them, the cheapest first; for one service nothing is said."""
    unknown = Finding(float("nan"), "not measured", "x")
    both = {"cpu_over_2_services_ratio": Finding(1.34, "", ""), "cpu_over_4_services_ratio": unknown}
    one = candidate("redis-session", "session", None, **both)
    cheap = candidate("jwt-hs256", "token", None, **{**both, "cpu_over_2_services_ratio": Finding(1.2, "", "")})
    told = "".join(sentences(advise(Needs(services=3), [one, cheap]), TOLD))
    assert "that 2 services check, over as many that check nothing: jwt-hs256 1.20x, redis-session 1.34x." in told
    assert "services check" not in "".join(sentences(advise(Needs(), [one]), TOLD))
    assert "services check" not in "".join(sentences(advise(Needs(services=4), [one]), TOLD))


def test_doubts_and_ways_out_are_told() -> None:
    """Undecided needs with what would tell, relaxations with whom they leave."""
    unknown = candidate("bff", "both", None, p99_ms=Finding(float("nan"), "not measured", "run `x`"))
    told = sentences(advise(Needs(latency_budget_ms=5.0), [unknown, replace(unknown, name="b2")]), TOLD)
    assert "--latency_budget 5ms is undecided for b2, bff: run `x`." in told
    told = sentences(advise(NEEDS, [MEMORY]), TOLD)
    assert "Without --redeploy_keeps_logins there would remain: memory-session." in told


def test_where_figures_are_from_is_told() -> None:
    """All directories, what is missing among them, or that nothing was measured."""
    assert sentences(advise(NEEDS, []), TOLD)[-1] == "Measured in runs/a, runs/b."
    lacking = replace(TOLD, run_id="", experiments=())
    assert "no run (`authbench run`) and no consequences" in sentences(advise(NEEDS, []), lacking)[-1]
    assert "claim of themselves" in sentences(advise(NEEDS, []), UNTOLD)[-1]
    assert where(UNTOLD) == ""
    assert where(TOLD) == "run a, 2 replicas, CPU at 40 and p99 at 20 requests/s and arm"
    assert where(replace(TOLD, latency_rate_rps=None)).endswith("CPU at 40 requests/s and arm")


def test_needs_are_told_as_they_are_stated() -> None:
    """Times in the largest unit of which they are whole, and in the order of the table."""
    needs = Needs(True, 300.0, store_outage_s=5400.0, services=2, cpu_budget_ratio=1.5, latency_budget_ms=0.5)  # noqa: FBT003 - the first need
    assert stated(needs, TOLD) == (
        "--force_logout, --revocation_window 5m, --services 2, --store_outage 90m, --latency_budget 0.5ms, "
        "--cpu_budget 1.5x"
    )
    for value, told in ((0.0, "0s"), (45.0, "45s"), (0.5, "0.5s"), (172_800.0, "2d"), (7200.0, "2h")):
        assert flag(Needs(revocation_window_s=value), "revocation_window_s", TOLD) == f"--revocation_window {told}"


def test_the_terminal_has_80_columns_and_every_figure() -> None:
    """In order, with intervals; whoever is out with need, reason and source."""
    text = shown(advise(NEEDS, [DENYLIST, MEMORY, REDIS, candidate("bff", "both")]))
    assert max(map(len, text.splitlines())) <= 80
    rows = [line.split()[0] for line in text.splitlines() if line.startswith(("redis", "jwt", "bff"))]
    assert rows == ["redis-session", "jwt-denylist", "bff"]
    assert "+232\N{NO-BREAK SPACE}±12" in text
    flat = " ".join(text.split())
    assert "redis-session session +232 ±12 4.20 1.00 283/1274" in flat
    assert "--redeploy_keeps_logins: a redeploy logs users out: 40 of 40 users [b, redeploy: 2 replicas]" in flat
    assert "no difference to the control shown" not in text


def test_what_is_not_shown_is_marked() -> None:
    """A cost that may be noise has a star and a footnote; one without an interval has none."""
    noise = candidate("memory-session", "session", Estimate(3.0, float("-inf"), float("inf")))
    text = shown(advise(Needs(), [noise]))
    assert "+3.00 *" in text
    assert "* no difference to the control shown" in text
    assert (
        "no difference shown to the control" in remaining(advise(Needs(), [noise]), TOLD).sections[0].lines[0].cells[2]
    )


def test_nobody_has_no_table() -> None:
    """Only reasons are left."""
    text = shown(advise(NEEDS, [MEMORY]), UNTOLD)
    assert "What remains" not in text
    assert "Eliminated:" in text
    assert "Eliminated" not in shown(advise(Needs(), [REDIS]))


def test_the_page_is_whole() -> None:
    """Closed, alone, in order, with a caption for every table and every rule in it."""
    html = advice_page.render(advise(NEEDS, [DENYLIST, MEMORY, REDIS, candidate("bff", "both")]), TOLD)
    reader = read(html)
    assert_closed(reader)
    assert_alone(html, reader)
    assert_ordered(html, reader)
    assert reader.tags["caption"] == reader.tags["table"] == 4
    assert reader.unscoped == 0
    for text in (
        TOLD.command, "AMD EPYC &lt;Rome&gt;", "is &lt;needed&gt;", "memory-session, sticky", "344 B", LOST.source,
        "redis-session.cpu", "not measured", *(rule.limit for rule in RULES),
    ):  # fmt: skip
        assert text in html


def test_a_page_of_nobody_and_one_of_everybody_are_whole(tmp_path: Path) -> None:
    """Without needs, without anybody, and without anything measured."""
    for advice in (advise(Needs(), [REDIS]), advise(NEEDS, [MEMORY])):
        advice_page.write(tmp_path / "advice.html", advice, UNTOLD)
        html = (tmp_path / "advice.html").read_text("utf-8")
        assert_closed(read(html))
        assert "<p>Nobody" in html


def test_eliminations_are_a_line_a_reason() -> None:
    """With need, sentence and source."""
    view = eliminated(advise(NEEDS, [MEMORY]), TOLD)
    (line,) = view.sections[0].lines
    assert line.name == "memory-session, sticky"
    assert line.cells == ("--redeploy_keeps_logins", "a redeploy logs users out: 40 of 40 users", LOST.source)


def test_every_figure_has_words() -> None:
    """Whatever a rule may be held against."""
    assert set(words.FACTS) == set(FACTS)
