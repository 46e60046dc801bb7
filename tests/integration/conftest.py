"""What several integration tests share."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dancegen import schema, tables
from dancegen.checkpoints import checkpoint
from dancegen.gan.dance_model import DanceModel, build_generator
from dancegen.gan.settings import DanceModelConfig


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dance model that has learnt nothing."""
    path = tmp_path_factory.mktemp("model") / "untrained.safetensors"
    config = DanceModelConfig()
    checkpoint.save(path, DanceModel(build_generator(config), config), {})
    return path


@pytest.fixture(scope="session")
def assert_whole() -> Callable[[Path, dict[str, np.ndarray], int], None]:
    """A function that checks folder/poses against the truth of `make_library`, videos having `parts` parts each.

    Every video has one row with its joints, and every part one row. A process that was killed while it wrote leaves an
    unfinished file, which is no part of a table and is swept away later.
    """

    def check(folder: Path, truth: dict[str, np.ndarray], parts: int) -> None:
        poses = tables.read(f"{folder}/poses", schema.POSES).to_pylist()
        assert sorted(row["uri"] for row in poses) == sorted(truth)
        for row in poses:
            assert row["error"] is None
            joints = schema.from_bytes(row["joints"], "float32", -1, 18, 3)
            assert np.allclose(joints[..., :2], truth[row["uri"]][..., :2], atol=1e-4)
        people = tables.read(f"{folder}/poses_people", schema.PEOPLE, ["uri", "error"]).to_pylist()
        assert len({part["uri"] for part in people}) == len(people) == len(truth) * parts
        assert all(part["error"] is None for part in people)

    return check
