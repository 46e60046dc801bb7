"""A training goes on while its MLflow server is away, and what it had to tell is there when the server is back."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow_server import Door, MlflowServer, mlflow_servers

from dancegen import config as settings
from dancegen import tracking
from dancegen.steps.train_dance.pipeline import run
from dancegen.steps.train_dance.settings import TrainDanceConfig

pytestmark = [pytest.mark.ray, pytest.mark.slow]
EPOCHS = 25


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, with_database: Callable[[Path], Path]) -> Iterator[list]:
    """The server, and what it is after its restart: another process with the same database."""
    with mlflow_servers(with_database(tmp_path_factory.mktemp("mlflow")), 2) as started:
        yield started


@pytest.fixture
def door(servers: list[MlflowServer]) -> Iterator[Door]:
    door = Door()
    yield door
    door.shut()


def make(door: Door, folder: Path, clips: str, model: dict, **changes: object) -> TrainDanceConfig:
    common = {"clips": clips, "output": str(folder / "run"), "model": model, "batch_size": 4, "workers": 1}
    often = {"epochs": EPOCHS, "pictures_every": 0, "checkpoint_every": 1, "tracking_uri": door.address}
    return settings.validate(TrainDanceConfig, {**common, **often, **changes})


def wait_for(there: Callable[[], bool], otherwise: str, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


def points(server: MlflowServer, config: TrainDanceConfig) -> list[int]:
    """Epochs of which the server knows the loss, in the order of their arrival."""
    client = tracking.connect(server.address)
    experiment = client.get_experiment_by_name(config.experiment)
    runs = client.search_runs([experiment.experiment_id]) if experiment else []
    return [point.step for one in runs for point in client.get_metric_history(one.info.run_id, "train/l1")]


def wait_for_another_checkpoint(config: TrainDanceConfig) -> None:
    def checkpoints() -> set[str]:
        return {path.parent.name for path in Path(config.run_folder).glob("checkpoint_*/training.pt")}

    there = checkpoints()
    wait_for(lambda: not checkpoints() <= there, "the training stopped while the server was away")


def test_all_numbers_of_a_training_arrive_though_the_server_was_away_and_restarted(
    ray_session: str,
    servers: list[MlflowServer],
    door: Door,
    make_clips: Callable[..., str],
    tiny_model: dict,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(tracking, "RETRY_AFTER_S", 0.5)
    before, after = servers
    config = make(door, tmp_path, make_clips(str(tmp_path / "clips")), tiny_model)
    known: list[list[int]] = []

    def restart() -> None:
        wait_for(lambda: len(points(after, config)) > 2, "no epoch reached the server")
        door.shut()
        before.kill()
        known.append(points(after, config))
        for _ in range(3):
            wait_for_another_checkpoint(config)
        known.append(points(after, config))
        door.open(after)

    door.open(before)
    outage = threading.Thread(target=restart, daemon=True)
    outage.start()
    trained = run(config)
    outage.join()

    assert Path(trained.model).exists()
    assert known[0] == known[1], "away"
    assert len(known[0]) < EPOCHS
    assert points(after, config) == list(range(1, EPOCHS + 1)), "each once"
    client = tracking.connect(after.address)
    (one,) = client.search_runs([client.get_experiment_by_name(config.experiment).experiment_id])
    assert one.info.status == "FINISHED"
    assert client.list_artifacts(one.info.run_id)[0].path == "settings.yaml"
    said = capfd.readouterr().err
    assert said.count(f"MLflow at {door.address} cannot be used") == 1
    assert "only in the checkpoints" not in said
    assert "Traceback" not in said
