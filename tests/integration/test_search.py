import csv
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dancegen import config as settings_module
from dancegen import tracking
from dancegen.errors import ClusterError, ConfigError
from dancegen.pipelines import train_dance
from dancegen.pipelines.search import run
from dancegen.settings.search import SearchConfig
from dancegen.settings.train_dance import TrainDanceConfig

pytestmark = pytest.mark.ray


@pytest.fixture
def settings(make_clips, tiny_model, tmp_path):
    clips = make_clips(str(tmp_path / "clips"))

    def make(**changes):
        train = {"clips": clips, "output": str(tmp_path / "best"), "model": tiny_model, "epochs": 3, "batch_size": 8}
        chosen = {
            "train": train | {"workers": 1},
            "output": str(tmp_path / "search"),
            "samples": 3,
            "concurrent": 3,
            "grace_epochs": 1,
            "space": {"l1": [1, 100], "velocity": [1, 100]},
        }
        return settings_module.validate(SearchConfig, chosen | changes)

    return make


def runs_in_mlflow(config):
    client = tracking.connect(tracking.default_uri(config.output))
    return client.search_runs([client.get_experiment_by_name(config.train.experiment).experiment_id])


def check_runs(config):
    """One run of the search, and one of each trial inside it, all ended."""
    runs = runs_in_mlflow(config)
    (search,) = [one for one in runs if one.data.tags["step"] == "search"]
    trials = [one for one in runs if one.data.tags["step"] == "train_dance"]
    assert len({one.data.tags["trial_id"] for one in trials}) == len(trials) == config.samples
    assert {one.data.tags["mlflow.parentRunId"] for one in trials} == {search.info.run_id}
    assert {one.info.status for one in runs} == {"FINISHED"}
    assert all("model.losses.l1" in one.data.params and "validation/misfit" in one.data.metrics for one in trials)


def test_a_search_finds_settings_that_train(ray_session, settings):
    config = settings()
    trials = run(config)

    with open(Path(config.output, "trials.csv")) as file:
        rows = list(csv.DictReader(file))
    assert [row["trial"] for row in rows] == [trial.id for trial in trials]
    assert len(rows) == 3
    assert all(1 <= float(row["l1"]) <= 100 for row in rows)
    done = [float(row["validation/misfit"]) for row in rows if row["epochs"] == rows[0]["epochs"]]
    assert done == sorted(done)
    check_runs(config)

    best = settings_module.load(TrainDanceConfig, str(Path(config.output, "best.yaml")), ["epochs=1"])
    assert best.model.losses.l1 == pytest.approx(float(rows[0]["l1"]))
    assert best.model_copy(update={"model": config.train.model, "epochs": 3}) == config.train
    trained = train_dance.run(best)
    assert Path(trained.model).exists()


def test_a_killed_search_goes_on_when_it_is_started_again(ray_session, ray_environment, settings, tmp_path):
    config = settings(samples=2, concurrent=2)
    file = tmp_path / "search.yaml"
    file.write_text(settings_module.to_yaml(config))
    with open(tmp_path / "log", "w") as log:
        job = subprocess.Popen(
            [sys.executable, "-m", "jobs.search", str(file)], env=ray_environment, stderr=log, stdout=log
        )
        try:
            wait_for_trial(config, job)
            time.sleep(3)  # Ray Tune stores its trials every now and then
        finally:
            job.kill()
            job.wait()
    begun = {folder.name for folder in Path(config.output, "trials").iterdir()}

    trials = run(config)
    assert len(trials) == 2
    assert begun <= {trial.id for trial in trials}
    assert not [trial for trial in trials if trial.state == "failed"]
    check_runs(config)


def wait_for_trial(config, job, seconds=400):
    """Until a training of the search has a checkpoint."""
    deadline = time.monotonic() + seconds
    while not list(Path(config.output, "trials").glob("*/train/checkpoint_*")):
        assert time.monotonic() < deadline, "no checkpoint came"
        assert job.poll() is None, "the search ended by itself"
        time.sleep(0.1)


def test_more_trainings_at_a_time_than_fit_are_refused_at_once(ray_session, settings):
    with pytest.raises(ClusterError, match=r"has 8 CPUs.* needs 1.1 CPUs.*concurrent"):
        run(settings(concurrent=50))


def test_a_space_that_is_none_of_weights_is_refused(settings):
    with pytest.raises(ConfigError, match=r"space.l2 is no weight of a loss; there are l1"):
        settings(space={"l2": [1, 2]})
    with pytest.raises(ConfigError, match=r"must be \[low, high\], and is \[2, 1\]"):
        settings(space={"l1": [2, 1]})


def test_a_search_without_test_clips_is_refused(settings, make_clips, tmp_path, tiny_model):
    clips = make_clips(str(tmp_path / "other"), test=0)
    with pytest.raises(ConfigError, match="no test clips"):
        run(settings(train={"clips": clips, "workers": 1, "epochs": 3, "batch_size": 4, "model": tiny_model}))
