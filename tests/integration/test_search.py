import csv
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dancegen import config as settings_module
from dancegen import tracking
from dancegen.engine.cluster.capacity import require_places
from dancegen.errors import ClusterError, DanceGenError, TableError
from dancegen.steps.search.pipeline import run
from dancegen.steps.search.settings import SearchConfig
from dancegen.steps.train_dance import pipeline as train_dance
from dancegen.steps.train_dance.settings import TrainDanceConfig

pytestmark = pytest.mark.ray
SPACE = {"losses.l1": [1, 100], "optimizer.generator_rate": [1e-4, 1e-2]}
PLOTS = ("importance.html", "parallel_coordinates.html")


@pytest.fixture
def settings(make_clips, tiny_model, tmp_path):
    clips = make_clips(str(tmp_path / "clips"), test=4)

    def make(**changes):
        model = {**tiny_model, "losses": {"perceptual": 0.0}}
        train = {"clips": clips, "output": str(tmp_path / "best"), "model": model, "epochs": 3, "batch_size": 8}
        chosen = {
            "train": train | {"workers": 1},
            "output": str(tmp_path / "search"),
            "num_samples": 2,
            "max_concurrent_trials": 2,
            "grace_epochs": 1,
            "space": SPACE,
        }
        return settings_module.validate(SearchConfig, chosen | changes)

    return make


def runs_in_mlflow(config):
    client = tracking.connect(tracking.default_uri(config.output))
    return client, client.search_runs([client.get_experiment_by_name(config.train.experiment).experiment_id])


def check_runs(config):
    """One run of the search with its files, and one of each trial inside it, all ended."""
    client, runs = runs_in_mlflow(config)
    (search,) = [one for one in runs if one.data.tags["step"] == "search"]
    trials = [one for one in runs if one.data.tags["step"] == "train_dance"]
    assert len({one.data.tags["trial_id"] for one in trials}) == len(trials) == config.num_samples
    assert {one.data.tags["mlflow.parentRunId"] for one in trials} == {search.info.run_id}
    assert {one.info.status for one in runs} == {"FINISHED"}
    assert {file.path for file in client.list_artifacts(search.info.run_id)} == {"best.yaml", "trials.csv", *PLOTS}
    assert all("model.losses.l1" in one.data.params and "validation/motion_error" in one.data.metrics for one in trials)


def test_a_search_finds_settings_that_train(ray_session, settings):
    config = settings()
    trials = run(config)

    with open(Path(config.output, "trials.csv")) as file:
        rows = list(csv.DictReader(file))
    assert [row["trial"] for row in rows] == [trial.id for trial in trials]
    assert len(rows) == 2
    assert all(1 <= float(row["losses.l1"]) <= 100 for row in rows)
    assert all(1e-4 <= float(row["optimizer.generator_rate"]) <= 1e-2 for row in rows)
    done = [float(row["validation/motion_error"]) for row in rows if row["epochs"] == rows[0]["epochs"]]
    assert done == sorted(done)
    check_runs(config)

    best = settings_module.load(TrainDanceConfig, str(Path(config.output, "best.yaml")), ["epochs=1"])
    assert best.model.losses.l1 == pytest.approx(float(rows[0]["losses.l1"]))
    assert best.model.optimizer.generator_rate == pytest.approx(float(rows[0]["optimizer.generator_rate"]))
    assert best.model_copy(update={"model": config.train.model, "epochs": 3}) == config.train
    trained = train_dance.run(best)
    assert Path(trained.model).exists()
    assert all("Plotly.newPlot" in Path(config.output, name).read_text() for name in PLOTS)


def test_a_killed_search_goes_on_with_more_trainings_and_fewer_at_a_time(
    ray_session, ray_environment, settings, tmp_path
):
    config = settings()
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

    config = settings(num_samples=3, max_concurrent_trials=1)
    trials = run(config)
    assert len(trials) == 3
    assert begun <= {trial.id for trial in trials}
    assert all(sorted(trial.history) == list(range(1, trial.epochs + 1)) for trial in trials)
    assert not [trial for trial in trials if trial.state == "failed"]
    check_runs(config)


def wait_for_trial(config, job, seconds=400):
    """Until a training of the search has a checkpoint."""
    deadline = time.monotonic() + seconds
    while not list(Path(config.output, "trials").glob("*/train/training.pt")):
        assert time.monotonic() < deadline, "no checkpoint came"
        assert job.poll() is None, "the search ended by itself"
        time.sleep(0.1)


def test_a_search_whose_trainings_all_diverge_says_so_and_does_not_try_them_again(ray_session, settings):
    config = settings(num_samples=1, space={"optimizer.generator_rate": [1e20, 1e21]})
    with pytest.raises(DanceGenError, match=r"no training finished; the first: .* epoch \d"):
        run(config)
    with open(Path(config.output, "trials.csv")) as file:
        assert [row["state"] for row in csv.DictReader(file)] == ["diverged"]


def test_more_trainings_at_a_time_than_fit_are_refused_at_once(ray_session, settings):
    with pytest.raises(ClusterError, match=r"has 8 CPUs.* needs 1.01 CPUs.*concurrent"):
        run(settings(max_concurrent_trials=50))


def test_trainings_with_gpus_are_refused_where_there_are_none(ray_session, settings):
    config = settings(max_concurrent_trials=2)
    with pytest.raises(ClusterError, match=r"0 GPUs, but 3.02 and 2 are needed.*needs 1.01 CPUs and 1 GPUs"):
        run(config.model_copy(update={"train": config.train.model_copy(update={"use_gpu": True})}))


def test_workers_that_fit_in_all_but_on_no_machine_are_refused(ray_session):
    require_places(4, cpus=2, gpus=0, remedy="")
    with pytest.raises(ClusterError, match=r"has room for 1 workers of 5 CPUs on its 1 machines, but 2 are needed"):
        require_places(2, cpus=5, gpus=0, remedy="")


def test_a_search_with_too_few_validation_clips_is_refused(settings, make_clips, tmp_path, tiny_model):
    train = {"workers": 1, "epochs": 3, "batch_size": 4, "model": {**tiny_model, "losses": {"perceptual": 0.0}}}
    clips = make_clips(str(tmp_path / "none"), validation=0)
    with pytest.raises(TableError, match=r"holds no validation clips, but motion_error needs 1\. Run cut-clips again"):
        run(settings(train=train | {"clips": clips}))
    clips = make_clips(str(tmp_path / "one"), validation=1)
    with pytest.raises(TableError, match="holds 1 validation clips, but frechet_k2 needs 2"):
        run(settings(train=train | {"clips": clips}, objective="frechet_k2"))


def test_an_ablation_without_test_clips_for_its_table_is_refused(settings, make_clips, tmp_path, tiny_model):
    train = {"workers": 1, "epochs": 3, "batch_size": 4, "model": {**tiny_model, "losses": {"perceptual": 0.0}}}
    clips = make_clips(str(tmp_path / "untested"))
    with pytest.raises(TableError, match="holds no test clips, but the table of an ablation"):
        run(settings(train=train | {"clips": clips}, rows={"plain": {"losses": {"adversarial_local": 0.0}}}))


def test_the_rows_of_an_ablation_are_trained_with_each_seed_and_end_in_one_table(ray_session, settings):
    rows = {"plain": {"losses": {"adversarial_local": 0.0}}, "both": {"losses": {"adversarial_local": 1.0}}}
    config = settings(rows=rows, seeds=2)
    trials = run(config)
    assert sorted((trial.values["row"], trial.values["seed"]) for trial in trials) == [
        ("both", 0),
        ("both", 1),
        ("plain", 0),
        ("plain", 1),
    ]
    assert all(trial.state == "done" for trial in trials)
    table = Path(config.output, "scores.md").read_text()
    assert all(f"| {line} |" in table for line in ("plain", "both", "real"))
    assert "fid_perceptual (lower)" in table
    assert "<th>both</th>" in Path(config.output, "scores.html").read_text()
    models = {path: path.stat().st_mtime_ns for path in Path(config.output).rglob("dance.safetensors")}
    assert len(models) == 4
    assert run(config) == trials
    assert {path: path.stat().st_mtime_ns for path in models} == models, "nothing is trained again"
    assert Path(config.output, "scores.md").read_text() == table
