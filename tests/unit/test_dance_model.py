"""Whole songs to dances, and the file that a model is kept in."""

import json

import numpy as np
import pytest
import safetensors.torch
import torch
from scipy.signal import resample_poly

from dancegen.checkpoints import checkpoint, weights_file
from dancegen.corpus.music.songs import RATE, synthesize
from dancegen.corpus.structure import compose
from dancegen.errors import CheckpointError
from dancegen.gan.audio_encoder import CHUNK_PIECES
from dancegen.gan.dance_model import DanceModel, build_generator, mirrored
from dancegen.gan.head import OVERLAP_FRAMES
from dancegen.gan.settings import AudioEncoderConfig, DanceModelConfig, GeneratorConfig
from dancegen.media.audio import SAMPLE_RATE
from dancegen.metrics.motion_quality import seam
from dancegen.skeleton import COCO18

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


def test_a_song_that_was_heard_before_gets_the_same_dance(model):
    samples = synthesize(compose("kpop", 0, 6.0)).astype(np.float32)
    heard = model.hear(samples)
    assert len(heard.beats_s) > 5
    assert np.array_equal(model.dance(samples, 1, heard=heard), model.dance(samples, 1))


def test_candidates_are_the_dances_of_their_seeds(model):
    samples = song(3.0)
    for dance, seed in zip(model.candidates(samples, [4, 7]), (4, 7), strict=True):
        np.testing.assert_allclose(dance, model.dance(samples, seed), atol=1e-4)


def test_a_dance_starts_from_given_frames_and_goes_on_from_them(model):
    start = np.full((5, 18, 2), 0.2, dtype=np.float32)
    free, begun = model.dance(song(6), seed=1), model.dance(song(6), seed=1, start=start)
    assert np.array_equal(begun[:5], start)
    assert not np.array_equal(begun[5:8], free[5:8])


@pytest.mark.parametrize(("seconds", "windows"), [(0.2, 1), (3.9, 1), (4.0, 1), (4.1, 2), (6.0, 2), (6.1, 3), (9.3, 4)])
def test_a_song_in_windows_is_danced_to_its_end_and_each_takes_up_the_one_before(model, seconds, windows):
    model.config = model.config.model_copy(update={"beat_warp_s": 0.0, "plant_feet": False})  # the head's dance alone
    whole, parts = (model.dance(song(seconds), seed=2, window_frames=frames) for frames in (1000, 40))
    assert parts.shape == whole.shape
    assert np.isfinite(parts).all()
    if windows == 1:
        assert np.array_equal(parts, whole)
    taken_up, made = [], []
    inner = model.head._part

    def listening(*inputs):
        taken_up.append(inputs[-1] if inputs[-1] is None else inputs[-1][0].clone())
        made.append(inner(*inputs))
        return made[-1]

    model.head._part = listening
    model.dance(song(seconds), seed=2, window_frames=40)
    assert len(taken_up) == windows
    assert taken_up[0] is None
    for number, given in enumerate(taken_up[1:], 1):
        first, end = number * (40 - OVERLAP_FRAMES), min(len(parts), number * (40 - OVERLAP_FRAMES) + OVERLAP_FRAMES)
        assert np.array_equal(given, parts[first : first + len(given)])
        assert np.allclose(parts[end - 1], made[number][0, end - first - 1], atol=1e-6), "it has become the new one"


@pytest.mark.parametrize("category", ["kpop", "popping", "ballet"])
def test_windows_of_the_shipped_model_join_without_a_jump(category):
    """Where windows fade into one another the dance moves and changes its speed no more than it does inside them."""
    model = checkpoint.load(checkpoint.shipped())
    sound = resample_poly(synthesize(compose(category, 950_000, 40.0)), SAMPLE_RATE, RATE).astype(np.float32)
    window, known = 60, model.config.generator.seed_frames
    if not known:
        pytest.skip("the shipped model dances songs of any length in one window")
    pose = model.dance(sound, seed=0, window_frames=window)
    starts = range(window - OVERLAP_FRAMES, len(pose) - OVERLAP_FRAMES - 2, window - OVERLAP_FRAMES)
    found = seam(pose.astype(np.float64), [start + frame for start in starts for frame in (known, OVERLAP_FRAMES)])
    assert found.position < 1.5
    assert found.velocity < 2.0


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


def test_an_odd_seed_is_danced_mirrored_also_from_given_frames(model):
    start = np.random.default_rng(0).uniform(-0.3, 0.3, (5, 18, 2)).astype(np.float32)
    plain = model
    model = DanceModel(model.generator, model.config.model_copy(update={"mirror_odd_seeds": True}))
    assert np.array_equal(model.dance(song(4), 3), mirrored(plain.dance(song(4), 3)))
    assert np.array_equal(model.dance(song(4), 2), plain.dance(song(4), 2))
    begun = model.dance(song(4), 3, start=start)
    assert np.array_equal(begun[:5], start)
    assert np.array_equal(begun, mirrored(plain.dance(song(4), 3, start=mirrored(start))))


def test_a_mirror_shows_the_left_hand_on_the_other_side():
    pose = np.zeros((1, 18, 2), dtype=np.float32)
    pose[0, COCO18.index("left_wrist")] = (0.3, -0.1)
    (hand,) = np.argwhere(mirrored(pose)[0].any(axis=1)).ravel()
    assert hand == COCO18.index("right_wrist")
    assert mirrored(pose)[0, hand].tolist() == pytest.approx([-0.3, -0.1])


def test_a_saved_model_dances_the_same_to_half_precision(model, saved):
    loaded = checkpoint.load(saved)
    assert loaded.config == model.config
    assert np.abs(loaded.dance(song(5), 3) - model.dance(song(5), 3)).max() < 5e-3
    assert checkpoint.read_card(saved) == {"trained_on": "noise", "songs": 3}


def test_a_model_saved_in_full_precision_comes_back_to_the_bit(model, tmp_path):
    checkpoint.save(tmp_path / "full", model, {}, half=False)
    assert np.array_equal(checkpoint.load(tmp_path / "full").dance(song(3), 3), model.dance(song(3), 3))


def test_a_model_is_trained_further_with_its_own_settings_only(model, saved):
    assert checkpoint.load_to_train(saved, SMALL).config == model.config
    losses = SMALL.losses.model_copy(update={"l1": 1.0})
    assert checkpoint.load_to_train(saved, SMALL.model_copy(update={"losses": losses})).config == model.config
    bounded = SMALL.generator.model_copy(update={"output": "tanh"})
    assert checkpoint.load_to_train(saved, SMALL.model_copy(update={"generator": bounded})).config == model.config
    for change in ({"normalization": "camera"}, {"generator": SMALL.generator.model_copy(update={"width": 48})}):
        with pytest.raises(CheckpointError, match=f"was trained with {next(iter(change))}.*model\\.\\*"):
            checkpoint.load_to_train(saved, SMALL.model_copy(update=change))


def test_a_model_of_fewer_rhythm_channels_is_not_trained_further(tmp_path):
    model = DanceModel(build_generator(SMALL, 3), SMALL, ("onset", "beat_sin", "beat_cos"))
    checkpoint.save(tmp_path / "kept", model, {})
    with pytest.raises(CheckpointError, match="uses only the rhythm channels onset, beat_sin, beat_cos"):
        checkpoint.load_to_train(tmp_path / "kept", SMALL)


def test_a_model_that_was_made_for_fewer_rhythm_channels_hears_those(tmp_path):
    channels = ("onset", "beat_sin", "beat_cos")
    model = DanceModel(build_generator(SMALL, len(channels)), SMALL, channels)
    checkpoint.save(tmp_path / "kept", model, {}, half=False)
    loaded = checkpoint.load(tmp_path / "kept")
    assert loaded.rhythm_channels == channels
    assert np.array_equal(loaded.dance(song(3), 3), model.dance(song(3), 3))


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


def of_an_unknown_rhythm(content):
    return with_metadata(content, rhythm_channels='["onset", "clave"]')


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
        of_an_unknown_rhythm,
        lambda content: b"",
        lambda content: b"not a checkpoint at all" * 10,
    ],
)
def test_a_file_that_is_no_model_of_ours_is_refused_with_a_remedy(saved, spoil):
    saved.write_bytes(spoil(saved.read_bytes()))
    with pytest.raises(CheckpointError) as error:
        checkpoint.load(saved)
    assert error.value.subject == str(saved)
    assert error.value.remedy


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"nothing\.safetensors: is not a file"):
        checkpoint.load(tmp_path / "nothing.safetensors")


def test_saving_replaces_a_model_whole(model, saved):
    checkpoint.save(saved, model, {"songs": 4})
    assert checkpoint.read_card(saved) == {"songs": 4}
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_a_model_from_before_there_was_a_choice_hears_what_it_heard_then(tmp_path):
    audio = AUDIO.model_copy(update={"input": "waveform"})
    former = {"rhythm_harmonics": 1, "output": "tanh", "phrase_latents": False}
    generator = SMALL.generator.model_copy(update={"audio": audio, **former})
    model = DanceModel(
        build_generator(then := SMALL.model_copy(update={"generator": generator, "mirror_odd_seeds": False})), then
    )
    about = then.model_dump(mode="json")
    del about["generator"]["audio"]["input"], about["generator"]["rhythm_harmonics"], about["mirror_odd_seeds"]
    del about["generator"]["output"], about["generator"]["phrase_latents"]
    written = {"settings": about, "fps": 10.0, "rhythm_channels": model.rhythm_channels, "card": {}}
    weights_file.write(tmp_path / "kept", checkpoint.DANCE, written, model.generator.state_dict(), half=False)
    assert np.array_equal(checkpoint.load(tmp_path / "kept").dance(song(3), 3), model.dance(song(3), 3))
