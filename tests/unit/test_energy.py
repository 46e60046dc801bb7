"""The energy of a dance: how fast it is, in proportion to the mean of its style."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from dancegen.checkpoints import checkpoint
from dancegen.corpus.music.songs import synthesize
from dancegen.corpus.structure import compose
from dancegen.errors import CheckpointError, ConfigError
from dancegen.gan.dance_model import DanceModel, build_generator
from dancegen.gan.settings import AudioEncoderConfig, DanceModelConfig, GeneratorConfig
from dancegen.media.audio import SAMPLE_RATE
from dancegen.pose.kinematics import VECTORS, chains, longest, standing, to_joints
from dancegen.skeleton import COCO18
from dancegen.steps.render.settings import PictureConfig
from dancegen.steps.render.song_settings import Choices
from dancegen.steps.train_dance.token_training import TokenTraining
from dancegen.tokens.generator import TokenGenerator
from dancegen.tokens.settings import TokenizerConfig, TokensConfig, TransformerConfig
from dancegen.training.batch import Batch

FPS, FRAMES, BEAT_S = 10.0, 60, 0.5
STYLES = ("krump", "waltz")
TRANSFORMER = TransformerConfig(width=32, blocks=2, attention_heads=2, mel_bands=8, dropout=0.0, energy=True)
CONFIG = DanceModelConfig(
    head="tokens",
    fps=FPS,
    ema_decay=0.9,
    eq_augment_db=0.0,
    tokens=TokensConfig(
        tokenizer=TokenizerConfig(width=32, blocks=2, groups=2),
        transformer=TRANSFORMER,
        tokenizer_epochs=1,
        steps=4,
    ),
)
AUDIO = AudioEncoderConfig(code=8, hidden=8, layers=1, size=16)
GAN = DanceModelConfig(generator=GeneratorConfig(audio=AUDIO, width=64, blocks=1))


def batch(swings=(0.15, 0.45), styles=(1, 1)):
    """Bodies that swing on the beat as far as is said, to the same noise."""
    random, clips = torch.Generator().manual_seed(0), len(swings)
    beats = torch.arange(FRAMES) / FPS / BEAT_S
    turns = torch.stack([beats, beats / 4, beats / 32], dim=1) * 2 * math.pi
    phases = torch.stack([turns.sin(), turns.cos()], dim=2).flatten(1)
    swing = torch.tensor(swings)[:, None, None, None] * turns[:, 0].sin()[None, :, None, None]
    swing = swing * torch.randn(1, 1, VECTORS, 2, generator=random)
    swing[:, :, 0] = 0  # the root
    audio = 0.1 * torch.randn(1, FRAMES, 1600, generator=random)
    return Batch(
        audio=audio.expand(clips, -1, -1),
        rhythm=torch.cat([torch.zeros(FRAMES, 1), phases], dim=1).expand(clips, -1, -1),
        pose=to_joints(standing() + swing, longest(), chains()),
        mask=torch.ones(clips, FRAMES, len(COCO18)),
        ids=torch.arange(clips),
        style=torch.tensor(styles),
    )


def trained(updates):
    training = TokenTraining(CONFIG, 0, styles=STYLES, precision="float32")
    for epoch, count in enumerate(updates):
        training.epoch = epoch
        for _ in range(count):
            training.step(batch())
    return training


def speed(dance):
    return float(np.linalg.norm(np.diff(dance, axis=0), axis=-1).mean())


def noise(seconds: float) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal((round(seconds * SAMPLE_RATE),))).astype(np.float32)


def test_a_model_dances_as_fast_as_it_is_told_after_a_short_training(tmp_path: Path):
    training = trained((200, 500))
    assert isinstance(training.ema, TokenGenerator)
    model = DanceModel(training.ema, CONFIG.model_copy(update={"beat_warp_s": 0.0}), styles=STYLES)
    slow, fast = (
        np.mean([speed(model.dance(noise(8), seed, style="krump", energy=energy)) for seed in range(4)])
        for energy in (0.6, 1.7)
    )
    assert fast > 1.5 * slow
    checkpoint.save(tmp_path / "model", model, {}, half=False)
    loaded = checkpoint.load(tmp_path / "model")
    assert np.array_equal(loaded.dance(noise(4), 1, energy=1.7), model.dance(noise(4), 1, energy=1.7))


def test_the_shipped_model_dances_faster_with_more_energy_and_as_ever_with_that_of_its_style():
    model = checkpoint.load_model(None)
    music = synthesize(compose("hiphop", 4, 16.0))
    speeds = {
        energy: np.mean([speed(model.dance(music, seed, style="hiphop", energy=energy)) for seed in (0, 2)])
        for energy in (0.6, None, 1.0, 1.6)
    }
    assert speeds[0.6] < 0.9 * speeds[None]
    assert speeds[1.0] == pytest.approx(speeds[None], rel=0.15)
    assert speeds[1.6] > 1.1 * speeds[None]


def test_the_shipped_model_dances_faster_where_the_music_is_louder():
    model = checkpoint.load_model(None)
    music = synthesize(compose("hiphop", 4, 24.0))
    half = len(music) // 2
    music = np.concatenate([0.2 * music[:half], music[half:]]).astype(np.float32)
    assert isinstance(model.generator, TokenGenerator)
    ratios = []
    for dynamics in (0.0, 0.4):
        model.generator.config = model.generator.config.model_copy(update={"dynamics": dynamics})
        dances = [model.dance(music, seed, style="hiphop") for seed in (0, 2)]
        ratios.append(np.mean([speed(one[len(one) // 2 :]) / speed(one[: len(one) // 2]) for one in dances]))
    assert ratios[1] > 1.2 * ratios[0]


def test_the_energy_of_a_clip_is_its_speed_in_proportion_to_the_mean_of_its_style():
    training = TokenTraining(CONFIG, 0, styles=STYLES, precision="float32")
    clips = batch((0.2, 0.4, 0.1, 0.1), (1, 1, 2, 2))
    found = training._energy(clips, clips.style)  # pyright: ignore[reportPrivateUsage, reportArgumentType]
    assert found[1] / found[0] == pytest.approx(2, rel=0.05)
    assert found[2:].tolist() == pytest.approx([1, 1], rel=0.05)
    slow, fast = (training.generator.log_speeds[number].exp() for number in (2, 1))
    assert fast / slow == pytest.approx(2 * 2**0.5, rel=0.05)


def test_without_energy_the_network_is_told_nothing():
    network = trained((0, 20)).ema
    clips, codes = batch(), torch.zeros(2, 12, 2, dtype=torch.long)
    masked, there = torch.ones(2, 12, 2, dtype=torch.bool), torch.ones(2, 12, dtype=torch.bool)
    music, heard = torch.randn(2, 12, network.music.size), torch.ones(2, dtype=torch.bool)
    values = network.tokenizer.fsq.values(codes)

    def logits(energy, heard=heard):
        return network.transformer(values, masked, music, clips.style, heard, there, energy)

    unknown = torch.full((2,), math.nan)
    assert torch.equal(logits(None), logits(unknown))
    assert torch.equal(logits(unknown, ~heard), logits(torch.full((2,), 2.0), ~heard))
    one = logits(torch.tensor([math.nan, 2.0]))
    assert torch.equal(one[0], logits(None)[0])
    assert not torch.equal(one[1], logits(None)[1])


def test_a_model_that_takes_no_energy_refuses_it_in_a_line(tmp_path: Path):
    model = DanceModel(build_generator(GAN), GAN)
    told = "energy=1.5: the dance model does not take the energy of a dance. Leave it out, or set another checkpoint."
    with pytest.raises(ConfigError) as error:
        model.dance(noise(1), 1, energy=1.5)
    assert str(error.value) == told
    checkpoint.save(tmp_path / "gan.safetensors", model, {})
    picture = PictureConfig(checkpoint=str(tmp_path / "gan.safetensors"))
    with pytest.raises(ConfigError, match="the dance model does not take"):
        Choices(picture.model_copy(update={"energy": 1.5}))
    problem = str(Choices(picture).of({"uri": "a.wav", "energy": 1.5}).problem)
    assert problem == f"a.wav: {told} Correct the row of a.wav in the table of songs."


def test_a_model_without_energy_starts_as_it_was_and_learns_it_further(tmp_path: Path):
    without = CONFIG.tokens.model_copy(update={"transformer": TRANSFORMER.model_copy(update={"energy": False})})
    before = TokenTraining(CONFIG.model_copy(update={"tokens": without}), 0, styles=STYLES)
    checkpoint.save(tmp_path / "before", DanceModel(before.ema, before.config, styles=STYLES), {}, half=False)
    kept = CONFIG.model_copy(update={"tokens": CONFIG.tokens.model_copy(update={"tokenizer_epochs": 0})})
    further = TokenTraining(kept, 1, styles=STYLES, precision="float32")
    model = checkpoint.load_to_train(tmp_path / "before", kept)
    further.start_from(model)
    started = DanceModel(further.ema, kept, styles=STYLES)
    assert np.array_equal(started.dance(noise(3), 1), model.dance(noise(3), 1))
    assert np.array_equal(started.dance(noise(3), 1, energy=1.5), model.dance(noise(3), 1))
    for _ in range(12):
        further.step(batch())
    assert further.saved_weights()["transformer.energy.weight"].any()
    with_energy = DanceModel(further.ema, kept, styles=STYLES)
    checkpoint.save(tmp_path / "after", with_energy, {})
    with pytest.raises(CheckpointError, match="'energy': True"):
        checkpoint.load_to_train(tmp_path / "after", before.config)


def test_another_energy_renders_a_song_again(tmp_path: Path):
    model = DanceModel(trained((0, 0)).ema, CONFIG, styles=STYLES)
    checkpoint.save(tmp_path / "model.safetensors", model, {})
    picture = PictureConfig(checkpoint=str(tmp_path / "model.safetensors"))
    choices = Choices(picture)
    stamps = [choices.of({"uri": "a.wav", **own}).stamp for own in ({}, {"energy": 0.8}, {"energy": 1.2})]
    assert len(set(stamps)) == 3
    assert stamps[2] == Choices(picture.model_copy(update={"energy": 1.2})).of({}).stamp
    assert "energy=9" in str(choices.of({"uri": "a.wav", "energy": 9}).problem)
