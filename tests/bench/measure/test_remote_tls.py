"""A target behind TLS: proven, surveyed and loaded as any other, if its certificate is trusted."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bench.measure import client
from bench.measure.client import read_once
from bench.measure.generator import GeneratorProcess
from bench.measure.laboratory import ArmBench
from bench.measure.remote import Site, survey
from bench.stack.errors import NotReadyError
from bench.stack.supervisor import Supervisor
from loadtests.assignment import Assignment, Target
from loadtests.plan import ArmPlan, BlockPlan, SlicePlan
from services.catalogue import SCHEMES
from services.contract import Carrier
from tests import tls
from tests.bench.measure.conftest import USERS

WANTED: Mapping[str, Carrier] = {"none": "bearer", "jwt-rs256": "bearer"}
pytestmark = pytest.mark.stack


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, benches: Mapping[str, ArmBench]) -> Iterator[int]:
    """TLS before the control's arm, by an authority that this process and those it starts trust."""
    authority = tls.found(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.trusted))
    client._trust.cache_clear()
    with tls.terminated(authority, benches["none"].address.port) as port:
        yield port
    client._trust.cache_clear()


def test_it_is_surveyed(port: int, benches: Mapping[str, ArmBench]) -> None:
    """What is mounted shows through TLS."""
    found = survey(Site(f"https://{tls.ADDRESS}:{port}", benches["none"].password, USERS), WANTED, SCHEMES)
    assert (found.mounted, found.absent, found.replicas) == (("none",), ("jwt-rs256",), 1)


def test_it_is_loaded(port: int, supervisor: Supervisor, benches: Mapping[str, ArmBench]) -> None:
    """Every request over TLS by the generator's process, the visitors being a stretch of users from the middle."""
    arm = ArmPlan("tls", "none", "bearer", 1, "as-deployed", "steady", 4)
    plan = BlockPlan(0, 1, (arm,), (SlicePlan("latency", 20, 1, pinned=False),))
    target = Target(tls.ADDRESS, port, tls=True, first_user=20)
    with GeneratorProcess(supervisor, "generator", Assignment(plan, (target,), benches["none"].password)) as generator:
        assert generator.log_in().failures == ()
        generator.load(0)
        samples = generator.samples(0, "tls")
    assert samples
    assert {sample.status for sample in samples} == {200}


def test_a_certificate_of_nobody_is_one_line(
    port: int, benches: Mapping[str, ArmBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown to this machine or made out to another name: nothing is sent, and the reason is told."""
    site = Site(f"https://localhost:{port}", benches["none"].password, USERS)
    with pytest.raises(NotReadyError, match=r"certificate verify failed: .*correct --target$"):
        survey(site, WANTED, SCHEMES)
    monkeypatch.delenv("SSL_CERT_FILE")
    client._trust.cache_clear()
    answer = read_once(Target(tls.ADDRESS, port, tls=True), site.visitor("none", "bearer"))
    assert (answer.status, "certificate verify failed" in answer.failure) == (0, True)
