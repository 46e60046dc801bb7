"""The image and the files of `ray up` name fields that exist and versions that agree.

`ray up` does not look into node configurations, so a typo would be found only when it costs money. The fields we use
are listed here.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from forms import wrong

ROOT = Path(__file__).parents[2]
KUBERAY = ROOT / "cluster" / "kuberay"

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
