from pathlib import Path

import pytest

from dancegen import config as settings
from dancegen import tracking
from dancegen.checkpoints import person as people
from dancegen.steps.train_renderer.pipeline import run
from dancegen.steps.train_renderer.settings import TrainRendererConfig

pytestmark = pytest.mark.ray
EPOCHS = 2


def test_two_workers_leave_a_person_their_losses_pictures_and_a_video(
    ray_session, make_frames, tiny_renderer, with_database, tmp_path
):
    places = {"frames": make_frames(f"{tmp_path}/frames"), "output": str(with_database(tmp_path / "run"))}
    given = {"person": "ada", "consent": "Ada agrees.", "workers": 2, "epochs": EPOCHS, "batch_size": 2}
    given |= {"model": tiny_renderer, "pictures_every": 1}
    config = settings.validate(TrainRendererConfig, places | given)
    trained = run(config)
    person = people.load(Path(trained.model))
    assert (person.name, person.consent, person.config) == ("ada", "Ada agrees.", config.model)
    assert person.card["chosen_by"] == "gmsd"
    client = tracking.connect(tracking.default_uri(config.output))
    (one,) = client.search_runs([client.get_experiment_by_name(config.experiment).experiment_id])
    for name in ("train/adversarial", "train/discriminator", "train/warp", "validation/gmsd", "validation/ssim"):
        steps = [point.step for point in client.get_metric_history(one.info.run_id, name)]
        assert steps == list(range(1, EPOCHS + 1)), name
    logged = {file.path for file in client.list_artifacts(one.info.run_id, "pictures")}
    assert {"pictures/epoch-00001.png", "pictures/epoch-00002.mp4"} <= logged
    assert run(config) == trained
