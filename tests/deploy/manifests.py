"""What deploy/kubernetes says, read file by file as kustomize would put it together."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
NAME = "app.kubernetes.io/name"

Document = dict[str, Any]
Labels = dict[str, str]


def documents_of(text: str) -> list[Document]:
    """The documents of a YAML stream."""
    return [document for document in yaml.safe_load_all(text) if document is not None]


KUSTOMIZATION = documents_of((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))[0]
DOCUMENTS = [
    document
    for name in KUSTOMIZATION["resources"]
    for document in documents_of((FOLDER / name).read_text(encoding="utf-8"))
]


@dataclass(frozen=True, slots=True)
class Pod:
    """A Pod some controller will make, by the controller's name; `claims` are the volumes it brings along."""

    name: str
    namespace: str
    labels: Labels
    spec: Document
    claims: frozenset[str]

    @property
    def container(self) -> Document:
        """The one container."""
        (container,) = self.spec["containers"]
        return dict(container)

    @property
    def ports(self) -> dict[str, int]:
        """Container ports by name."""
        return {port["name"]: port["containerPort"] for port in self.container.get("ports", [])}

    @property
    def secrets(self) -> dict[str, Document]:
        """The Secrets it mounts, by name."""
        return {one["secret"]["secretName"]: one["secret"] for one in self.spec["volumes"] if "secret" in one}

    @property
    def environment(self) -> dict[str, str]:
        """Every variable it is given; "" for those that are known when it runs."""
        given: dict[str, str] = {}
        for source in self.container.get("envFrom", []):
            given |= settings(source["configMapRef"]["name"])
        return given | {one["name"]: one.get("value", "") for one in self.container.get("env", [])}


def of_kind(*kinds: str) -> list[Document]:
    """All documents of these kinds."""
    return [document for document in DOCUMENTS if document["kind"] in kinds]


def named(kind: str, name: str) -> Document:
    """The one document of this kind and name."""
    (document,) = (document for document in of_kind(kind) if document["metadata"]["name"] == name)
    return document


def pods_of(documents: Iterable[Document]) -> Iterator[Pod]:
    """The Pods of Deployments, StatefulSets and Jobs."""
    for document in documents:
        if document["kind"] in {"Deployment", "StatefulSet", "Job"}:
            template = document["spec"]["template"]
            claims = document["spec"].get("volumeClaimTemplates", [])
            yield Pod(
                name=document["metadata"]["name"],
                namespace=document["metadata"]["namespace"],
                labels=template["metadata"]["labels"],
                spec=template["spec"],
                claims=frozenset(claim["metadata"]["name"] for claim in claims),
            )


PODS = {pod.name: pod for pod in pods_of(DOCUMENTS)}


def selected(namespace: str, labels: Labels) -> list[Pod]:
    """The Pods a selector means."""
    return [pod for pod in PODS.values() if pod.namespace == namespace and labels.items() <= pod.labels.items()]


def generated(kind: str) -> set[tuple[str, str]]:
    """Namespace and name of all ConfigMaps or Secrets that kustomize makes."""
    key = {"ConfigMap": "configMapGenerator", "Secret": "secretGenerator"}[kind]
    return {(one["namespace"], one["name"]) for one in KUSTOMIZATION[key]}


def settings(name: str) -> dict[str, str]:
    """What the ConfigMap of this name is made of, where that is an .env file."""
    (generator,) = (one for one in KUSTOMIZATION["configMapGenerator"] if one["name"] == name)
    text = "\n".join((FOLDER / file).read_text(encoding="utf-8") for file in generator["envs"])
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))


def tagged(image: str) -> str:
    """An image as the kustomization names it in the end."""
    tags = {one["name"]: one["newTag"] for one in KUSTOMIZATION["images"]}
    return f"{image}:{tags[image]}" if image in tags else image
