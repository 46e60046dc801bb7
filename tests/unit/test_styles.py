"""Styles of dance: an input of the model, learned from the categories of clips, and found in the music."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch

from dancegen.checkpoints import checkpoint
from dancegen.corpus.music.songs import synthesize
from dancegen.corpus.structure import compose
from dancegen.errors import CheckpointError, ConfigError
from dancegen.gan.dance_model import DanceModel, build_generator
from dancegen.gan.settings import AudioEncoderConfig, DanceModelConfig, GeneratorConfig, LossConfig
from dancegen.media.audio import SAMPLE_RATE
from dancegen.music.beats import RHYTHM_CHANNELS
from dancegen.pose.kinematics import VECTORS, chains, longest, standing, to_joints
from dancegen.steps.train_dance.noise import draw
from dancegen.steps.train_dance.training import Batch, DanceTraining

STYLES = ("ballet", "krump")
LOSSES = LossConfig(perceptual=0.0, adversarial_local=0.0, adversarial_global=0.0, feature_matching=0.0)
AUDIO = AudioEncoderConfig(code=8, hidden=8, layers=1, size=16)
SMALL = DanceModelConfig(generator=GeneratorConfig(audio=AUDIO, width=64, blocks=1, style_dim=4), losses=LOSSES)
PLAIN = SMALL.model_copy(update={"generator": SMALL.generator.model_copy(update={"style_dim": 0})})


def song(seconds, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE)).astype(np.float32)


def batch(clips=8, frames=20, seed=0, style=None):
    """Clips whose dancers lean to one side in the first style, and to the other in the second, to any music."""
    random = torch.Generator().manual_seed(seed)
    style = torch.arange(clips) % 2 + 1 if style is None else torch.tensor(style)
    turns = 0.05 * torch.randn(clips, frames, VECTORS, 2, generator=random)
    turns[:, :, 1:, 0] += (0.5 * (2.0 * style - 3))[:, None, None]
    return Batch(
        audio=0.1 * torch.randn(clips, frames, 1600, generator=random),
        rhythm=torch.randn(clips, frames, len(RHYTHM_CHANNELS), generator=random).clamp(-1, 1),
        pose=to_joints(standing() + turns, longest(), chains()),
        mask=torch.ones(clips, frames, 18),
        style=style,
    )


def training_of(config=SMALL, styles=STYLES, updates=0):
    training = DanceTraining(config, seed=0, styles=styles)
    for update in range(updates):
        training.step(batch(seed=update))
    return training


def model_of(training):
    return DanceModel(training.ema, training.config, styles=training.styles)


def through_a_file(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.fixture(scope="module")
def trained():
    return training_of(updates=120)


def test_a_model_with_styles_starts_as_the_one_without():
    with_styles, without = training_of(), training_of(PLAIN)
    for style in (None, *STYLES):
        assert np.array_equal(model_of(with_styles).dance(song(3), 1, style=style), model_of(without).dance(song(3), 1))


def test_a_style_is_danced_to_music_and_with_noise_that_do_not_tell_it(trained):
    clips = batch(seed=1000)
    means = [clips.pose[clips.style == number].mean(dim=(0, 1)) for number in (1, 2)]
    for number, style in enumerate(STYLES):
        dance = torch.from_numpy(model_of(trained).dance(song(4, seed=5), 3, style=style)).mean(dim=0)
        own, other = ((dance - mean).norm() for mean in (means[number], means[1 - number]))
        assert own < 0.5 * other, style


def test_all_ways_to_a_dance_give_that_of_the_style(trained):
    model, samples = model_of(trained), song(3)
    none, ballet, krump = (model.dance(samples, 4, style=style) for style in (None, *STYLES))
    assert np.abs(ballet - krump).mean() > 10 * np.abs(model.candidates(samples, [4], style="krump")[0] - krump).max()
    assert np.abs(none - ballet).mean() > 1e-3
    clips = batch(clips=2)
    made = model.dances(clips.audio, clips.rhythm, [4, 4], ["krump", "house"])
    assert torch.allclose(made[1], model.dances(clips.audio, clips.rhythm, [4, 4])[1], atol=1e-6)  # not a style of it
    assert (made[0] - model.dances(clips.audio, clips.rhythm, [4, 4], ["ballet", "ballet"])[0]).abs().mean() > 1e-3


def test_a_style_that_the_model_lacks_is_refused_in_a_line_that_names_those_it_has():
    model = model_of(training_of())
    for call in (lambda: model.dance(song(1), 1, style="tango"), lambda: model.candidates(song(1), [1], style="tango")):
        with pytest.raises(ConfigError) as error:
            call()
        text = str(error.value)
        assert text.startswith("style=tango: ")
        assert "ballet, krump" in text
        assert "\n" not in text


def test_a_model_without_styles_refuses_one():
    model = model_of(training_of(PLAIN))
    assert model.config.generator.style_dim == 0
    assert model.style_of(song(1)) is None
    with pytest.raises(ConfigError, match="style=krump: the dance model has no styles"):
        model.dance(song(1), 1, style="krump")


def test_a_checkpoint_keeps_the_styles_and_their_dances(trained, tmp_path):
    model = model_of(trained)
    checkpoint.save(tmp_path / "kept", model, {}, half=False)
    loaded = checkpoint.load(tmp_path / "kept")
    assert loaded.styles == STYLES
    assert loaded.style_of(song(2)) == model.style_of(song(2))
    for style in (None, *STYLES):
        assert np.array_equal(loaded.dance(song(3), 3, style=style), model.dance(song(3), 3, style=style))


def test_a_training_that_starts_with_a_model_without_styles_dances_as_it_does_in_every_style(tmp_path):
    checkpoint.save(tmp_path / "plain", model_of(training_of(PLAIN, updates=20)), {})
    plain = checkpoint.load_to_train(tmp_path / "plain", SMALL)
    training = training_of()
    training.start_from(plain)
    training.ema.eval()
    for style in (None, *STYLES):
        made = model_of(training).dance(song(3), 2, style=style)
        assert np.array_equal(made, plain.dance(song(3), 2))


def test_styles_are_matched_by_name_when_a_model_is_fine_tuned(trained, tmp_path):
    checkpoint.save(tmp_path / "kept", model_of(trained), {}, half=False)
    model = checkpoint.load_to_train(tmp_path / "kept", SMALL)
    training = DanceTraining(SMALL, seed=9, styles=("house", "krump"))
    training.start_from(model)
    assert np.array_equal(
        model_of(training).dance(song(2), 1, style="krump"), model_of(trained).dance(song(2), 1, style="krump")
    )
    assert training.ema.music_style.bias[1] == trained.ema.music_style.bias[1]


def test_a_model_of_another_embedding_is_not_fine_tuned(trained, tmp_path):
    checkpoint.save(tmp_path / "kept", model_of(trained), {})
    wider = SMALL.generator.model_copy(update={"style_dim": 8})
    with pytest.raises(CheckpointError, match="was trained with generator"):
        checkpoint.load_to_train(tmp_path / "kept", SMALL.model_copy(update={"generator": wider}))


def test_the_style_of_so_many_clips_is_hidden_as_the_settings_say():
    training = training_of()
    draws = draw(0, 7, training.generator, 4000, 1)
    told = training._style(batch(clips=4000, frames=1), draws)
    assert (told == 0).float().mean() == pytest.approx(SMALL.style_dropout, abs=0.02)
    everything = training_of(SMALL.model_copy(update={"style_dropout": 0.0}))
    assert (everything._style(batch(clips=4000, frames=1), draws) > 0).all()


def test_a_resumed_training_with_styles_is_the_straight_one_to_the_bit():
    straight, stopped, resumed = training_of(updates=4), training_of(updates=2), training_of()
    resumed.load(through_a_file(stopped.state()))
    for update in (2, 3):
        resumed.step(batch(seed=update))
    one, other = straight.state()["networks"], resumed.state()["networks"]
    for network, values in one.items():
        assert all(torch.equal(value, other[network][name]) for name, value in values.items()), network


def test_a_state_with_other_styles_is_refused():
    with pytest.raises(CheckpointError, match="different list of styles"):
        training_of(styles=("house", "krump")).load(training_of().state())
    with pytest.raises(CheckpointError, match="different generator"):
        training_of().load(training_of(PLAIN).state())


def test_clips_of_no_style_are_learned_from_as_well():
    parts = training_of().step(batch(style=[0] * 8))
    assert parts["music_style"] == 0
    assert all(torch.isfinite(value) for value in parts.values())


def test_the_style_of_a_song_is_found_in_its_music_after_a_short_training():
    training = DanceTraining(config := DanceModelConfig(losses=LOSSES), seed=0, styles=STYLES)
    music = {style: [sound_of(style, seed) for seed in range(4)] for style in STYLES}
    clips = batch(clips=8, frames=50)
    pieces = [torch.from_numpy(music[style][clip]).view(50, 1600) for clip in range(4) for style in STYLES]
    for _ in range(20):
        training.step(replace(clips, audio=torch.stack(pieces)))
    model = DanceModel(training.generator, config, styles=STYLES)
    assert [model.style_of(sound_of(style, 20 + seed)) for seed in range(2) for style in STYLES] == [*STYLES] * 2
    assert training.validate(replace(clips, audio=torch.stack(pieces)), clips.pose)["music_style_right"] > 0.5


def test_the_shipped_model_finds_the_style_of_most_songs_in_their_music():
    model = checkpoint.load(checkpoint.shipped())
    songs = [(style, synthesize(compose(style, 930_000, 20.0), SAMPLE_RATE)) for style in model.styles]
    right = [model.style_of(samples.astype(np.float32)) == style for style, samples in songs]
    assert sum(right) >= 4, right


def sound_of(style, seed):
    """Five seconds of a low tone for one style, and of noise for the other."""
    random, times = np.random.default_rng(seed), np.arange(5 * SAMPLE_RATE) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * random.uniform(80, 160) * times)
    return (0.1 * (tone if style == STYLES[0] else random.standard_normal(len(times)))).astype(np.float32)


def test_a_generator_without_an_embedding_takes_no_styles():
    generator = build_generator(PLAIN, styles=2)
    assert generator.music_style is None
    assert not any("style" in name for name in generator.state_dict())
