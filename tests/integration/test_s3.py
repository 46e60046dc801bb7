"""The whole flow with every URI on a real S3 server: nothing needs a disk that the nodes share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dancegen import config as settings_module
from dancegen import schema, storage, tables
from dancegen.checkpoints import checkpoint
from dancegen.config import ConfigT
from dancegen.media.video import probe
from dancegen.steps.cut_clips import pipeline as cut_clips
from dancegen.steps.cut_clips.settings import CutClipsConfig
from dancegen.steps.evaluate import pipeline as evaluate
from dancegen.steps.evaluate.settings import EvaluateConfig
from dancegen.steps.extract_poses import pipeline as extract_poses
from dancegen.steps.extract_poses.settings import ExtractPosesConfig
from dancegen.steps.make_corpus import pipeline as make_corpus
from dancegen.steps.make_corpus.settings import MakeCorpusConfig
from dancegen.steps.render import pipeline as render
from dancegen.steps.render.settings import RenderConfig
from dancegen.steps.search import pipeline as search
from dancegen.steps.search.settings import SearchConfig
from dancegen.steps.train_dance import pipeline as train_dance
from dancegen.steps.train_dance.settings import TrainDanceConfig

pytestmark = [pytest.mark.ray, pytest.mark.slow]
SMALL = {"look": "skeleton", "width_px": 96, "height_px": 96, "actors": 1}


def inputs_exist(kind: type[ConfigT], **settings: object) -> ConfigT:
    """Settings that are checked as the command line checks them."""
    config = settings_module.validate(kind, settings)
    settings_module.check_inputs(config)
    return config


@pytest.fixture(scope="module")
def bucket(s3_endpoint: str) -> str:
    """One bucket for all steps."""
    import boto3

    boto3.client("s3", endpoint_url=s3_endpoint).create_bucket(Bucket="whole-flow")
    return "s3://whole-flow/a run"


@pytest.fixture(scope="module")
def clips(ray_session: str, bucket: str) -> str:
    """A corpus that was made, looked at and cut on S3."""
    corpus = {"categories": ["kpop"], "songs_per_category": 3, "dancers": 1, "dancers_per_song": 1, "seconds": 8}
    made = make_corpus.run(inputs_exist(MakeCorpusConfig, output=f"{bucket}/corpus", fps=10, **corpus, **SMALL))
    assert (made.rows, made.bad) == (3, 0)

    videos, poses, clips = f"{bucket}/corpus/videos.csv", f"{bucket}/poses", f"{bucket}/clips"
    estimator = {"name": "openpose_json"}
    seen = extract_poses.run(
        inputs_exist(ExtractPosesConfig, videos=videos, poses=poses, estimator=estimator, actors=1)
    )
    assert (seen.rows, seen.bad) == (3, 0)
    cut = cut_clips.run(
        inputs_exist(CutClipsConfig, poses=poses, clips=clips, frames=20, stride_frames=10, apart="song", actors=1)
    )
    assert cut.bad == 0
    return clips


@pytest.fixture
def training(
    clips: str,
    bucket: str,
    tiny_model: dict[str, object],
    with_database: Callable[[Path], Path],
    tmp_path: Path,
) -> dict[str, object]:
    """Settings of a training that takes seconds. MLflow's database, and files beside it, are all that is not on S3."""
    tracking_uri = f"sqlite:///{with_database(tmp_path)}/mlflow.db"
    return {
        "clips": clips,
        "model": tiny_model,
        "batch_size": 2,
        "workers": 1,
        "epochs": 1,
        "tracking_uri": tracking_uri,
    }


def test_the_clips_have_all_splits(clips: str) -> None:
    found = tables.read(clips, schema.CLIPS, ["split", "song"])
    assert set(found["split"].to_pylist()) == {"train", "validation", "test"}


def test_a_training_goes_on_from_its_checkpoint_and_its_model_renders(
    training: dict[str, object], bucket: str, tmp_path: Path
) -> None:
    run = f"{bucket}/dance"
    train_dance.run(inputs_exist(TrainDanceConfig, **training, output=run))
    trained = train_dance.run(inputs_exist(TrainDanceConfig, **{**training, "epochs": 2}, output=run))
    assert trained.model == f"{run}/dance.safetensors"
    with storage.reading(trained.model) as path:
        assert checkpoint.read_card(path)["metrics"] == trained.metrics

    songs, dances = f"{bucket}/corpus/songs", f"{bucket}/dances"
    picture = {**SMALL, "fps": 25, "checkpoint": trained.model}
    config = inputs_exist(RenderConfig, songs=songs, output=dances, **picture)
    done = render.run(config)
    assert (done.rows, done.bad) == (3, 0)
    videos = storage.find(dances, (".mp4",))
    assert [storage.stem(video) for video in videos] == [storage.stem(song) for song in storage.find(songs, (".wav",))]
    with storage.reading(videos[0]) as path:
        assert probe(path, videos[0]).has_audio
    assert {row["output_uri"] for row in tables.read(f"{dances}_renders", schema.RENDERS).to_pylist()} == set(videos)
    assert render.run(config).done_before == 3

    output, tracking_uri = f"{bucket}/evaluation", training["tracking_uri"]
    chosen = {"checkpoint": trained.model, "resamples": 20, "pictures": 1, "tracking_uri": tracking_uri, "actors": 1}
    evaluate.run(inputs_exist(EvaluateConfig, clips=training["clips"], output=output, **chosen))
    assert "fid_k2" in storage.read_text(f"{output}/index.html")
    assert storage.exists(f"{output}/side_by_side.mp4")
    assert {path.name for path in tmp_path.iterdir()} == {"mlflow.db", "mlflow_artifacts"}


def test_a_search_leaves_settings_that_name_its_s3_paths(training: dict[str, object], bucket: str, clips: str) -> None:
    output, best = f"{bucket}/search", f"{bucket}/best"
    space = {"losses.l1": [1, 100]}
    chosen = {"num_samples": 1, "max_concurrent_trials": 1, "grace_epochs": 1, "space": space}
    trials = search.run(inputs_exist(SearchConfig, output=output, train={**training, "output": best}, **chosen))
    assert len(trials) == 1
    assert storage.exists(f"{output}/trials.csv")
    with storage.reading(f"{output}/best.yaml") as path:
        found = settings_module.load(TrainDanceConfig, str(path))
    assert (found.clips, found.output) == (clips, best)
    assert 1 <= found.model.losses.l1 <= 100
