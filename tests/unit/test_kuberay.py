"""The manifests of cluster/kuberay/ are valid, safe to run, and start every step with settings that are right.

Fields of Kubernetes itself are checked with its published schemas, those of KubeRay with a list, and with its own
schemas (CRDs) where KUBERAY_CRDS names a folder that has them: the folder ray-operator/config/crd/bases of a checkout.
"""

import os
import re
import shlex
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner
from forms import wrong

from dancegen import config, tracking
from dancegen.steps import STEPS
from dancegen.steps.command import load, step_command

ROOT = Path(__file__).parents[2]
KUBERAY = ROOT / "cluster" / "kuberay"
MLFLOW = KUBERAY.parent / "mlflow" / "mlflow.yaml"
PLAIN = [KUBERAY / "network.yaml", KUBERAY / "gcs-fault-tolerance.yaml", MLFLOW]
JOBS = sorted(path for folder in ("own", "shared") for path in (KUBERAY / folder).glob("*.yaml"))
VERSION = "1.31"  # of Kubernetes
QUANTITY = r"\d+(m|Ki|Mi|Gi)?"
SPOT_LABELS = {
    "karpenter.sh/capacity-type": "spot",
    "eks.amazonaws.com/capacityType": "SPOT",
    "cloud.google.com/gke-spot": "true",
    "kubernetes.azure.com/scalesetpriority": "spot",
}

# Fields of KubeRay (tests/forms.py). What is of Kubernetes, such as a pod, is None: kubernetes_validate checks it.
CLUSTER_SPEC = {
    "rayVersion": str,
    "authOptions": {"mode": "token"},
    "enableInTreeAutoscaling": bool,
    "autoscalerOptions": {
        "version": "v2",
        "idleTimeoutSeconds": int,
        "env": [{"name": str, "value": str}],
        "resources": None,
        "securityContext": None,
        "volumeMounts": None,
    },
    "gcsFaultToleranceOptions": {"redisAddress": r"[a-z-]+:\d+", "redisPassword": {"valueFrom": None}},
    "headGroupSpec": {"rayStartParams": {"num-cpus": str, "dashboard-host": str}, "template": None},
    "workerGroupSpecs": [
        {
            "groupName": r"[a-z-]+",
            "priority": int,
            "replicas": int,
            "minReplicas": int,
            "maxReplicas": int,
            "rayStartParams": {},
            "template": None,
        }
    ],
}
CLUSTER = {
    "apiVersion": r"ray\.io/v1",
    "kind": "RayCluster",
    "metadata": {"name": r"[a-z][a-z0-9-]{0,46}"},
    "spec": CLUSTER_SPEC,
}
JOB = {
    "apiVersion": r"ray\.io/v1",
    "kind": "RayJob",
    "metadata": {"generateName": r"[a-z][a-z0-9-]{0,40}-"},
    "spec": {
        "clusterSelector": {"ray.io/cluster": str},
        "rayClusterSpec": CLUSTER_SPEC,
        "submissionMode": "K8sJobMode|HTTPMode|SidecarMode|InteractiveMode",
        "submitterPodTemplate": None,
        "entrypoint": str,
        "runtimeEnvYAML": str,
        "activeDeadlineSeconds": int,
        "backoffLimit": int,
        "shutdownAfterJobFinishes": bool,
        "ttlSecondsAfterFinished": int,
    },
}


@cache
def read(path: Path) -> Any:
    return yaml.load(path.read_text(), yaml.CSafeLoader)


def objects(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


def shared_cluster() -> dict[str, Any]:
    return read(KUBERAY / "raycluster.yaml")["spec"]


def clusters() -> Iterator[dict[str, Any]]:
    """Each RayClusterSpec."""
    yield shared_cluster()
    for path in JOBS:
        if path.parent.name == "own":
            yield read(path)["spec"]["rayClusterSpec"]


def templates(cluster: dict[str, Any]) -> list[dict[str, Any]]:
    return [group["template"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]


def all_pods() -> list[dict[str, Any]]:
    """Each pod template; those of the jobs are tested to be these."""
    store = next(one for one in objects(KUBERAY / "gcs-fault-tolerance.yaml") if one["kind"] == "StatefulSet")
    submitter = read(JOBS[0])["spec"]["submitterPodTemplate"]
    server = next(one for one in objects(MLFLOW) if one["kind"] == "Deployment")
    return [*templates(shared_cluster()), submitter, store["spec"]["template"], server["spec"]["template"]]


def test_the_check_finds_a_typo_a_wrong_type_and_a_wrong_value() -> None:
    assert wrong({"spec": {"backofLimit": 1}}, JOB) == [".spec.backofLimit is no field"]
    assert wrong({"spec": {"backoffLimit": "1"}}, JOB) == [".spec.backoffLimit='1' is no int"]
    assert wrong({"kind": "RayJobs"}, JOB) == [".kind='RayJobs' is not like RayJob"]
    assert wrong({"spec": {"workerGroupSpecs": [{"maxReplica": 1}]}}, CLUSTER) == [
        ".spec.workerGroupSpecs[0].maxReplica is no field"
    ]


def test_the_shared_cluster_and_the_jobs_have_only_fields_that_exist() -> None:
    assert wrong(read(KUBERAY / "raycluster.yaml"), CLUSTER) == []
    assert [problem for path in JOBS for problem in wrong(read(path), JOB, path.stem)] == []


def test_kubernetes_accepts_every_pod_and_every_object_of_its_own() -> None:
    for template in all_pods():
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", **template["metadata"]}}
        kubernetes_validate.validate({**pod, "spec": template["spec"]}, VERSION, strict=True)
    for path in PLAIN:
        for one in objects(path):
            kubernetes_validate.validate(one, VERSION, strict=True)


@pytest.mark.parametrize("kind", ["RayCluster", "RayJob"])
def test_kuberay_accepts_the_manifests(kind: str) -> None:
    folder = os.environ.get("KUBERAY_CRDS")
    if not folder:
        pytest.skip("set KUBERAY_CRDS to the folder of KubeRay's CRDs: ray-operator/config/crd/bases of a checkout")
    definition = read(Path(folder) / f"ray.io_{kind.lower()}s.yaml")
    (schema,) = [one["schema"] for one in definition["spec"]["versions"] if one["name"] == "v1"]
    validator = jsonschema.Draft202012Validator(closed(schema["openAPIV3Schema"]))
    manifests = {path.stem: read(path) for path in (JOBS if kind == "RayJob" else [KUBERAY / "raycluster.yaml"])}
    if kind == "RayCluster":
        manifests["survives"] = surviving()
        typo = deepcopy(manifests["raycluster"])
        typo["spec"]["workerGroupSpecs"][0]["template"]["spec"]["securityContexts"] = {}
        assert not validator.is_valid(typo), "an unknown field is an error"
    problems = [
        f"{name}: {error.json_path}: {error.message[:200]}"
        for name, one in manifests.items()
        for error in validator.iter_errors(one)
    ]
    assert problems == []


def closed(schema: Any) -> Any:
    """The schema, with fields that it does not list forbidden as by `kubectl --validate=strict`."""
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    out = {key: closed(value) if key in ("items", "additionalProperties") else value for key, value in schema.items()}
    if "properties" in schema:
        out["properties"] = {name: closed(one) for name, one in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            out.setdefault("additionalProperties", False)
    if schema.keys() >= {"x-kubernetes-embedded-resource"} or (out.get("type") == "object" and "properties" not in out):
        out.pop("additionalProperties", None) if out.get("additionalProperties") is False else None
    return out


def surviving() -> dict[str, Any]:
    """The shared cluster with the patch for a head that survives."""
    cluster = deepcopy(read(KUBERAY / "raycluster.yaml"))
    cluster["spec"] |= read(KUBERAY / "gcs-fault-tolerance.patch.yaml")["spec"]
    return cluster


def test_the_patch_for_a_head_that_survives_uses_the_store_that_is_beside_it() -> None:
    cluster = surviving()
    assert wrong(cluster, CLUSTER) == []
    options = cluster["spec"]["gcsFaultToleranceOptions"]
    by_kind = {one["kind"]: one for one in objects(KUBERAY / "gcs-fault-tolerance.yaml")}
    service, store = by_kind["Service"], by_kind["StatefulSet"]
    assert options["redisAddress"] == f"{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
    (container,) = store["spec"]["template"]["spec"]["containers"]
    assert container["env"][0]["valueFrom"] == options["redisPassword"]["valueFrom"]
    assert service["spec"]["selector"] == store["spec"]["template"]["metadata"]["labels"]


def test_there_is_a_rayjob_in_both_forms_for_every_step() -> None:
    for folder in ("shared", "own"):
        assert {path.stem.replace("-", "_") for path in JOBS if path.parent.name == folder} == set(STEPS)


@pytest.mark.parametrize("path", JOBS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_rayjob_ends_when_it_is_done_and_not_by_the_clock(path: Path) -> None:
    job = read(path)
    spec = job["spec"]
    assert job["metadata"] == {"generateName": f"{path.stem}-"}
    assert "activeDeadlineSeconds" not in spec
    assert spec["submitterPodTemplate"] == read(JOBS[0])["spec"]["submitterPodTemplate"]
    assert f"kubectl create -f cluster/kuberay/{path.parent.name}/{path.name}" in path.read_text()
    if path.parent.name == "shared":
        assert spec["clusterSelector"] == {"ray.io/cluster": read(KUBERAY / "raycluster.yaml")["metadata"]["name"]}
        # KubeRay refuses retries on a selected cluster (before 1.6 it deleted the cluster), and never shuts it down.
        assert (spec["backoffLimit"], spec["shutdownAfterJobFinishes"]) == (0, False)
        assert "rayClusterSpec" not in spec
    else:
        assert spec["rayClusterSpec"] == shared_cluster()
        assert spec["backoffLimit"] > 0
        assert spec["shutdownAfterJobFinishes"]
        assert "clusterSelector" not in spec


@pytest.mark.parametrize("step", STEPS.values(), ids=lambda step: step.name)
def test_the_settings_of_a_rayjob_are_right_and_all_on_s3(step: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    entrypoints = {
        read(KUBERAY / folder / f"{step.command}.yaml")["spec"]["entrypoint"] for folder in ("shared", "own")
    }
    (entrypoint,) = entrypoints
    python, module_flag, module, *words = shlex.split(entrypoint)
    assert (python, module_flag, module) == ("python", "-m", f"jobs.{step.name}")
    shown = CliRunner().invoke(step_command(step), [*words, "--show"])
    assert shown.exit_code == 0, shown.output
    assert str(ROOT) not in shown.stdout, "a path of one node is not seen by the others"
    tracking.check_is_kept(config.load(load(step.settings), words[0], words[1:]))


def test_every_pod_runs_as_a_user_on_a_read_only_root_within_limits() -> None:
    for template in all_pods():
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"] == container["resources"]["limits"]
            assert "memory" in container["resources"]["limits"]
            writable = {mount["mountPath"] for mount in container["volumeMounts"]}
            assert writable & {"/tmp", "/data"}


def test_only_the_head_whose_autoscaler_needs_it_has_a_token_of_the_api_server() -> None:
    for cluster in clusters():
        head, *workers = (template["spec"] for template in templates(cluster))
        assert "automountServiceAccountToken" not in head
        assert [pod["automountServiceAccountToken"] for pod in workers] == [False] * len(workers)
    assert read(JOBS[0])["spec"]["submitterPodTemplate"]["spec"]["automountServiceAccountToken"] is False


def test_shared_memory_is_less_than_half_of_a_pods_memory() -> None:
    for template in templates(shared_cluster()):
        (container,), volumes = template["spec"]["containers"], template["spec"]["volumes"]
        assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in volumes}
        sizes = {volume["name"]: volume["emptyDir"]["sizeLimit"] for volume in volumes}
        memory = container["resources"]["limits"]["memory"]
        assert int(sizes["shared-memory"].removesuffix("Gi")) < int(memory.removesuffix("Gi")) / 2


def fits(pod: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether the node affinity of a pod allows a node with these labels."""
    required = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    return any(
        all((labels.get(one["key"]) in one["values"]) == (one["operator"] == "In") for one in term["matchExpressions"])
        for term in required
    )


def test_spot_groups_run_on_spot_nodes_of_each_cloud_and_the_head_on_none() -> None:
    cluster = shared_cluster()
    pods = {group["groupName"]: group["template"]["spec"] for group in cluster["workerGroupSpecs"]}
    pods["head"] = cluster["headGroupSpec"]["template"]["spec"]
    assert set(pods) == {"head", "cpu", "cpu-spot", "gpu", "gpu-spot"}
    for name, pod in pods.items():
        spot = name.endswith("-spot")
        assert [fits(pod, {key: value}) for key, value in SPOT_LABELS.items()] == [spot] * len(SPOT_LABELS), name
        assert fits(pod, {"kubernetes.io/arch": "amd64"}) is not spot, "a node without a word on spot is on demand"
    for group in cluster["workerGroupSpecs"]:
        assert (group["minReplicas"], group["replicas"]) == (0, 0)
        limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
        assert ("nvidia.com/gpu" in limits) == group["groupName"].startswith("gpu")


def test_ray_starts_spot_nodes_first_and_others_when_there_are_none() -> None:
    assert started({}) == {"gpu-spot": 2}
    assert started({"gpu-spot": 0.0}) == {"gpu": 2}


def started(availability: dict[str, float]) -> dict[str, int]:
    """The nodes that Ray's autoscaler starts for two tasks with a GPU each, given how available each kind is."""
    from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr
    from ray.autoscaler.v2.instance_manager.config import AutoscalingConfig
    from ray.autoscaler.v2.scheduler import ResourceDemandScheduler, SchedulingRequest
    from ray.autoscaler.v2.utils import ResourceRequestUtil

    cluster = {**read(KUBERAY / "raycluster.yaml")}
    cluster["metadata"] = {**cluster["metadata"], "namespace": "default"}
    ray_config = AutoscalingConfig(_derive_autoscaling_config_from_ray_cr(deepcopy(cluster)))
    demand = ResourceRequestUtil.group_by_count([ResourceRequestUtil.make({"CPU": 1, "GPU": 1})] * 2)
    request = SchedulingRequest(
        node_type_configs=ray_config.get_node_type_configs(),
        max_num_nodes=ray_config.get_max_num_worker_nodes(),
        disable_launch_config_check=True,
        resource_requests=demand,
        recoverable_resource_availabilities=availability,
    )
    return {one.instance_type: one.count for one in ResourceDemandScheduler().schedule(request).to_launch}


def test_tokens_are_asked_for_and_heads_run_no_tasks_in_every_cluster() -> None:
    for cluster in clusters():
        assert cluster["authOptions"] == {"mode": "token"}
        assert cluster["enableInTreeAutoscaling"]
        assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


def test_the_head_of_the_shared_cluster_is_not_evicted() -> None:
    (budget,) = [one for one in objects(KUBERAY / "network.yaml") if one["kind"] == "PodDisruptionBudget"]
    name = read(KUBERAY / "raycluster.yaml")["metadata"]["name"]
    assert budget["spec"] == {
        "minAvailable": 1,
        "selector": {"matchLabels": {"ray.io/cluster": name, "ray.io/node-type": "head"}},
    }
    for cluster in clusters():
        kept = cluster["headGroupSpec"]["template"]["metadata"]["annotations"]
        assert kept["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"


def test_all_images_are_ours_with_the_ray_that_is_pinned() -> None:
    (version,) = re.findall(r"(?m)^ray==(\S+)$", (ROOT / "constraints.txt").read_text())
    images = {pod["image"] for template in all_pods() for pod in template["spec"]["containers"]}
    assert {image for image in images if "dancegen" in image} == {f"YOUR-REGISTRY/dancegen:{version}"}
    assert all(cluster["rayVersion"] == version for cluster in clusters())


def test_the_tracking_server_is_where_the_jobs_look_for_it_with_the_mlflow_that_is_pinned() -> None:
    by_kind = {one["kind"]: one for one in objects(MLFLOW)}
    (container,) = by_kind["Deployment"]["spec"]["template"]["spec"]["containers"]
    name, space = by_kind["Service"]["metadata"]["name"], by_kind["Service"]["metadata"]["namespace"]
    port = by_kind["Service"]["spec"]["ports"][0]["port"]
    used = {uri for step in STEPS.values() for uri in re.findall(r"tracking_uri=(\S+)", step.on_cluster)}
    assert used == {f"http://{name}.{space}:{port}"}
    assert f"{name}.{space}:{port}" in next(one for one in container["args"] if "--allowed-hosts" in one)
    (version,) = re.findall(r"(?m)^mlflow==(\S+)$", (ROOT / "constraints.txt").read_text())
    assert container["image"] == f"YOUR-REGISTRY/mlflow:{version}"
