"""The story follows the figures: who is harmed by what, and what each approach changed."""

from collections.abc import Sequence
from dataclasses import replace

from bench.analysis.model import Verdict
from bench.consequences.model import Figure, Outcome
from bench.consequences.reading import FAILED
from reports.approaches import FIRST
from reports.findings import Findings
from reports.story import Row, Story, story
from services.catalogue import SCHEMES
from tests.reports.made_up import added, control, experiment, lost

INVALID = Verdict("INVALID", ("the control was harmed",))


def outcome(name: str, scheme: str, users: float, *, setting: str = "hard", failed: float = 0) -> Outcome:
    """So many users logged out, so many requests failed."""
    failing = Figure(FAILED, failed, "requests", of=100, is_harm=True)
    headline = f"{users:.0f} users, {failed:.0f} requests"
    return Outcome(name, scheme, setting, headline, (lost(users), failing), Verdict("VALID"))


def told(*outcomes: Outcome) -> Story:
    """The story of these outcomes."""
    names = list(dict.fromkeys(one.experiment for one in outcomes))
    return story(
        Findings(tuple(experiment(name, tuple(one for one in outcomes if one.experiment == name)) for name in names))
    )


def row(found: Story, name: str) -> Row:
    """The row of one approach."""
    return next(one for one in found.rows if one.name == name)


def names(found: Story) -> Sequence[str]:
    """The approaches from the top down."""
    return [one.name for one in found.rows]


def test_approaches_stand_in_the_order_of_the_story() -> None:
    """One server, more of them, sticky, then every scheme as it was invented; plugins last, the unprotected never."""
    every = [outcome("redeploy", scheme, 0) for scheme in ("zeta", "alpha", *reversed(list(SCHEMES)))]
    sticky = replace(outcome("redeploy", "memory-session", 3), balancing="sticky")
    found = names(told(added("memory-session", 1), *every, sticky))
    ours = [name for name in SCHEMES if name != "none"]
    assert found == [FIRST, ours[0], "memory-session, sticky", *ours[1:], "alpha", "zeta"]


def test_a_cell_is_the_worst_setting() -> None:
    """Logged-out users outweigh failed requests, more of them fewer, and a control is never told."""
    found = told(
        outcome("redeploy", "bff", 0, setting="mild", failed=90),
        outcome("redeploy", "bff", 3, setting="hard"),
        outcome("redeploy", "bff", 2, setting="in between", failed=50),
        control("redeploy", "bff"),
    )
    [cell] = row(found, "bff").cells
    assert (cell.text, cell.note, cell.tone) == ("3 users, 0 requests", "hard", "harmed")


def test_what_is_invalid_is_not_told_and_not_hidden() -> None:
    """An INVALID outcome gives its place to the worst valid one; where there is none the cell says INVALID."""
    worst = replace(outcome("redeploy", "bff", 9), verdict=INVALID)
    mild = outcome("redeploy", "bff", 0, setting="mild", failed=1)
    unproven = replace(mild, verdict=Verdict("UNPROVEN"))
    [cell] = row(told(worst, mild), "bff").cells
    assert (cell.note, cell.tone) == ("mild, 1 other setting invalid", "failing")
    assert row(told(unproven), "bff").cells[0].note == "mild, unproven"
    alone = row(told(worst), "bff")
    assert alone.cells[0].tone == "invalid"
    assert (alone.cells[0].text, alone.cells[0].note) == ("INVALID", "9 users, 0 requests; hard")
    assert alone.sentence.endswith(": a redeploy gave no valid outcome.")


def test_why_adding_a_server_logged_everyone_out() -> None:
    """One server harms nobody, the second does and the reason is given; sticky ends it."""
    counts = (1, 2, 4)
    found = told(
        *(added("memory-session", servers) for servers in counts),
        *(added("memory-session", servers, "sticky") for servers in counts),
    )
    assert row(found, FIRST).sentence.endswith("nobody is harmed as long as it stays the only one.")
    reason = "now hurt by adding a server: 40 of 40 logged out, because the other servers do not know the session."
    assert row(found, "memory-session").sentence.endswith(reason)
    assert row(found, "memory-session, sticky").sentence.endswith("unlike memory-session, it survives adding a server.")


def test_what_each_fixed_and_broke() -> None:
    """A row is told against the approach it improves on, skipping those that were not measured."""
    found = told(
        outcome("kill-a-replica", "memory-session", 20),
        outcome("kill-a-replica", "redis-session", 0, failed=4),
        outcome("kill-a-replica", "jwt-hs256", 0),
        outcome("store-down", "memory-session", 0),
        outcome("store-down", "redis-session", 0, failed=60),
        outcome("store-down", "jwt-hs256", 0),
        outcome("store-down", "refresh-token", 0, failed=5),
        outcome("revocation-window", "redis-session", 0, setting="logout"),
        outcome("revocation-window", "jwt-hs256", 9, setting="logout"),
        outcome("revocation-window", "refresh-token", 2, setting="logout"),
    )
    assert row(found, "redis-session").sentence == (
        "All servers ask one Redis who is logged in: unlike with memory-session, no login is lost by the death of a "
        "server: 0 users, 4 requests; now troubled by the death of the store: 0 users, 60 requests, because every "
        "request asks the store."
    )
    assert row(found, "jwt-hs256").sentence == (
        "A signed token says who is logged in, nobody is asked: unlike redis-session, it survives the death of a "
        "server and the death of the store; now hurt by a credential stolen before a logout: 9 users, 0 "
        "requests, because nobody is asked whether a token was revoked."
    )
    assert "still hurt by a credential stolen before a logout: 2 users" in row(found, "refresh-token").sentence
    assert found.lead == (
        "None of 4 approaches came through: 3 cost somebody a login or let a thief in, 1 failed requests and no more."
    )


def test_what_a_stolen_credential_costs_has_two_columns() -> None:
    """Each is about its own settings; the plain one needs no note, and why is said once."""
    found = told(
        outcome("revocation-window", "memory-session", 0, setting="ban"),
        outcome("revocation-window", "memory-session", 6, setting="ban on another replica"),
        outcome("revocation-window", "redis-session", 0, setting="ban"),
        outcome("revocation-window", "redis-session", 9, setting="password change in the stolen login"),
        outcome("revocation-window", "jwt-hs256", 4, setting="logout"),
        outcome("revocation-window", "jwt-hs256", 5, setting="ban"),
    )
    assert [event.column for event in found.events] == [
        "a stolen credential after logout",
        "a stolen credential after a ban",
    ]
    assert [(cell.tone, cell.note) for cell in row(found, "redis-session").cells] == [("absent", ""), ("unharmed", "")]
    assert row(found, "memory-session").cells[1].note == "ban on another replica"
    assert row(found, "jwt-hs256").sentence.endswith(
        "hurt by a credential stolen before a logout: 4 users, 0 requests, because nobody is asked whether a token was "
        "revoked; now hurt by a credential stolen before a ban: 5 users, 0 requests."
    )


def test_the_sentence_turns_with_the_data() -> None:
    """Should memory survive a death and a store stay up, nothing else is claimed; no reason is made up."""
    found = told(
        outcome("kill-a-replica", "memory-session", 0, failed=3),
        outcome("kill-a-replica", "redis-session", 0),
        outcome("store-down", "redis-session", 0),
        outcome("kill-a-replica", "jwt-hs256", 0, failed=2),
        outcome("kill-a-replica", "jwt-rs256", 0, failed=2),
    )
    first = row(found, "memory-session").sentence
    assert first.endswith(": troubled by the death of a server: 0 users, 3 requests.")
    assert row(found, "redis-session").sentence.endswith("unlike memory-session, it survives the death of a server.")
    assert "now troubled by the death of a server" in row(found, "jwt-hs256").sentence
    assert "still troubled by the death of a server" in row(found, "jwt-rs256").sentence
    assert found.lead == "1 of 4 approaches came through all that was tried on them: redis-session."


def test_an_unharmed_approach_says_so() -> None:
    """Without anything before it, and whoever made it."""
    found = told(outcome("redeploy", "plugin", 0), outcome("store-down", "plugin", 0))
    assert row(found, "plugin").sentence == "nobody is harmed by a redeploy and the death of the store."


def test_prices_are_no_harm() -> None:
    """Bytes and memory are told of the least that was tried, though something else was refused."""
    price = Outcome("wire-bytes", "bff", "0 claims", "80 B", (Figure("bytes up", 80, "B"),), Verdict("VALID"))
    refused = replace(outcome("wire-bytes", "bff", 0, failed=1), at=99)
    found = told(refused, replace(price, at=9, headline="90 B"), replace(price, at=0), price)
    assert [(cell.text, cell.tone) for cell in row(found, "bff").cells] == [("80 B", "price")]
    assert row(found, "bff").sentence.endswith(": no event was tried.")
    assert found.lead.startswith("Nothing was done to any approach")


def test_none_came_through() -> None:
    """The lead says so when every approach is harmed somewhere."""
    found = told(outcome("redeploy", "bff", 1), outcome("redeploy", "jwt-hs256", 0, failed=1))
    assert found.lead.startswith("None of 2 approaches came through: 1 cost somebody a login")
    failing = told(outcome("redeploy", "bff", 0, failed=1))
    assert failing.lead == "None of 1 approaches came through: each failed requests."


def test_another_balancing_is_told_against_the_same_scheme() -> None:
    """It has the scheme's place and its own mechanism."""
    spread = replace(outcome("redeploy", "memory-session", 0), balancing="source")
    found = told(outcome("redeploy", "memory-session", 5), spread)
    assert names(found) == ["memory-session", "memory-session, source"]
    assert row(found, "memory-session, source").sentence == (
        "A visitor's address decides on the server: unlike memory-session, it survives a redeploy."
    )
