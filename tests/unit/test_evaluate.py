"""What is kept of each dance, and the page of scores."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest
import torch

from dancegen import schema, tables
from dancegen.checkpoints import checkpoint
from dancegen.config import load
from dancegen.errors import CheckpointError, ConfigError, TableError
from dancegen.gan.dance_model import DanceModel, build_generator
from dancegen.gan.settings import DanceModelConfig
from dancegen.metrics.scores import score
from dancegen.steps.evaluate import pipeline as evaluate
from dancegen.steps.evaluate.page import page
from dancegen.steps.evaluate.settings import EvaluateConfig
from dancegen.steps.evaluate.stage import EvaluateClips, check_fits, embed, load_extractors, read_dances


@pytest.fixture(scope="module")
def clips(make_clips, tmp_path_factory):
    return make_clips(str(tmp_path_factory.mktemp("clips") / "some clips"), train=5, test=10)


def measured(clips, folder, share=1.0, made=False, **settings):
    """Every dance to the test clips, as rows of schema.DANCES; and what is said of the parts."""
    config = EvaluateConfig(clips=clips, output=str(folder), **settings)
    stage = EvaluateClips(config, f"{folder}/dances", share)
    parts = tables.parts(clips, "test")
    said = [stage.one({"uri": part, "version": "1", "made": made}) for part in parts]
    return tables.read(f"{folder}/dances", schema.DANCES), said


def test_a_clip_gives_its_real_dance_and_as_many_made_ones_as_are_asked_for(clips, tiny_dancer, tmp_path):
    dances, said = measured(clips, tmp_path, checkpoint=tiny_dancer, dances_per_clip=2)
    assert [row["dances"] for row in said] == [15, 15]
    rows = dances.to_pylist()
    assert sorted((row["made"], row["seed"]) for row in rows) == [(False, 0)] * 10 + [(True, 0)] * 10 + [(True, 1)] * 10
    assert all(dict(row["embeddings"]).keys() == {"perceptual"} for row in rows)
    made = [row for row in rows if row["made"]]
    assert len({row["kinetic"] for row in made}) == 20, "each dance is another one"


def test_the_same_seed_gives_the_same_dances_and_another_seed_others(clips, tiny_dancer, tmp_path):
    one, again, other = (
        measured(clips, tmp_path / name, checkpoint=tiny_dancer, seed=seed)[0].sort_by("clip_id").to_pydict()
        for name, seed in (("one", 5), ("again", 5), ("other", 6))
    )
    np.testing.assert_equal(one, again)  # NaN: feet that do not move
    assert one["kinetic"] != other["kinetic"]


def test_a_share_of_the_clips_is_chosen_by_their_ids(clips, tiny_dancer, tmp_path):
    half, _ = measured(clips, tmp_path / "half", share=0.5, checkpoint=tiny_dancer)
    more, _ = measured(clips, tmp_path / "more", share=0.9, checkpoint=tiny_dancer)
    assert 0 < len(half) < len(more) <= 20
    assert set(half["clip_id"].to_pylist()) <= set(more["clip_id"].to_pylist())


def test_dances_that_are_given_need_no_model(clips, tmp_path):
    dances, _ = measured(clips, tmp_path, made=True, dances=clips)
    assert dances["made"].to_pylist() == [True] * 10


def test_the_real_dances_against_themselves_differ_in_nothing(clips, tmp_path):
    config = EvaluateConfig(clips=clips, dances=clips, output=str(tmp_path))
    stage = EvaluateClips(config, f"{tmp_path}/dances", 1.0)
    for made in (False, True):
        for part in tables.parts(clips, "test"):
            (tmp_path / str(made)).mkdir(exist_ok=True)
            copied = shutil.copy(part, tmp_path / str(made))  # a part is known by its uri
            assert "error" not in stage.one({"uri": copied, "version": "1", "made": made})
    rows = tables.read(f"{tmp_path}/dances", schema.DANCES)
    real, same = (read_dances(rows.filter(pc.field("made") == made)) for made in (False, True))
    (found,) = [one for one in score(real, same, 0, 20) if (one.metric, one.whose) == ("fid_perceptual", "made")]
    assert found.value == pytest.approx(0, abs=1e-4)


def test_a_part_that_is_damaged_is_a_row_with_its_reason(make_clips, tiny_dancer, tmp_path):
    clips = make_clips(str(tmp_path / "clips"), train=5, test=10)
    Path(tables.parts(clips, "test")[0]).write_bytes(b"no parquet")
    dances, said = measured(clips, tmp_path, checkpoint=tiny_dancer)
    assert sorted(bool(row.get("error")) for row in said) == [False, True]
    assert len(dances) == 10


def test_what_is_read_back_does_not_depend_on_how_the_dances_were_spread(clips, tiny_dancer, tmp_path):
    dances, _ = measured(clips, tmp_path, checkpoint=tiny_dancer, published=True)
    one = read_dances(dances)
    other = read_dances(dances.take(np.random.default_rng(0).permutation(len(dances))))
    assert one.songs == other.songs
    assert np.array_equal(one.embeddings["perceptual"], other.embeddings["perceptual"])
    for a, b in zip(one.moves, other.moves, strict=True):
        assert (a.poses == b.poses).all()
        assert np.array_equal(a.published_beats_s, b.published_beats_s)
        assert a.joint_speeds.shape == (5,)


def test_networks_that_see_other_dances_are_refused():
    extractors = load_extractors(EvaluateConfig(clips="clips"))
    check_fits(extractors, "body", 10.0)
    check_fits(extractors, "body", 20.0)
    for other in (("camera", 10.0), ("body", 15.0), ("body", 5.0)):
        with pytest.raises(CheckpointError, match="expects dances of 'body' at 10 poses per second"):
            check_fits(extractors, *other)


def test_a_network_sees_a_faster_dance_at_its_own_rate():
    network = load_extractors(EvaluateConfig(clips="clips"))["perceptual"]
    pose = torch.rand(2, 60, 18, 2, generator=torch.Generator().manual_seed(0))
    assert np.array_equal(embed(network, pose, 30.0, "cpu"), embed(network, pose[:, ::3], 10.0, "cpu"))


def test_clips_of_another_rate_than_the_models_are_told_before_anything_is_started(make_clips, tmp_path):
    clips = make_clips(str(tmp_path / "clips"), train=5, test=10)
    path, config = tmp_path / "dance.safetensors", DanceModelConfig(fps=20.0)
    checkpoint.save(path, DanceModel(build_generator(config), config), {})
    with pytest.raises(TableError, match="has clips of 10 poses per second; the model makes 20"):
        evaluate.run(EvaluateConfig(clips=clips, checkpoint=str(path), output=f"{tmp_path}/out"))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (["checkpoint=a.safetensors", "dances=b"], "checkpoint and dances are both given"),
        (["dances=b", "dances_per_clip=2"], "dances_per_clip=2 requires a model"),
    ],
)
def test_settings_that_contradict_each_other_are_named(tmp_path, monkeypatch, given, problem):
    monkeypatch.chdir(tmp_path)
    for name in ("a.safetensors", "b"):
        (tmp_path / name).touch()
    with pytest.raises(ConfigError, match=problem):
        load(EvaluateConfig, None, ["clips=b", *given])


def test_the_page_shows_every_metric_with_its_interval_and_cannot_be_broken_by_names(clips, tiny_dancer, tmp_path):
    dances, _ = measured(clips, tmp_path, checkpoint=tiny_dancer)
    rows = dances.to_pylist()
    real, made = (
        read_dances(schema.table(schema.DANCES, [row for row in rows if row["made"] == side])) for side in (False, True)
    )
    scores = score(real, made, 0, 20)
    text = page(EvaluateConfig(clips=f"{tmp_path}/<b>clips", output="o"), scores, songs=2, shown=True)
    for one in scores:
        assert f"<b>{one.metric}</b>" in text
        assert f"{one.value:.3g}" in text
    assert "<b>clips" not in text
    assert "2 songs are few" in text
    assert 'src="side_by_side.mp4"' in text


def test_dances_that_are_no_table_of_clips_are_told_before_anything_is_started(clips, tmp_path):
    poses = str(tmp_path / "poses")
    tables.begin(poses, schema.POSES, {})
    tables.write_part(poses, schema.table(schema.POSES, [{"uri": "video.mp4"}]), "video.mp4")
    with pytest.raises(TableError, match="a table of poses; a table of clips is required"):
        evaluate.run(EvaluateConfig(clips=clips, dances=poses, output=f"{tmp_path}/out"))
