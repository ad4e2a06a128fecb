"""schemathesis finds nothing: every answer of every scheme is one that `services/openapi.yaml` describes."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

import services
from services.catalogue import SCHEMES
from tests.fleet import Fleet, unmeasured
from tests.services.web.mounts import CONTROL, MOUNTS, Mount, under

DOCUMENT = Path(services.__file__).with_name("openapi.yaml")
ROOT = Path(services.__file__).parent.parent
EXAMPLES = 10
LIMIT_S = 390
SECURITY: Mapping[str, list[dict[str, list[str]]]] = {"cookie": [{"sessionCookie": []}], "bearer": [{"bearer": []}]}
CONFIG = """
# JSON Schema cannot say how long a body may be: 413 is right for data that is valid, and for data that is not
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "413"]
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "413", "415"]
"""
UNFUZZED = """
# what is drawn at random goes to the carrier a scheme is usually under; what is systematic goes to both
[[operations]]
include-path-regex = "^/({})/"
phases.fuzzing.enabled = false
"""
DEFAULTS = {f"{spec.name}/{spec.traits.default_carrier}" for spec in SCHEMES.values()}
COMMAND = (
    *("run", "openapi.json", "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", "7"),
    *("--continue-on-failure", "--no-shrink", "--generation-database", "none", "--warnings", "off"),
    *("--report", "junit", "--report-junit-path", "report.xml"),
)


ENDPOINTS = 10
WITH_REFRESH_TOKEN = ("/refresh", "/logout")
"""Their body is for the carrier bearer; a cookie client sends none."""


def described(mounts: list[Mount]) -> dict[str, Any]:
    """The description with scheme and carrier filled in, so that it says which credential is the right one."""
    document: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text())
    paths = document["paths"]
    document["paths"] = {path: item for path, item in paths.items() if "{scheme}" not in path}
    for scheme, carrier in mounts:
        security = [] if scheme == CONTROL else SECURITY[carrier]
        for path, item in paths.items():
            if "{scheme}" in path:
                filled = {method: {"security": security, **item[method]} for method in item.keys() - {"parameters"}}
                if carrier == "cookie" and path.endswith(WITH_REFRESH_TOKEN):
                    filled["post"].pop("requestBody")
                document["paths"][path.format(scheme=scheme, carrier=carrier)] = filled
    return document


def start(fleet: Fleet, folder: Path, mounts: list[Mount]) -> subprocess.Popen[bytes]:
    """Schemathesis over `mounts`, through the load balancer of the one replica that serves all of them."""
    (folder / "openapi.json").write_text(json.dumps(described(mounts)))
    (folder / "schemathesis.toml").write_text(
        CONFIG + UNFUZZED.format("|".join(sorted(set(map("/".join, mounts)) - DEFAULTS)))
    )
    told = {
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.services.web.schemathesis_login",
        "LOGIN_PORT": str(fleet.single.port),
        "LOGIN_PASSWORD": fleet.password,
        "LOGIN_USERS": f"{fleet.new_user()},{fleet.new_user()}",
    }
    argv = [str(Path(sys.executable).with_name("st")), *COMMAND, "--url", f"http://127.0.0.1:{fleet.single.port}"]
    with unmeasured(), (folder / "output").open("wb") as output:
        return subprocess.Popen(argv, cwd=folder, env={**os.environ, **told}, stdout=output, stderr=output)


@pytest.fixture(scope="module")
def findings(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """What schemathesis has against each operation that it tested; one process per carrier, at once."""
    folders = {carrier: tmp_path_factory.mktemp(carrier) for carrier in ("cookie", "bearer")}
    running = [
        start(fleet, folder, [mount for mount in MOUNTS if mount[1] == carrier]) for carrier, folder in folders.items()
    ]
    for process in running:
        process.wait()
    found: dict[str, list[str]] = {}
    for folder in folders.values():
        report = folder / "report.xml"
        assert report.exists(), (folder / "output").read_text()
        for case in ET.parse(report).iter("testcase"):  # noqa: S314 - a file of our own making
            flaws = [flaw.get("message", "") + (flaw.text or "") for flaw in case if flaw.tag in {"failure", "error"}]
            found.setdefault(case.get("name", ""), []).extend(flaws)
    return found


@pytest.mark.timeout(LIMIT_S)
@under(MOUNTS)
def test_schemathesis_finds_nothing(findings: Mapping[str, list[str]], mount: Mount) -> None:
    """All checks, at every operation of every mount, with a login and without one."""
    own = {name: flaws for name, flaws in findings.items() if f" /{'/'.join(mount)}/" in name}
    assert len(own) == ENDPOINTS
    assert not [flaw for flaws in own.values() for flaw in flaws]


@pytest.mark.timeout(LIMIT_S)
def test_schemathesis_finds_nothing_about_the_process(findings: Mapping[str, list[str]]) -> None:
    """Health, readiness and keys."""
    own = {name: flaws for name, flaws in findings.items() if name.startswith("GET /") and name.count("/") < 3}
    assert len(own) == 3
    assert not [flaw for flaws in own.values() for flaw in flaws]
