import json

import pyarrow as pa
import pytest
import safetensors.torch
import torch

from dancegen import schema, tables
from dancegen.checkpoints import checkpoint
from dancegen.errors import CheckpointError, TableError
from dancegen.gan.settings import DanceModelConfig
from dancegen.perceptual.heldout import Heldout
from dancegen.perceptual.heldout_settings import HeldoutConfig
from dancegen.perceptual.stgcn import STGCN
from dancegen.perceptual.stgcn_settings import STGCNConfig
from dancegen.steps.pretrain_perceptual.clips import Dances, PoseClips, is_heldout, summarize_dataset
from dancegen.steps.pretrain_perceptual.settings import PretrainPerceptualConfig
from dancegen.steps.pretrain_perceptual.training import PerceptualTraining, chance_accuracy
from dancegen.training.clips import Shard

SMALL = {"stgcn": {"widths": [4, 4, 8]}, "heldout": {"hidden": 8, "layers": 1, "size": 6}}
SONGS = [f"song {number}" for number in range(400)]


def settings(**changes):
    return PretrainPerceptualConfig.model_validate(SMALL | {"tasks": {"pace": 1.2}} | changes)


def swaying(clips=8, frames=20):
    """Category 1 sways three times as fast as category 0."""
    category = torch.arange(clips) % 2
    at = torch.arange(frames)[:, None, None] * (0.3 + 0.6 * category)[:, None, None, None]
    standing = torch.linspace(-0.5, 0.5, 36).view(18, 2)
    return Dances(
        standing + 0.1 * torch.sin(at + torch.arange(clips)[:, None, None, None]),
        torch.ones(clips, frames, 18),
        category,
    )


@pytest.mark.parametrize("kind", ["stgcn", "heldout"])
def test_a_network_learns_to_tell_kinds_of_dance_and_rough_from_smooth(kind):
    tasks = {"pace": 1.2, "active_share": 1.0, "jitter_std": [0.05, 0.1]}
    training = PerceptualTraining(settings(kind=kind, learning_rate=1e-2, tasks=tasks), categories=2, updates=60)
    marks = [training.step(swaying(clips=16)) for _ in range(60)]
    for name in ("category", "surface"):
        assert sum(mark[name] for mark in marks[-10:]) > 1.2 * sum(mark[name] for mark in marks[:10])
    assert training.validate(swaying(), number=0).keys() == {"loss", *chance_accuracy(2, 0.5)}


@pytest.mark.parametrize("kind", ["stgcn", "heldout"])
def test_a_stopped_training_goes_on_to_the_bit(kind):
    straight, stopped, resumed = (PerceptualTraining(settings(kind=kind), 2, 4) for _ in range(3))
    for _ in range(4):
        straight.step(swaying())
    for _ in range(2):
        stopped.step(swaying())
    resumed.load(stopped.state())
    for _ in range(2):
        resumed.step(swaying())
    for name, value in straight.student.state_dict().items():
        assert torch.equal(value, resumed.student.state_dict()[name]), name


def test_a_state_of_another_network_is_refused():
    state = PerceptualTraining(settings(kind="heldout"), 2, 4).state()
    with pytest.raises(CheckpointError, match="different network"):
        PerceptualTraining(settings(), 2, 4).load(state)


def test_with_one_category_nothing_asks_for_it_and_every_other_weight_learns():
    training = PerceptualTraining(settings(), categories=1, updates=4)
    assert "category" not in training.step(swaying())
    assert all(weight.grad is not None for weight in training.student.parameters() if weight.requires_grad)


def test_workers_of_one_run_ask_different_questions():
    one, other = (PerceptualTraining(settings(), 2, 4, stream=rank) for rank in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.network.parameters(), other.network.parameters(), strict=True))
    assert float(one.step(swaying())["loss"]) != float(other.step(swaying())["loss"])


def test_no_song_teaches_both_networks():
    half = [song for song in SONGS if is_heldout(song, 0.5)]
    assert 160 < len(half) < 240
    assert all(is_heldout(song, 0.7) for song in half)
    assert not any(is_heldout(song, 0.0) for song in SONGS)


@pytest.fixture
def clips(tmp_path, make_clips):
    """A table of 40 clips of 8 songs to train on, and its URI."""
    return make_clips(str(tmp_path / "clips"), train=40, validation=5, frames=12)


def songs_read(config):
    """The songs of the clips that a network of this kind sees in an epoch."""
    data = summarize_dataset(config)
    seen = PoseClips(config.clips, "train", "body", data)
    seen.clips.columns.append("song")
    rows = pa.concat_tables(seen.clips.epoch_rows(Shard(rank=0, workers=1, batch_size=1, seed=0, epoch=0)))
    assert len(rows) == len(seen) == data.train
    return set(rows["song"].to_pylist())


def test_the_clips_that_are_read_are_of_the_songs_of_each_side(clips):
    ours, heldout = (songs_read(settings(clips=clips, kind=kind)) for kind in ("stgcn", "heldout"))
    assert not ours & heldout
    assert ours | heldout == {f"train-{number}" for number in range(8)}
    assert ours
    assert heldout


def test_songs_of_one_part_of_the_table_are_told_apart(tmp_path, make_clips):
    uri = make_clips(str(tmp_path / "clips"), train=5, validation=0, frames=12)
    rows = tables.read(uri, schema.CLIPS).to_pylist()
    mixed = [{**row, "clip_id": f"{number}", "song": SONGS[number]} for number, row in enumerate(rows * 4)]
    tables.write_part(uri, schema.table(schema.CLIPS, mixed), "mixed", folder="train")
    ours, heldout = (songs_read(settings(clips=uri, kind=kind)) for kind in ("stgcn", "heldout"))
    assert not ours & heldout
    assert ours | heldout == {"train-0", *SONGS[:20]}


def test_clips_come_as_a_network_sees_them(clips):
    config = settings(clips=clips, heldout_song_share=0)
    data = summarize_dataset(config)
    assert (data.train, data.validation, data.categories, data.largest_share) == (40, 5, ("kpop",), 1.0)
    (batch,) = PoseClips(clips, "validation", "body", data).every(rank=0, workers=1, batch_size=8)
    assert batch.pose.shape == (5, 12, 18, 2)
    assert batch.category.tolist() == [0] * 5


def test_a_side_without_songs_is_told(clips):
    with pytest.raises(TableError, match="no songs to train heldout on, with heldout_song_share=0"):
        summarize_dataset(settings(clips=clips, kind="heldout", heldout_song_share=0))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return STGCN(STGCNConfig(widths=(4, 4, 8)), classes=2).eval()


@pytest.fixture
def saved(tmp_path, network):
    path = tmp_path / "stgcn.safetensors"
    checkpoint.save_perceptual(path, network, ["ballet", "kpop"], {"songs": 3}, half=False)
    return path


def test_a_saved_network_sees_the_same_and_learns_no_more(saved, network):
    loaded = checkpoint.load_perceptual(saved)
    assert torch.equal(loaded.embed(swaying().pose), network.embed(swaying().pose))
    assert not loaded.training
    assert not any(weight.requires_grad for weight in loaded.parameters())
    assert checkpoint.read_perceptual_card(saved) == {"songs": 3}


def test_half_precision_is_loaded_in_full(tmp_path, network):
    checkpoint.save_perceptual(tmp_path / "half", network, ["one", "two"], {})
    loaded = checkpoint.load_perceptual(tmp_path / "half")
    assert {weight.dtype for weight in loaded.parameters()} == {torch.float32}
    assert torch.allclose(loaded.embed(swaying().pose), network.embed(swaying().pose), rtol=0.02, atol=1e-3)


def test_the_heldout_extractor_has_a_kind_of_its_own(tmp_path, saved):
    heldout = Heldout(HeldoutConfig(hidden=8, layers=1, size=6), classes=2).eval()
    checkpoint.save_perceptual(tmp_path / "heldout", heldout, ["one", "two"], {}, half=False)
    assert torch.equal(
        checkpoint.load_heldout(tmp_path / "heldout").embed(swaying().pose), heldout.embed(swaying().pose)
    )
    with pytest.raises(CheckpointError, match="holds no perceptual network"):
        checkpoint.load_perceptual(tmp_path / "heldout")
    with pytest.raises(CheckpointError, match="holds no heldout extractor"):
        checkpoint.load_heldout(saved)
    with pytest.raises(CheckpointError, match="holds no dance model"):
        checkpoint.load(saved)


def test_a_network_that_sees_other_dances_than_the_model_makes_is_refused(saved):
    assert checkpoint.load_perceptual(saved, DanceModelConfig())
    with pytest.raises(CheckpointError, match=r"normalization 'body'.*with 'camera'.*stgcn.normalization=camera"):
        checkpoint.load_perceptual(saved, DanceModelConfig(normalization="camera"))
    with pytest.raises(CheckpointError, match=r"fps 10.*with 20"):
        checkpoint.load_perceptual(saved, DanceModelConfig(fps=20))


def test_weights_that_do_not_fit_their_settings_are_refused(saved):
    with safetensors.safe_open(saved, framework="pt") as file:
        metadata = {**file.metadata(), "settings": json.dumps({"widths": [4, 4, 4]})}
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    safetensors.torch.save_file(weights, saved, metadata)
    with pytest.raises(CheckpointError, match="does not fit its own settings"):
        checkpoint.load_perceptual(saved)
