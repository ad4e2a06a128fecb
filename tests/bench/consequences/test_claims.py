"""What schemes claim for each need is told with the experiment that would measure it, and costs are not claimed."""

import math
import re
from dataclasses import replace

from bench.analysis.advice import kind_of
from bench.analysis.advice_rules import Fact, Finding
from bench.consequences.catalogue import EXPERIMENTS
from bench.consequences.claims import claims
from services.catalogue import SCHEMES
from services.contract import HelperService
from tests.bench.consequences.advised import RECOMMENDABLE

COSTS = {"cpu_over_2_services_ratio", "cpu_over_4_services_ratio"}


def claimed(scheme: str) -> dict[Fact, Finding]:
    """Of one scheme."""
    return dict(claims(SCHEMES[scheme]))


def test_a_claim_names_an_experiment_about_the_scheme() -> None:
    """What it says to run would run, and be about this scheme."""
    for name, spec in RECOMMENDABLE.items():
        for fact, found in claims(spec):
            assert not found.is_measured
            for experiment in re.findall(r"run `authbench consequences (.+?)`", found.source):
                assert EXPERIMENTS[experiment].concerns(spec), (name, fact)


def test_costs_are_unknown() -> None:
    """And nothing but costs is."""
    for spec in RECOMMENDABLE.values():
        assert {fact for fact, found in claims(spec) if not found.is_known} == COSTS


def test_a_window_is_what_the_lifetimes_of_the_service_come_to() -> None:
    """An hour, half an hour, refused at once; in another server's memory half a day."""
    assert (claimed("jwt-hs256")["stolen_s"].value, claimed("jwt-hs256")["stolen_s"].words) == (3600, "1 h")
    assert claimed("refresh-token")["stolen_s"].words == "30 min"
    assert claimed("redis-session")["stolen_s"].words == "refused at once"
    assert claimed("memory-session")["stolen_on_other_servers_s"].words == "12 h"
    assert "stolen_on_other_servers_s" not in claimed("redis-session")


def test_an_outage_lasts_as_long_as_an_access_token() -> None:
    """At most: whoever asks at every request stops at once, whoever never asks goes on."""
    found = {name: claimed(name)["goes_on_s"] for name in ("redis-session", "refresh-token", "jwt-hs256")}
    assert [one.value for one in found.values()] == [0, 1800, math.inf]
    assert [one.words for one in found.values()] == [
        "every request asks it",
        "it goes on for 30 min, until it has to renew",
        "it asks none",
    ]


def test_a_plugin_that_asks_a_helper_keeps_logins_there() -> None:
    """It has no store of ours, and yet does not go on when what it asks is away; its lifetime nobody knows."""
    plugin = replace(SCHEMES["jwt-hs256"], name="opaque-token", helpers=(HelperService("server", ("python",)),))
    found = dict(claims(plugin))
    assert kind_of(plugin) == "session"
    assert (found["goes_on_s"].value, found["tokens_in_browser"].value) == (0.0, 0.0)
    assert found["goes_on_s"].source == "claimed, not measured: experiment store-down is not about this scheme"
    assert (found["stolen_s"].value, found["stolen_s"].words) == (math.inf, "until it expires")
