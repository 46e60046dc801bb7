"""Who may talk to whom in cluster/kuberay/: the NetworkPolicies, evaluated for a table of connections."""

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

KUBERAY = Path(__file__).parents[2] / "cluster" / "kuberay"
OURS = {"app.kubernetes.io/part-of": "dancegen"}
# name -> (namespace, labels of the pod) or an address outside
PEERS: dict[str, tuple[str, dict[str, str]] | str] = {
    "head": ("dance", {**OURS, "ray.io/node-type": "head", "ray.io/cluster": "dancegen"}),
    "worker": ("dance", {**OURS, "ray.io/node-type": "worker", "ray.io/cluster": "dancegen"}),
    "submitter": ("dance", {**OURS, "app.kubernetes.io/component": "submitter"}),
    "store": ("dance", {"app.kubernetes.io/name": "dancegen-valkey"}),
    "neighbour": ("dance", {"app": "shop"}),
    "look-alike": ("other", {**OURS, "ray.io/node-type": "worker"}),
    "operator": ("kuberay", {"app.kubernetes.io/name": "kuberay-operator"}),
    "prometheus": ("monitoring", {"app.kubernetes.io/name": "prometheus"}),
    "mlflow": ("mlflow", {"app.kubernetes.io/name": "mlflow"}),
    "other in mlflow": ("mlflow", {"app.kubernetes.io/name": "postgres"}),
    "names": ("kube-system", {"k8s-app": "kube-dns"}),
    "API server": "10.0.0.5",
    "S3": "52.216.1.1",
    "metadata": "169.254.169.254",
}
ALLOWED = [
    ("head", "worker", 8076),
    ("worker", "head", 6379),
    ("worker", "worker", 10002),
    ("submitter", "head", 8265),
    ("operator", "head", 8265),
    ("prometheus", "head", 8080),
    ("prometheus", "worker", 8080),
    ("worker", "names", 53),
    ("submitter", "names", 53),
    ("worker", "S3", 443),
    ("head", "S3", 443),
    ("worker", "mlflow", 5000),
    ("head", "API server", 6443),
    ("head", "store", 6379),
]
DENIED = [
    ("neighbour", "head", 8265),
    ("neighbour", "head", 6379),
    ("neighbour", "worker", 10002),
    ("look-alike", "head", 6379),
    ("operator", "head", 6379),
    ("operator", "worker", 8265),
    ("prometheus", "head", 8265),
    ("submitter", "head", 6379),
    ("submitter", "worker", 10002),
    ("submitter", "S3", 443),
    ("head", "submitter", 22),
    ("worker", "metadata", 80),
    ("worker", "metadata", 443),
    ("head", "metadata", 80),
    ("worker", "S3", 25),
    ("worker", "API server", 6443),
    ("worker", "other in mlflow", 5000),
    ("worker", "store", 6379),
    ("neighbour", "store", 6379),
    ("store", "S3", 443),
]


@pytest.fixture(scope="module")
def policies() -> list[dict[str, Any]]:
    files = (KUBERAY / "network.yaml", KUBERAY / "gcs-fault-tolerance.yaml")
    found = [one for file in files for one in yaml.safe_load_all(file.read_text())]
    return [one["spec"] for one in found if one["kind"] == "NetworkPolicy"]


def selected(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a label selector selects these labels."""
    equal = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return equal and all(
        one["operator"] == "In" and labels.get(one["key"]) in one["values"]
        for one in selector.get("matchExpressions", [])
    )


def is_peer(rule: dict[str, Any], peer: tuple[str, dict[str, str]] | str) -> bool:
    """Whether an entry of `from` or `to` is about this peer. Without a namespace selector it is about "dance"."""
    if isinstance(peer, str):
        block = rule.get("ipBlock")
        inside = block is not None and ip_address(peer) in ip_network(block["cidr"])
        return inside and not any(ip_address(peer) in ip_network(one) for one in block.get("except", []))
    namespace, labels = peer
    spaces = rule.get("namespaceSelector", {"matchLabels": {"kubernetes.io/metadata.name": "dance"}})
    return (
        "ipBlock" not in rule
        and selected(spaces, {"kubernetes.io/metadata.name": namespace})
        and selected(rule.get("podSelector", {}), labels)
    )


def passes(policies: list[dict[str, Any]], way: str, pod: str, other: str, port: int) -> bool:
    """Whether the policies of a pod let a connection out ("egress") or in ("ingress")."""
    if isinstance(PEERS[pod], str) or PEERS[pod][0] != "dance":
        return True  # the policies are of one namespace
    mine = [
        one for one in policies if selected(one["podSelector"], PEERS[pod][1]) and way.title() in one["policyTypes"]
    ]
    side = {"egress": "to", "ingress": "from"}[way]
    return not mine or any(
        any(is_peer(peer, PEERS[other]) for peer in rule[side])
        and ("ports" not in rule or any(one["port"] == port for one in rule["ports"]))
        for policy in mine
        for rule in policy.get(way, [])
    )


def allowed(policies: list[dict[str, Any]], source: str, target: str, port: int) -> bool:
    return passes(policies, "egress", source, target, port) and passes(policies, "ingress", target, source, port)


def test_what_a_cluster_needs_is_allowed(policies: list[dict[str, Any]]) -> None:
    assert [row for row in ALLOWED if not allowed(policies, *row)] == []


def test_everything_else_is_denied(policies: list[dict[str, Any]]) -> None:
    assert [row for row in DENIED if allowed(policies, *row)] == []


def test_the_labels_of_the_policies_are_those_of_the_pods() -> None:
    job = yaml.safe_load((KUBERAY / "own" / "render.yaml").read_text())["spec"]
    cluster = job["rayClusterSpec"]
    assert selected({"matchLabels": job["submitterPodTemplate"]["metadata"]["labels"]}, PEERS["submitter"][1])
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert group["template"]["metadata"]["labels"] == OURS
