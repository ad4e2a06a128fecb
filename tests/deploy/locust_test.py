"""The fields of a LocustTest, of Locust's own operator, as a JSON schema that knows no other.

They are what docs.locust.io/en/stable/kubernetes-operator.html says, and what the definition of the resource confirms:
charts/locust-operator/crds/locusttest.yaml in github.com/locustio/k8s-operator, chart 0.1.9.
"""

_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
_AMOUNTS = {"type": "object", "additionalProperties": {"type": ["string", "integer"]}}
_ROLE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "labels": _TEXTS,
        "annotations": _TEXTS,
        "resources": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"requests": _AMOUNTS, "limits": _AMOUNTS},
        },
    },
}
LOCUST_TEST = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "additionalProperties": False,
    "properties": {
        "apiVersion": {"const": "locust.io/v1"},
        "kind": {"const": "LocustTest"},
        "metadata": {"type": "object"},
        "spec": {
            "type": "object",
            "required": ["workers"],
            "additionalProperties": False,
            "properties": {
                "image": {"type": "string"},
                "imagePullPolicy": {"enum": ["IfNotPresent", "Always", "Never"]},
                "workers": {"type": "integer", "minimum": 1},
                "args": {"type": "string"},
                "env": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "additionalProperties": False,
                        "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
                    },
                },
                "locustfile": {
                    "type": "object",
                    "required": ["configMap"],
                    "additionalProperties": False,
                    "properties": {"configMap": {**_TEXTS, "required": ["name"]}},
                },
                "labels": _TEXTS,
                "annotations": _TEXTS,
                "master": _ROLE,
                "worker": _ROLE,
            },
        },
    },
}
