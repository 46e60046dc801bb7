"""Whole songs to dances, and the file that a model is kept in."""

import json

import numpy as np
import pytest
import safetensors.torch
import torch

from dancegen.errors import CheckpointError
from dancegen.models import checkpoint
from dancegen.models.audio_encoder import CHUNK_PIECES
from dancegen.models.dance_model import DanceModel, build_generator
from dancegen.settings.dance_model import AudioEncoderConfig, DanceModelConfig, GeneratorConfig

AUDIO = AudioEncoderConfig(channels=(4, 4, 8, 8), code=8, hidden=8, layers=1, size=16)
SMALL = DanceModelConfig(generator=GeneratorConfig(audio=AUDIO, width=32, blocks=1))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return DanceModel(build_generator(SMALL), SMALL)


@pytest.fixture
def saved(model, tmp_path):
    path = tmp_path / "model.safetensors"
    checkpoint.save(path, model, {"trained_on": "noise", "songs": 3})
    return path


def song(seconds):
    return 0.1 * np.random.default_rng(0).standard_normal(round(seconds * 16_000)).astype(np.float32)


@pytest.mark.parametrize(("seconds", "frames"), [(0.05, 1), (0.31, 4), (5.0, 50), (31.21, 313)])
def test_a_song_of_any_length_is_danced_to_its_end(model, seconds, frames):
    dance = model.dance(song(seconds), seed=1)
    assert dance.shape == (frames, 18, 2)
    assert dance.dtype == np.float32
    assert np.isfinite(dance).all()


def test_silence_is_danced_to_as_well(model):
    assert np.isfinite(model.dance(np.zeros(50_000, dtype=np.float32), seed=1)).all()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_dance(model):
    torch.manual_seed(1)
    first = model.dance(song(8), seed=7)
    torch.manual_seed(2)
    assert model.dance(song(8), seed=7).tobytes() == first.tobytes()
    assert np.abs(model.dance(song(8), seed=8) - first).mean() > 1e-5


def test_a_song_longer_than_a_chunk_is_danced_to_as_if_it_were_one(model):
    encoder = model.generator.audio_encoder
    pieces = 0.1 * torch.randn(1, CHUNK_PIECES + 300, 1600)
    with torch.no_grad():
        codes = encoder.encoder(pieces[0])
        features = encoder(pieces)
        head = encoder(pieces[:, : CHUNK_PIECES + 299])
    assert torch.isfinite(features).all()
    assert codes.shape[0] == features.shape[1]
    assert torch.allclose(features[:, :CHUNK_PIECES], head[:, :CHUNK_PIECES], atol=1e-4)


def test_a_saved_model_dances_the_same_to_half_precision(model, saved):
    loaded = checkpoint.load(saved)
    assert loaded.config == model.config
    assert np.abs(loaded.dance(song(5), 3) - model.dance(song(5), 3)).max() < 5e-3
    assert checkpoint.read_card(saved) == {"trained_on": "noise", "songs": 3}


def test_a_model_saved_in_full_precision_comes_back_to_the_bit(model, tmp_path):
    checkpoint.save(tmp_path / "full", model, {}, half=False)
    assert np.array_equal(checkpoint.load(tmp_path / "full").dance(song(3), 3), model.dance(song(3), 3))


@pytest.mark.parametrize("name", ["ours", "published"])
def test_models_of_both_norms_can_be_kept(name, tmp_path):
    config = SMALL if name == "ours" else SMALL.model_copy(update={"norm": "batch", "rhythm": False})
    checkpoint.save(tmp_path / "kept", DanceModel(build_generator(config), config), {})
    assert checkpoint.load(tmp_path / "kept").config == config


def damaged(content):
    return content[: len(content) // 2]


def foreign(content):
    return safetensors.torch.save({"weight": torch.zeros(3)}, {"format": "pt"})


def of_another_format(content):
    return with_metadata(content, format="9")


def of_another_skeleton(content):
    return with_metadata(content, skeleton='"smpl24"')


def of_unknown_settings(content):
    return with_metadata(content, settings='{"wings": 2}')


def of_other_settings(content):
    settings = SMALL.model_copy(update={"rhythm": False}).model_dump(mode="json")
    return with_metadata(content, settings=json.dumps(settings))


def with_metadata(content, **changes):
    size = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + size])["__metadata__"]
    return safetensors.torch.save(safetensors.torch.load(content), {**metadata, **changes})


@pytest.mark.parametrize(
    "spoil",
    [
        damaged,
        foreign,
        of_another_format,
        of_another_skeleton,
        of_unknown_settings,
        of_other_settings,
        lambda content: b"",
        lambda content: b"not a checkpoint at all" * 10,
    ],
)
def test_a_file_that_is_no_model_of_ours_is_refused_with_a_remedy(saved, spoil):
    saved.write_bytes(spoil(saved.read_bytes()))
    with pytest.raises(CheckpointError) as error:
        checkpoint.load(saved)
    assert error.value.thing == str(saved)
    assert error.value.remedy


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"nothing\.safetensors: is no file"):
        checkpoint.load(tmp_path / "nothing.safetensors")


def test_saving_replaces_a_model_whole(model, saved):
    checkpoint.save(saved, model, {"songs": 4})
    assert checkpoint.read_card(saved) == {"songs": 4}
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]
