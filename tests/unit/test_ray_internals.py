"""What relies on Ray's inner parts is in one file, and still true of the one minor version that is allowed."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import ray
from packaging.requirements import Requirement

import dancegen
from dancegen.engine.cluster import internals as ray_internals

RAY = Path(ray.__file__).parent
INNER = re.compile(r"\bray(\.\w+)*\._[a-z]|_do_request|manager_snapshot|experiment_state-|\.actor\.\w+\.remote")


def test_no_other_file_uses_rays_inner_parts():
    folder = Path(dancegen.__file__).parent
    used = {path.name for path in folder.rglob("*.py") if INNER.search(path.read_text())}
    assert used == {"internals.py"}


def test_only_one_minor_version_of_ray_is_allowed():
    project = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text())["project"]
    (asked,) = [one for one in map(Requirement, project["dependencies"]) if one.name == "ray"]
    major, minor = map(int, version("ray").split(".")[:2])
    assert asked.specifier.contains(version("ray"))
    assert not asked.specifier.contains(f"{major}.{minor + 1}.0")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("train/v2/_internal/constants.py", f'"{ray_internals.CHECKPOINT_LIST}"'),
        ("tune/execution/tune_controller.py", f'"{ray_internals.TUNE_STATE}'),
        ("dashboard/modules/job/job_supervisor.py", "last available logs (truncated to 20,000 chars):"),
        ("train/v2/_internal/constants.py", f'"{ray_internals.TRAIN_POLL}"'),
        ("train/v2/_internal/constants.py", f'"{ray_internals.TRAIN_START}"'),
        ("_private/node.py", ray_internals.START_TIMEOUT),
        *(("", logger) for logger in ray_internals.JOB_LOGGERS),
    ],
)
def test_what_is_relied_on_is_there(file, text):
    if file:
        assert text in (RAY / file).read_text()
    else:
        assert RAY.parent.joinpath(*text.split(".")).with_suffix(".py").exists()


def test_ray_can_be_asked_for_draining_nodes_and_told_of_one():
    from ray._private.state import state
    from ray._raylet import InnerGcsClient
    from ray.core.generated import autoscaler_pb2

    assert callable(state.get_draining_nodes)
    assert callable(InnerGcsClient.drain_node)  # GcsClient passes its attributes on
    assert autoscaler_pb2.DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION") == 2
