"""The image and the files of `ray up` name fields that exist and versions that agree.

`ray up` does not look into node configurations, so a typo would be found only when it costs money. The fields we use
are listed here.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from forms import wrong

ROOT = Path(__file__).parents[2]
KUBERAY = ROOT / "cluster" / "kuberay"

# Fields of the nodes of each cloud (tests/forms.py).
NODES = {
    "aws": {
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
    },
    "gcp": {
        "machineType": r"[a-z]\d[a-z]?-standard-\d+",
        "disks": [
            {
                "boot": bool,
                "autoDelete": bool,
                "type": "PERSISTENT",
                "initializeParams": {"diskSizeGb": int, "sourceImage": r"projects/[a-z-]+/global/images/family/[\w-]+"},
            }
        ],
        "serviceAccounts": [{"email": r"dancegen-nodes@\S+\.iam\.gserviceaccount\.com", "scopes": [str]}],
        "scheduling": {
            "provisioningModel": "SPOT",
            "instanceTerminationAction": "DELETE",
            "onHostMaintenance": "TERMINATE",
        },
    },
}
SPOT = {"aws": ("InstanceMarketOptions", "MarketType"), "gcp": ("scheduling", "provisioningModel")}
PLACEHOLDERS = {"aws": set(), "gcp": {"YOUR-PROJECT"}}


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@pytest.fixture(scope="module")
def ray_version() -> str:
    """The version that constraints.txt pins."""
    (version,) = re.findall(r"(?m)^ray==(\S+)$", (ROOT / "constraints.txt").read_text())
    return version


@pytest.fixture(scope="module", params=sorted(NODES))
def cloud(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """Its name, and its file as `ray up` sees it, with Ray's defaults filled in."""
    from ray.autoscaler._private.util import prepare_config

    return request.param, prepare_config(read(ROOT / "cluster" / f"{request.param}.yaml"))


def test_the_images_and_the_cluster_have_the_ray_that_is_pinned(ray_version: str) -> None:
    spec = read(KUBERAY / "raycluster.yaml")["spec"]
    groups = (spec["headGroupSpec"], *spec["workerGroupSpecs"])
    images = {container["image"] for group in groups for container in group["template"]["spec"]["containers"]}
    assert spec["rayVersion"] == ray_version
    assert {image.rpartition(":")[2] for image in images} == {ray_version}
    dockerfile = (ROOT / "cluster" / "Dockerfile").read_text()
    assert f"=rayproject/ray:{ray_version}-py311-cpu\n" in dockerfile
    assert f"=rayproject/ray:{ray_version}-py311-gpu\n" in dockerfile
    assert f'image.version="{ray_version}"' in dockerfile
    assert f"-t {images.pop()} ." in dockerfile
    for name in NODES:
        image = read(ROOT / "cluster" / f"{name}.yaml")["docker"]["image"]
        assert image == f"rayproject/ray:{ray_version}-py311-gpu"


def test_the_dockerfile_copies_what_exists_and_all_that_a_job_needs() -> None:
    copied = re.findall(r"^COPY --chown=\S+ (.*) \S+$", (ROOT / "cluster" / "Dockerfile").read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    assert all((ROOT / name).exists() for name in names)
    assert names >= {"pyproject.toml", "constraints.txt", "dancegen", "jobs", "configs"}
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {name.partition("/")[0] for name in names} <= sent


def test_the_image_runs_as_a_user_installs_nothing_later_and_asks_for_a_token() -> None:
    lines = (ROOT / "cluster" / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER 1000"]
    assert {"ENV PIP_NO_INDEX=1 \\", "    RAY_AUTH_MODE=token \\"} <= set(lines)
    assert "COPY --from=smoke /tmp/smoke.txt /home/ray/smoke.txt" in lines, "else Docker leaves the smoke test out"


def test_ray_up_accepts_the_cluster(cloud: tuple[str, dict[str, Any]]) -> None:
    from ray.autoscaler._private.util import validate_config

    validate_config(cloud[1])


def test_the_nodes_have_only_fields_that_exist_and_the_documented_placeholders(
    cloud: tuple[str, dict[str, Any]],
) -> None:
    name, cluster = cloud
    for kind, node in cluster["available_node_types"].items():
        assert wrong(node["node_config"], NODES[name], kind) == []
        assert NODES[name].keys() - node["node_config"].keys() <= {SPOT[name][0]}
    found = set(re.findall(r"YOUR-[A-Z]+", (ROOT / "cluster" / f"{name}.yaml").read_text()))
    assert found == PLACEHOLDERS[name]
    readme = (ROOT / "cluster" / "README.md").read_text()
    assert all(f"s/{one}/" in readme for one in found)


def test_the_head_is_on_demand_and_runs_no_tasks_and_all_workers_scale_to_zero(
    cloud: tuple[str, dict[str, Any]],
) -> None:
    name, cluster = cloud
    types = dict(cluster["available_node_types"])
    head = types.pop(cluster["head_node_type"])
    assert head["resources"] == {"CPU": 0}
    assert "--num-cpus=0" in " ".join(cluster["head_start_ray_commands"])
    assert not is_spot(name, head)
    for node in types.values():
        assert is_spot(name, node) == (node["labels"]["market"] == "spot") == ("on_demand" not in node["resources"])
        assert (node["min_workers"], node["resources"]["GPU"]) == (0, 1)
        assert 0 < node["max_workers"] <= cluster["max_workers"]
    assert cluster["idle_timeout_minutes"] <= 15


def is_spot(cloud: str, node: dict[str, Any]) -> bool:
    part, field = SPOT[cloud]
    return node["node_config"].get(part, {}).get(field, "").lower() == "spot"


def test_ray_starts_spot_nodes_first_and_those_on_demand_beyond_their_number(cloud: tuple[str, dict[str, Any]]) -> None:
    from ray.autoscaler._private.resource_demand_scheduler import _default_utilization_scorer, get_nodes_for

    types = {
        kind: {**node, "max_workers": min(node["max_workers"], 1)}
        for kind, node in cloud[1]["available_node_types"].items()
    }
    demands = [{"CPU": 1.0, "GPU": 1.0}] * len(types)
    started, _ = get_nodes_for(types, {}, "head", 20, demands, utilization_scorer=scorer(_default_utilization_scorer))
    assert list(started)[-1] == "gpu_on_demand"
    assert set(started) == types.keys() - {"head"}


def scorer(default: Callable[..., Any]) -> Callable[..., Any]:
    from ray.autoscaler._private.node_provider_availability_tracker import NodeAvailabilitySummary

    return lambda *args, **_: default(*args, node_availability_summary=NodeAvailabilitySummary({}))


def test_the_cluster_asks_for_a_token_and_shows_its_dashboard_to_no_one_else(
    cloud: tuple[str, dict[str, Any]],
) -> None:
    _, cluster = cloud
    assert "-e RAY_AUTH_MODE=token" in cluster["docker"]["run_options"]
    assert any(target.endswith(".ray/auth_token") for target in cluster["file_mounts"])
    assert "--dashboard-host=127.0.0.1" in " ".join(cluster["head_start_ray_commands"])


def test_the_nodes_get_the_project_and_install_it_with_pinned_versions(cloud: tuple[str, dict[str, Any]]) -> None:
    _, cluster = cloud
    assert cluster["file_mounts"]["~/dancegen"] == "."
    assert {".git/**", ".venv/**", "data/**"} <= set(cluster["rsync_exclude"])
    assert any(
        "-c ~/dancegen/constraints.txt -e ~/dancegen[mediapipe,renderer]" in line for line in cluster["setup_commands"]
    )
