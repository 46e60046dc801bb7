"""The cluster files name fields that exist, versions that agree, and jobs whose settings are right.

Kubernetes drops fields it does not know without a word, and `ray up` does not look into node
configurations, so a typo would be found only when it costs money. The fields we use are listed here.
"""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from dancegen import config, tracking
from dancegen.steps import STEPS
from dancegen.steps.command import load, step_command

ROOT = Path(__file__).parents[2]
KUBERAY = ROOT / "cluster" / "kuberay"
JOBS = sorted(path for path in KUBERAY.glob("*.yaml") if path.stem != "raycluster")
QUANTITY = r"\d+(\.\d+)?(m|Ki|Mi|Gi)?"

# What may be where: a dict lists fields, a list the form of each item, str and int the type, a regex the whole text.
RESOURCES = {"cpu": QUANTITY, "memory": QUANTITY}
METADATA = {"name": r"[a-z][a-z0-9-]{0,46}", "generateName": r"[a-z][a-z0-9-]{0,40}-"}
SECRET = [{"secretRef": {"name": str, "optional": bool}}]
CONTAINER = {
    "name": str,
    "image": str,
    "ports": [{"name": str, "containerPort": int}],
    "resources": {part: {**RESOURCES, "nvidia.com/gpu": r"\d+"} for part in ("requests", "limits")},
    "envFrom": SECRET,
    "volumeMounts": [{"name": str, "mountPath": str}],
}
POD = {
    "spec": {
        "containers": [CONTAINER],
        "volumes": [{"name": str, "emptyDir": {"medium": "Memory", "sizeLimit": QUANTITY}}],
        "tolerations": [{"key": str, "operator": "Exists|Equal", "effect": "NoSchedule"}],
    }
}
CLUSTER = {
    "apiVersion": r"ray\.io/v1",
    "kind": "RayCluster",
    "metadata": METADATA,
    "spec": {
        "rayVersion": str,
        "authOptions": {"mode": "token"},
        "enableInTreeAutoscaling": bool,
        "autoscalerOptions": {
            "version": "v2",
            "idleTimeoutSeconds": int,
            "resources": {"requests": RESOURCES, "limits": RESOURCES},
        },
        "headGroupSpec": {"rayStartParams": {"num-cpus": str, "dashboard-host": str}, "template": POD},
        "workerGroupSpecs": [
            {
                "groupName": str,
                "replicas": int,
                "minReplicas": int,
                "maxReplicas": int,
                "rayStartParams": {},
                "template": POD,
            }
        ],
    },
}
JOB = {
    "apiVersion": r"ray\.io/v1",
    "kind": "RayJob",
    "metadata": METADATA,
    "spec": {
        "clusterSelector": {"ray.io/cluster": str},
        "submissionMode": "K8sJobMode|HTTPMode|SidecarMode|InteractiveMode",
        "entrypoint": str,
        "runtimeEnvYAML": str,
        "activeDeadlineSeconds": int,
        "backoffLimit": int,
        "shutdownAfterJobFinishes": bool,
    },
}
NODE = {
    "InstanceType": r"[a-z]+\d[a-z]*\.\d*x?large",
    "ImageId": r"(ami-[0-9a-f]{17}|resolve:ssm:/.*)",
    "IamInstanceProfile": {"Name": str},
    "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": int},
    "InstanceMarketOptions": {"MarketType": "spot"},
    "BlockDeviceMappings": [
        {
            "DeviceName": "/dev/sda1",
            "Ebs": {"VolumeSize": int, "VolumeType": "gp3", "Encrypted": bool, "DeleteOnTermination": bool},
        }
    ],
}


def wrong(found: Any, form: Any, place: str = "") -> list[str]:
    """Where `found` has a field that the form does not list, or a value of another type."""
    if isinstance(form, dict):
        if not isinstance(found, dict):
            return [f"{place} holds no fields"]
        unknown = [f"{place}.{key} is no field" for key in found.keys() - form.keys()]
        return unknown + [
            p for key in found.keys() & form.keys() for p in wrong(found[key], form[key], f"{place}.{key}")
        ]
    if isinstance(form, list):
        if not isinstance(found, list):
            return [f"{place} is no list"]
        return [p for i, item in enumerate(found) for p in wrong(item, form[0], f"{place}[{i}]")]
    if isinstance(form, type):
        return [] if type(found) is form else [f"{place}={found!r} is no {form.__name__}"]
    return [] if isinstance(found, str) and re.fullmatch(form, found) else [f"{place}={found!r} is not like {form}"]


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@pytest.fixture(scope="module")
def ray_version() -> str:
    """The version that constraints.txt pins."""
    (version,) = re.findall(r"(?m)^ray==(\S+)$", (ROOT / "constraints.txt").read_text())
    return version


@pytest.fixture(scope="module")
def aws() -> dict[str, Any]:
    """aws.yaml as `ray up` sees it, with Ray's defaults filled in."""
    from ray.autoscaler._private.util import prepare_config

    return prepare_config(read(ROOT / "cluster" / "aws.yaml"))


def test_the_check_finds_a_typo_a_wrong_type_and_a_wrong_value() -> None:
    assert wrong({"spec": {"backofLimit": 1}}, JOB) == [".spec.backofLimit is no field"]
    assert wrong({"spec": {"backoffLimit": "1"}}, JOB) == [".spec.backoffLimit='1' is no int"]
    assert wrong({"kind": "RayJobs"}, JOB) == [".kind='RayJobs' is not like RayJob"]
    assert wrong({"spec": {"workerGroupSpecs": [{"maxReplica": 1}]}}, CLUSTER) == [
        ".spec.workerGroupSpecs[0].maxReplica is no field"
    ]


def test_the_raycluster_has_only_fields_that_exist_and_those_it_needs() -> None:
    cluster = read(KUBERAY / "raycluster.yaml")
    assert wrong(cluster, CLUSTER) == []
    assert cluster["spec"]["enableInTreeAutoscaling"]
    assert cluster["spec"]["authOptions"] == {"mode": "token"}
    assert cluster["spec"]["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    (gpu,) = cluster["spec"]["workerGroupSpecs"]
    assert (gpu["minReplicas"], gpu["replicas"]) == (0, 0)
    assert gpu["maxReplicas"] > 0
    (worker,) = gpu["template"]["spec"]["containers"]
    assert worker["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_every_pod_has_shared_memory_within_its_own_and_equal_requests_and_limits() -> None:
    spec = read(KUBERAY / "raycluster.yaml")["spec"]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        (container,), (volume,) = pod["containers"], pod["volumes"]
        assert container["volumeMounts"] == [{"name": volume["name"], "mountPath": "/dev/shm"}]
        memory, shared = container["resources"]["limits"]["memory"], volume["emptyDir"]["sizeLimit"]
        assert int(shared.removesuffix("Gi")) < int(memory.removesuffix("Gi")) / 2
        assert container["resources"]["requests"] == container["resources"]["limits"]


def test_there_is_a_rayjob_for_every_step() -> None:
    assert {path.stem.replace("-", "_") for path in JOBS} == set(STEPS)


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_a_rayjob_has_only_fields_that_exist_and_finds_the_cluster(path: Path) -> None:
    job = read(path)
    assert wrong(job, JOB) == []
    assert job["metadata"] == {"generateName": f"{path.stem}-"}
    cluster = read(KUBERAY / "raycluster.yaml")["metadata"]["name"]
    assert job["spec"]["clusterSelector"] == {"ray.io/cluster": cluster}
    # KubeRay refuses retries on a selected cluster (before 1.6 it deleted the cluster), and never shuts it down.
    assert (job["spec"]["backoffLimit"], job["spec"]["shutdownAfterJobFinishes"]) == (0, False)
    assert f"kubectl create -f cluster/kuberay/{path.name}" in path.read_text()


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_the_settings_of_a_rayjob_are_right_and_all_on_s3(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    python, module_flag, module, *words = shlex.split(read(path)["spec"]["entrypoint"])
    assert (python, module_flag, module) == ("python", "-m", f"jobs.{path.stem.replace('-', '_')}")
    shown = CliRunner().invoke(step_command(STEPS[module.removeprefix("jobs.")]), [*words, "--show"])
    assert shown.exit_code == 0, shown.output
    assert str(ROOT) not in shown.stdout, "a path of one node is not seen by the others"
    tracking.check_is_kept(config.load(load(STEPS[module.removeprefix("jobs.")].settings), words[0], words[1:]))


def test_the_images_and_the_cluster_have_the_ray_that_is_pinned(ray_version: str, aws: dict[str, Any]) -> None:
    spec = read(KUBERAY / "raycluster.yaml")["spec"]
    groups = (spec["headGroupSpec"], *spec["workerGroupSpecs"])
    images = {container["image"] for group in groups for container in group["template"]["spec"]["containers"]}
    assert spec["rayVersion"] == ray_version
    assert {image.rpartition(":")[2] for image in images} == {ray_version}
    dockerfile = (ROOT / "cluster" / "Dockerfile").read_text()
    assert f"FROM rayproject/ray:{ray_version}-py311" in dockerfile
    assert f"-t {images.pop()} ." in dockerfile
    assert aws["docker"]["image"].startswith(f"rayproject/ray:{ray_version}-py311-gpu")


def test_the_dockerfile_copies_what_exists_and_all_that_a_job_needs() -> None:
    copied = re.findall(r"^COPY --chown=\S+ (.*) \S+$", (ROOT / "cluster" / "Dockerfile").read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    assert all((ROOT / name).exists() for name in names)
    assert names >= {"pyproject.toml", "constraints.txt", "dancegen", "jobs", "configs"}


def test_ray_up_accepts_the_aws_cluster(aws: dict[str, Any]) -> None:
    from ray.autoscaler._private.util import validate_config

    validate_config(aws)


def test_the_aws_nodes_have_only_fields_that_exist(aws: dict[str, Any]) -> None:
    for name, node in aws["available_node_types"].items():
        assert wrong(node["node_config"], NODE, name) == []
        assert NODE.keys() - node["node_config"].keys() <= {"InstanceMarketOptions"}


def test_the_aws_head_runs_no_tasks_and_gpu_workers_are_spot_and_scale_to_zero(aws: dict[str, Any]) -> None:
    types = dict(aws["available_node_types"])
    head = types.pop(aws["head_node_type"])
    assert head["resources"] == {"CPU": 0}
    assert "--num-cpus=0" in " ".join(aws["head_start_ray_commands"])
    for node in types.values():
        assert node["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
        assert (node["min_workers"], node["resources"]["GPU"]) == (0, 1)
        assert 0 < node["max_workers"] <= aws["max_workers"]
    assert aws["idle_timeout_minutes"] <= 15


def test_the_aws_cluster_asks_for_a_token_and_shows_its_dashboard_to_no_one_else(aws: dict[str, Any]) -> None:
    assert "-e RAY_AUTH_MODE=token" in aws["docker"]["run_options"]
    assert any(target.endswith(".ray/auth_token") for target in aws["file_mounts"])
    assert "--dashboard-host=127.0.0.1" in " ".join(aws["head_start_ray_commands"])


def test_the_aws_nodes_get_the_project_and_install_it_with_pinned_versions(aws: dict[str, Any]) -> None:
    assert aws["file_mounts"]["~/dancegen"] == "."
    assert {".git/**", ".venv/**", "data/**"} <= set(aws["rsync_exclude"])
    assert any(
        "-c ~/dancegen/constraints.txt -e ~/dancegen[mediapipe,renderer]" in line for line in aws["setup_commands"]
    )
