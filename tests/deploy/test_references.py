"""The references between the manifests of deploy/kubernetes: none leads nowhere, none is cut by a policy."""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Literal

import pytest

from bench.stack.binaries import HAPROXY, find
from bench.stack.haproxy_config import COMPOSE_PORTS, COMPOSE_UPSTREAM_PORT, UPSTREAM, kubernetes_config
from tests.deploy.manifests import FOLDER, NAME, PODS, Document, Pod, generated, named, of_kind, selected

ROOT = FOLDER.parents[1]
SPACE = "kubernetes.io/metadata.name"
DNS, OF_LOCUST = 53, {5557, 5558, 8089}

each_pod = pytest.mark.parametrize("pod", PODS.values(), ids=PODS)
each_policy = pytest.mark.parametrize("policy", of_kind("NetworkPolicy"), ids=lambda one: one["metadata"]["name"])


@each_pod
def test_what_a_pod_mounts_is_there(pod: Pod) -> None:
    """Every mount has its volume, and the reverse; every ConfigMap and Secret named is made."""
    mounts = pod.container["volumeMounts"]
    volumes = {volume["name"] for volume in pod.spec["volumes"]}
    assert {mount["name"] for mount in mounts} == volumes | pod.claims
    assert len({mount["mountPath"] for mount in mounts}) == len(mounts)
    maps = {volume["configMap"]["name"] for volume in pod.spec["volumes"] if "configMap" in volume}
    maps |= {source["configMapRef"]["name"] for source in pod.container.get("envFrom", [])}
    assert {(pod.namespace, name) for name in maps} <= generated("ConfigMap")
    assert {(pod.namespace, name) for name in pod.secrets} <= generated("Secret")


@pytest.mark.parametrize("service", of_kind("Service"), ids=lambda one: one["metadata"]["name"])
def test_a_service_finds_its_pods(service: Document) -> None:
    """A Service selects the Pods of its name, and every port of it is a port they have."""
    (pod,) = selected(service["metadata"]["namespace"], service["spec"]["selector"])
    assert pod.name == service["metadata"]["name"]
    assert {port["name"]: port["port"] for port in service["spec"]["ports"]} == pod.ports
    assert all(port["targetPort"] == port["name"] for port in service["spec"]["ports"])


def test_controllers_select_what_they_make() -> None:
    """Deployments, StatefulSets, the autoscaler and the disruption budget mean the Pods they seem to."""
    for document in of_kind("Deployment", "StatefulSet", "PodDisruptionBudget"):
        name, spec = document["metadata"]["name"], document["spec"]
        (pod,) = selected(document["metadata"]["namespace"], spec["selector"]["matchLabels"])
        assert pod.name == spec.get("serviceName", name) == name
    (scaler,) = of_kind("HorizontalPodAutoscaler")
    target = scaler["spec"]["scaleTargetRef"]
    assert "replicas" not in named(target["kind"], target["name"])["spec"]


def test_the_load_balancer_has_room_for_every_replica() -> None:
    """The autoscaler stops where the slots of haproxy.cfg end."""
    (scaler,) = of_kind("HorizontalPodAutoscaler")
    slots = re.findall(r"server-template \S+ 1-(\d+) api\.", kubernetes_config())
    assert {int(slot) for slot in slots} == {scaler["spec"]["maxReplicas"]}


def test_the_load_balancer_is_configured_by_the_template() -> None:
    """The committed file is what `python -m bench.stack.haproxy_config kubernetes` writes, and HAProxy takes it."""
    command = [sys.executable, "-m", "bench.stack.haproxy_config", "kubernetes"]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert text == kubernetes_config() == (FOLDER / "haproxy.cfg").read_text(encoding="utf-8")
    done = subprocess.run(
        [str(find(HAPROXY)), "-c", "-f", "/dev/stdin"],
        input=text,
        env={"COOKIE_KEY": "k"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "Configuration file is valid\n")


def test_the_load_balancer_listens_where_it_is_looked_for() -> None:
    """Its ports are those of the configuration, by the names of the policies."""
    assert PODS["lb"].ports.items() == {*COMPOSE_PORTS.items(), (UPSTREAM, COMPOSE_UPSTREAM_PORT)}


def test_every_address_is_a_service() -> None:
    """A URL, whoever is told it, names a Service and a port of it; so does haproxy.cfg."""
    told = {(pod.namespace, value) for pod in PODS.values() for value in pod.environment.values()}
    locust = named("LocustTest", "locust")["spec"]
    told |= {("authbench-load", one["value"]) for one in locust["env"]} | {("authbench-load", locust["args"])}
    urls = {(space, *found) for space, text in told for found in re.findall(r"://(?:\w+@)?([\w.-]+):(\d+)", text)}
    servers = re.findall(r"server-template \S+ 1-\d+ (\S+)\.svc\.cluster\.local:(\d+)", kubernetes_config())
    urls |= {("", host, port) for host, port in servers}
    assert len(urls) >= 6
    for space, host, port in urls:
        name, _, namespace = host.partition(".")
        assert (namespace or space) == "authbench"
        assert int(port) in PODS[name].ports.values()
        assert named("Service", name)


def peers(rule: Document, direction: str, namespace: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Namespace and labels of everybody a rule names."""
    for peer in rule[direction]:
        spaces = peer.get("namespaceSelector", {"matchLabels": {SPACE: namespace}})
        yield spaces["matchLabels"][SPACE], peer.get("podSelector", {"matchLabels": {}})["matchLabels"]


@each_policy
def test_a_policy_is_about_pods_and_ports_that_are_there(policy: Document) -> None:
    """Who is named exists, and a named port belongs to who listens; only DNS and the operator are not ours."""
    namespace, spec = policy["metadata"]["namespace"], policy["spec"]
    own = selected(namespace, spec["podSelector"].get("matchLabels", {}))
    for rule in spec.get("ingress", []):
        listening = {name for pod in own for name in pod.ports}
        assert {port["port"] for port in rule["ports"]} <= OF_LOCUST | listening
        for space, labels in peers(rule, "from", namespace):
            assert space in {"authbench-load", "locust-operator"} or len(selected(space, labels)) == 1
    for rule in spec.get("egress", []):
        for space, labels in peers(rule, "to", namespace):
            listeners = selected(space, labels)
            listening = {name for pod in listeners for name in pod.ports}
            assert space in {"kube-system", "authbench-load"} or len(listeners) == 1
            assert {port["port"] for port in rule["ports"]} <= {DNS} | OF_LOCUST | listening


def test_who_may_go_out_is_let_in() -> None:
    """Every way out of a component is a way in to another, and the reverse: no policy cuts what another one grants."""
    out = {(own, other, port) for own, other, port in granted("egress") if other != "kube-system"}
    into = {(other, own, port) for own, other, port in granted("ingress") if other != "locust-operator"}
    assert out == into
    assert len(out) == 11


def granted(direction: Literal["egress", "ingress"]) -> Iterator[tuple[str, str, str]]:
    """Whose policy it is, whom it names and the port; of the load and of others, the namespaces."""
    for policy in of_kind("NetworkPolicy"):
        namespace = policy["metadata"]["namespace"]
        own = policy["metadata"]["name"] if namespace == "authbench" else namespace
        for rule in policy["spec"].get(direction, []):
            for space, labels in peers(rule, "to" if direction == "egress" else "from", namespace):
                other = labels[NAME] if space == "authbench" else space
                yield from ((own, other, str(port["port"])) for port in rule["ports"])


@pytest.mark.parametrize("namespace", ["authbench", "authbench-load"])
def test_nobody_may_reach_anybody_unless_said(namespace: str) -> None:
    """In both namespaces a policy for all Pods forbids every way in and out."""
    denied = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert any(one["spec"] == denied for one in of_kind("NetworkPolicy") if one["metadata"]["namespace"] == namespace)
