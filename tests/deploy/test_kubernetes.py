"""deploy/kubernetes as it is written: valid for old and new clusters, and allowed to do no more than it must."""

import copy
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest

from services.keys import KeyRing
from tests.deploy.locust_test import LOCUST_TEST
from tests.deploy.manifests import (
    DOCUMENTS,
    FOLDER,
    KUSTOMIZATION,
    PODS,
    Document,
    Pod,
    documents_of,
    generated,
    named,
    of_kind,
    pods_of,
    tagged,
)

ROOT = FOLDER.parents[1]
OLDEST = "1.30"
"""The oldest Kubernetes the README promises to work with."""
SECRETS = {"ring.json", "postgres", "redis", "users", "cookie"}

each_pod = pytest.mark.parametrize("pod", PODS.values(), ids=PODS)
each_document = pytest.mark.parametrize(
    "document",
    DOCUMENTS,
    ids=lambda one: f"{one['kind']}-{one['metadata'].get('namespace', '')}-{one['metadata']['name']}",
)


def check(document: Document, version: str) -> None:
    """Hold a document against the published schema of its kind, which knows no other field."""
    if document["kind"] == "LocustTest":
        jsonschema.validate(document, LOCUST_TEST)
    else:
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
@each_document
def test_every_manifest_fits_its_published_schema(document: Document, version: str) -> None:
    """No field is misspelt, misplaced or of another type, for the oldest cluster we serve and the newest."""
    check(document, version)


def test_the_schemas_see_what_is_wrong() -> None:
    """A field that no schema knows is refused, deep inside a Pod as well as in a LocustTest."""
    for kind, name in (("Deployment", "api"), ("LocustTest", "locust")):
        broken = copy.deepcopy(named(kind, name))
        (broken["spec"]["template"]["spec"] if kind == "Deployment" else broken["spec"])["runAsRoot"] = True
        with pytest.raises(jsonschema.ValidationError):
            check(broken, OLDEST)


def test_the_kustomization_lists_every_file() -> None:
    """What is listed is there, and what is there is listed; only the secrets are made later."""
    listed = {*KUSTOMIZATION["resources"], *KUSTOMIZATION["configurations"], "kustomization.yaml"}
    assert listed == {path.name for path in FOLDER.glob("*.yaml")}
    generators = [*KUSTOMIZATION["configMapGenerator"], *KUSTOMIZATION["secretGenerator"]]
    sources = {file.rpartition("=")[2] for one in generators for file in one.get("files", []) + one.get("envs", [])}
    assert {source for source in sources if not (FOLDER / source).is_file()} <= {f"secrets/{one}" for one in SECRETS}
    assert {f"secrets/{one}" for one in SECRETS} <= sources


@each_document
def test_everything_has_a_namespace_that_is_there(document: Document) -> None:
    """Nothing falls into whichever namespace kubectl happens to use."""
    known = {one["metadata"]["name"] for one in of_kind("Namespace")}
    assert document["kind"] == "Namespace" or document["metadata"]["namespace"] in known


@each_pod
def test_a_pod_may_do_nothing_it_need_not(pod: Pod) -> None:
    """No root, no capability nor a way to gain one, no file system to write to, no token."""
    context = pod.spec["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] > 0
    assert context["runAsGroup"] > 0
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod.container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod.spec["automountServiceAccountToken"] is False
    assert pod.spec["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & pod.spec.keys()
    assert all("hostPath" not in volume for volume in pod.spec["volumes"])


@each_pod
def test_a_pod_says_what_it_uses(pod: Pod) -> None:
    """CPU time and memory are requested and limited; so is what a Pod may keep in memory as files."""
    resources = pod.container["resources"]
    assert resources["requests"].keys() == resources["limits"].keys() == {"cpu", "memory"}
    in_memory = [volume["emptyDir"] for volume in pod.spec["volumes"] if volume.get("emptyDir")]
    assert all("sizeLimit" in volume for volume in in_memory)


def test_the_namespaces_enforce_it() -> None:
    """The cluster refuses a Pod of the stack that may do more; the operator's Pods get no token for the API server."""
    levels = {
        one["metadata"]["name"]: one["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for one in of_kind("Namespace")
    }
    assert levels == {"authbench": "restricted", "authbench-load": "baseline"}
    assert {pod.namespace for pod in PODS.values()} == {"authbench"}
    (account,) = of_kind("ServiceAccount")
    assert account["metadata"] == {"name": "default", "namespace": "authbench-load"}
    assert account["automountServiceAccountToken"] is False


@each_pod
def test_a_pod_is_probed(pod: Pod) -> None:
    """What serves is asked whether it started, is ready and alive; what it says over HTTP, it says at our two paths."""
    probes = {key: probe for key, probe in pod.container.items() if key.endswith("Probe")}
    assert (probes.keys() >= {"readinessProbe", "livenessProbe"}) == (pod.name != "seed")
    for name, probe in probes.items():
        if "httpGet" in probe:
            assert probe["httpGet"]["path"] == (
                "/readyz" if pod.name != "lb" and name == "startupProbe" else "/healthz"
            )
        port = probe.get("httpGet", probe.get("tcpSocket", {})).get("port")
        assert port is None or port in pod.ports


def test_no_secret_is_in_the_tree() -> None:
    """Secrets are made from files that git ignores; no manifest holds one, no ConfigMap but the one Locust needs."""
    assert of_kind("Secret", "ConfigMap") == []
    assert (FOLDER / ".gitignore").read_text(encoding="utf-8") == "/secrets/\n"
    maps = {one["name"]: one.get("files", []) for one in KUSTOMIZATION["configMapGenerator"]}
    assert {name: files for name, files in maps.items() if any("secrets/" in file for file in files)} == {
        "users-secret": ["secret=secrets/users"]
    }


@each_pod
def test_no_secret_stands_in_the_environment(pod: Pod) -> None:
    """Secrets are named by their files: no variable looks like one, and no URL holds a password."""
    for variable, value in pod.environment.items():
        assert not re.search(r"SECRET|TOKEN|PASSWORD$|KEY$", variable), variable
        assert not re.search(r"://[^/]*:[^/]*@", value), variable


def make_secrets(folder: Path) -> dict[str, str]:
    """Run secrets.sh; what it wrote, by file name."""
    script = [shutil.which("sh") or "sh", str(FOLDER / "secrets.sh"), str(folder)]
    subprocess.run(script, env={"PYTHON": sys.executable, "PATH": "/usr/bin:/bin"}, cwd=folder.parent, check=True)
    return {path.name: path.read_text(encoding="ascii") for path in folder.iterdir()}


def test_secrets_are_made_once(tmp_path: Path) -> None:
    """Each is random, of at least 128 bits and for its owner alone; another run changes none of them."""
    made = make_secrets(tmp_path / "secrets")
    assert made.keys() == SECRETS
    assert len(set(made.values())) == len(SECRETS)
    assert all(re.fullmatch(r"[0-9a-f]{64}", text) for name, text in made.items() if name != "ring.json")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "secrets").iterdir()} == {0o600}
    assert KeyRing(tmp_path / "secrets" / "ring.json").jwks()["keys"]
    assert make_secrets(tmp_path / "secrets") == made


def test_kubectl_builds_it(tmp_path: Path) -> None:
    """It makes one valid stream of it, where every image has its tag and every generated name is referred to."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("no kubectl on this machine to build the kustomization with")
    shutil.copytree(FOLDER, tmp_path / "base", ignore=shutil.ignore_patterns("secrets"))
    make_secrets(tmp_path / "base" / "secrets")
    built = subprocess.run(
        [kubectl, "kustomize", str(tmp_path / "base")],
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": str(tmp_path)},
    )
    documents = documents_of(built.stdout)
    for document in documents:
        check(document, OLDEST)
    made = {document["metadata"]["name"] for document in documents if document["kind"] in {"ConfigMap", "Secret"}}
    referred = set(
        re.findall(r"(?:configMap(?:Ref)?:\n +(?:defaultMode: \d+\n +)?name|secretName): (\S+)", built.stdout)
    )
    assert made == referred
    assert len(documents) == len(DOCUMENTS) + len(generated("ConfigMap")) + len(generated("Secret"))
    (test,) = (document for document in documents if document["kind"] == "LocustTest")
    images = {pod.container["image"] for pod in pods_of(documents)} | {test["spec"]["image"]}
    assert images == {tagged(pod.container["image"]) for pod in PODS.values()} | {tagged("authbench-locust")}


def test_the_readme_has_three_commands() -> None:
    """From nothing to a running stack, once the images are there."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    block = text.partition("Then three commands")[2].partition("```sh\n")[2].partition("```")[0]
    assert [line.split()[0] for line in block.splitlines()] == ["sh", "helm", "kubectl"]
    assert f"Kubernetes {OLDEST} or later" in text
