"""The whole metric, on a small table of songs that sound and are danced in two ways."""

import copy

import numpy as np
import onnx
import pytest
import torch

from dancegen import schema, tables
from dancegen.errors import CheckpointError, TableError
from dancegen.music.beats import RHYTHM_CHANNELS
from dancegen.steps.evaluate.settings import EvaluateConfig
from dancegen.steps.evaluate.stage import EvaluateClips
from dancegen.steps.train_cross_modal.clips import MusicClips
from dancegen.steps.train_cross_modal.fit import Fit
from dancegen.steps.train_cross_modal.metric import CrossModal, load_tagger
from dancegen.steps.train_cross_modal.onnx_tagger import OnnxTagger
from dancegen.steps.train_cross_modal.settings import TrainCrossModalConfig

FRAMES, SONGS, CLIPS = 20, 6, 4
SETTINGS = {
    "tagger": {"channels": [8, 8, 8, 16], "hidden": 16, "layers": 1, "dropout": 0.0},
    "tagger_training": {"epochs": 40, "batch_size": 8, "learning_rate": 1e-2},
    "pose_metric": {"hidden": 8, "attention": 4, "attention_heads": 2, "widths": [16, 16], "size": 8},
    "pose_metric_training": {"updates": 100, "group_size": 12, "learning_rate": 3e-3, "joint_dropout": 0.2},
    "most_clusters": 3,
}


def clip(split, song, number):
    """Songs of even number are low and danced slowly, the others high and fast; each has a pitch of its own."""
    random = np.random.default_rng([song, number, split == "validation"])
    kind = song % 2
    seconds = np.arange(FRAMES * 1600) / 16_000
    sound = 6000 * np.sin(2 * np.pi * (150 + 2500 * kind + 120 * song) * seconds + random.uniform(0, 6))
    turns = (0.3 + 0.9 * kind) * np.arange(FRAMES)[:, None, None] + random.uniform(0, 6)
    standing = np.random.default_rng(0).uniform(0.3, 0.7, (1, 18, 2))
    joints = np.concatenate([standing + 0.1 * np.sin(turns), np.ones((FRAMES, 18, 1))], axis=-1)
    return {
        "clip_id": f"{split}-{song}-{number}",
        "song": f"{split}-{song}",
        "category": ("slow", "fast")[kind],
        "split": split,
        "fps": 10.0,
        "aspect": 1.5,
        "joints": schema.to_bytes(joints, "float32"),
        "audio": schema.to_bytes(sound + random.normal(0, 60, len(sound)), "int16"),
        "rhythm": schema.to_bytes(np.zeros((FRAMES, len(RHYTHM_CHANNELS))), "float32"),
        "tempo_bpm": 80.0 + 60 * kind,
    }


def write(uri, songs=SONGS):
    tables.begin(uri, schema.CLIPS, {"songs": songs})
    for split in ("train", "validation"):
        for song in range(songs):
            rows = [clip(split, song, number) for number in range(CLIPS)]
            table = schema.table(schema.CLIPS, rows)
            tables.write_part(uri, table, f"{split} {song}", folder=split)
    return uri


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return write(str(tmp_path_factory.mktemp("cross") / "clips"))


@pytest.fixture(scope="module")
def config():
    return TrainCrossModalConfig.model_validate(SETTINGS)


QUICK = {"tagger_training": {"epochs": 1}, "pose_metric_training": {"updates": 10}}


@pytest.fixture(scope="module")
def fitted(uri, config):
    return Fit(config).run(MusicClips(uri, "train", "body"), MusicClips(uri, "validation", "body"))


@pytest.fixture(scope="module")
def short(uri):
    """The settings of a short fit, and what it makes."""
    few = {"tagger_training": {"epochs": 6}, "pose_metric_training": {"updates": 16}}
    config = TrainCrossModalConfig.model_validate({**SETTINGS, **{k: {**SETTINGS[k], **few[k]} for k in few}})
    return config, Fit(config).run(MusicClips(uri, "train", "body"))


def whole(uri, split):
    (batch,) = MusicClips(uri, split, "body").every(SONGS * CLIPS)
    return batch


def apart(metric, batch, music=None):
    """How far each dance is from what belongs to its music."""
    seen = metric.psi(batch.clips.pose, batch.clips.mask)
    return np.linalg.norm(seen - metric.references(batch.sound if music is None else music), axis=1)


class Kept(dict):
    """States in memory."""

    def load(self, name):
        return copy.deepcopy(self.get(name))

    def save(self, name, state):
        self[name] = copy.deepcopy(state)


class Stopped(Exception):
    pass


def test_songs_of_two_kinds_are_told_apart_and_a_song_is_its_own_nearest(uri, fitted):
    known = fitted.dictionary
    kinds = {name: int(name.rpartition("-")[2]) % 2 for name in known.songs}
    pairs = {(kinds[name], int(label)) for name, label in zip(kinds, known.classes, strict=True)}
    assert len(pairs) == len({label for _, label in pairs})  # no class has songs of both kinds
    train = whole(uri, "train")
    found = [known.songs[known.song[clip]] for clip in fitted.nearest(train.sound)]
    assert np.mean([one == own for one, own in zip(found, train.songs, strict=True)]) > 0.9


def test_real_dances_of_training_songs_are_at_no_distance_from_themselves_and_others_are(uri, fitted):
    train = whole(uri, "train")
    assert np.median(apart(fitted, train)) == pytest.approx(0, abs=1e-3)
    assert np.median(apart(fitted, train, train.sound.roll(CLIPS, 0))) > 0.1  # the next song is of the other kind


def test_held_out_dances_are_nearer_to_what_belongs_to_their_music(uri, fitted):
    test = whole(uri, "validation")
    assert apart(fitted, test).mean() < apart(fitted, test, test.sound.roll(CLIPS, 0)).mean()


def test_the_card_says_what_was_learned(fitted):
    assert fitted.card["songs"] == SONGS
    assert set(fitted.card["right_answers"]) >= {"category", "tempo", "playback"}
    assert fitted.card["right_answers"]["category"] > 0.6


def test_missing_joints_leave_psi_finite(uri, fitted):
    test = whole(uri, "validation")
    dances = test.clips.pose.clone()
    dances[0], dances[1, :, 3] = torch.nan, torch.inf
    test.clips.mask[2:4] = 0
    assert np.allclose(np.linalg.norm(fitted.psi(dances, test.clips.mask), axis=1), 1, atol=1e-5)


def test_joints_that_are_hidden_at_random_move_the_mean_score_little(uri, fitted):
    test = whole(uri, "validation")
    whole_score = apart(fitted, test).mean()
    hidden = torch.rand(len(test.ids), 1, 18, generator=torch.Generator().manual_seed(0)) < 0.1
    test.clips.mask.mul_(~hidden)
    assert apart(fitted, test).mean() == pytest.approx(whole_score, abs=0.2)  # of 2


def test_the_same_seed_gives_the_same_metric_and_another_seed_another(uri, short):
    config, fitted = short
    again = Fit(config).run(MusicClips(uri, "train", "body"))
    assert np.array_equal(again.dictionary.music, fitted.dictionary.music)
    assert np.array_equal(again.dictionary.dances, fitted.dictionary.dances)
    other = Fit(config.model_copy(update={"seed": 1})).run(MusicClips(uri, "train", "body"))
    assert not np.array_equal(other.dictionary.dances, fitted.dictionary.dances)


@pytest.mark.parametrize("where", ["music tagger", "pose metric"])
def test_a_fit_that_was_stopped_goes_on_to_the_same_metric(uri, short, where):
    (config, fitted), kept = short, Kept()

    def stop(what, done, total, numbers):
        if what == where and done >= total / 2 and kept:
            raise Stopped

    with pytest.raises(Stopped):
        Fit(config, saves=kept, on_progress=stop).run(MusicClips(uri, "train", "body"))
    again = Fit(config, saves=kept).run(MusicClips(uri, "train", "body"))
    assert np.array_equal(again.dictionary.dances, fitted.dictionary.dances)


def test_a_metric_read_from_its_file_scores_the_same(uri, fitted, tmp_path):
    path = tmp_path / "cross.safetensors"
    fitted.save(path)
    read = CrossModal.load(path)
    test = whole(uri, "validation")
    assert np.array_equal(apart(read, test), apart(fitted, test))
    assert (read.config, read.fps, read.card) == (fitted.config, fitted.fps, fitted.card)
    assert read.dictionary.songs == fitted.dictionary.songs
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(CheckpointError, match="damaged"):
        CrossModal.load(path)
    with pytest.raises(CheckpointError, match="is not a file"):
        CrossModal.load(tmp_path / "none")


def test_the_tagger_of_a_metric_serves_another(uri, config, fitted, tmp_path):
    path = tmp_path / "cross.safetensors"
    fitted.save(path)
    other = Fit(config.model_copy(update={"seed": 1})).run(MusicClips(uri, "train", "body"), tagger=load_tagger(path))
    assert np.array_equal(other.dictionary.music, fitted.dictionary.music)


def test_any_network_in_onnx_is_a_tagger_and_travels_with_the_metric(uri, config, tmp_path):
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    place = tmp_path / "loud.onnx"
    node = onnx.helper.make_node("ReduceL2", ["sound", "axes"], ["loud"], keepdims=1)
    rough = onnx.helper.make_node("Slice", ["sound", "from", "to", "axes"], ["first"])
    joined = onnx.helper.make_node("Concat", ["loud", "first"], ["vector"], axis=1)
    numbers = {"axes": [1], "from": [0], "to": [4]}
    graph = onnx.helper.make_graph(
        [node, rough, joined],
        "loud",
        [onnx.helper.make_tensor_value_info("sound", onnx.TensorProto.FLOAT, ["clips", "samples"])],
        [onnx.helper.make_tensor_value_info("vector", onnx.TensorProto.FLOAT, ["clips", 5])],
        [onnx.helper.make_tensor(name, onnx.TensorProto.INT64, [1], value) for name, value in numbers.items()],
    )
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9), place)
    found = Fit(config).run(MusicClips(uri, "train", "body"), tagger=load_tagger(place))
    assert found.dictionary.music.shape == (SONGS * CLIPS, 5)
    assert found.card["right_answers"] == {}
    found.save(tmp_path / "cross.safetensors")
    read = CrossModal.load(tmp_path / "cross.safetensors")
    test = whole(uri, "validation")
    assert np.array_equal(apart(read, test), apart(found, test))
    with pytest.raises(CheckpointError, match="not a network"):
        OnnxTagger("it", b"nothing")


def test_the_dictionary_holds_so_many_clips_of_a_song_and_progress_is_told(uri, config):
    told = []
    small = TrainCrossModalConfig.model_validate({**SETTINGS, "clips_per_song": 2, **QUICK})
    found = Fit(small, on_progress=lambda *words: told.append(words[:3])).run(MusicClips(uri, "train", "body"))
    assert np.bincount(found.dictionary.song).tolist() == [2] * SONGS
    assert {what for what, _, _ in told} == {"music tagger", "dictionary", "pose metric"}
    assert all(done <= total for _, done, total in told)


def test_one_song_has_no_classes_and_a_table_without_the_split_no_clips(config, tmp_path):
    one = write(str(tmp_path / "one"), songs=1)
    with pytest.raises(TableError, match="at least two"):
        Fit(config).run(MusicClips(one, "train", "body"))
    with pytest.raises(TableError, match="no other clips"):
        MusicClips(one, "other", "body")


def test_a_metric_of_other_coordinates_is_refused_with_one_line(uri, tmp_path):
    few = {"tagger_training": {"epochs": 1}, "pose_metric_training": {"updates": 2}}
    config = TrainCrossModalConfig.model_validate({**SETTINGS, **few, "normalization": "camera"})
    Fit(config).run(MusicClips(uri, "train", "camera")).save(tmp_path / "metric.safetensors")
    wanted = EvaluateConfig(clips=uri, cross_modal=str(tmp_path / "metric.safetensors"))
    with pytest.raises(CheckpointError, match="cross_modal network: expects dances of 'camera'"):
        EvaluateClips(wanted, str(tmp_path / "dances"), 1.0)
