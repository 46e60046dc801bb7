import math

import numpy as np
import pytest
import torch

from dancegen.corpus.music.songs import synthesize
from dancegen.corpus.structure import compose
from dancegen.music.beats import RHYTHM_CHANNELS
from dancegen.steps.train_cross_modal.clips import MusicBatch, phase_tempo
from dancegen.steps.train_cross_modal.music_tagger import MusicTagger
from dancegen.steps.train_cross_modal.network_settings import MusicTaggerConfig
from dancegen.steps.train_cross_modal.settings import TrainCrossModalConfig
from dancegen.steps.train_cross_modal.tagger_training import (
    CATEGORY,
    PLAYBACK,
    PLAYBACKS,
    TEMPO,
    MusicTaggerTraining,
    play,
    questions,
)
from dancegen.training.batch import Batch

CATEGORIES = ("kpop", "ballet", "popping")
SECONDS = 4
SMALL = {"channels": [8, 8, 16, 16], "hidden": 16, "layers": 1}


def settings(**training):
    return TrainCrossModalConfig.model_validate({"tagger": SMALL, "tagger_training": training})


def music(sound, category, bpm):
    """A batch of clips that are all sound."""
    audio = torch.as_tensor(sound, dtype=torch.float32).unflatten(1, (-1, 1600))
    clips, frames = audio.shape[:2]
    rest = [torch.zeros(clips, frames, len(RHYTHM_CHANNELS)), torch.zeros(clips, frames, 18, 2)]
    names = tuple(str(number) for number in range(clips))
    batch = Batch(audio, *rest, torch.ones(clips, frames, 18))
    return MusicBatch(batch, names, names, torch.as_tensor(category), torch.as_tensor(bpm, dtype=torch.float32))


def corpus(seeds):
    """Pieces of synthetic songs of three categories."""
    sounds, categories, tempos = [], [], []
    for number, category in enumerate(CATEGORIES):
        for seed in seeds:
            structure = compose(category, seed, 8.5)
            sound = synthesize(structure, 16_000)
            for start in range(0, len(sound) - SECONDS * 16_000 + 1, SECONDS * 16_000):
                sounds.append(0.3 * sound[start : start + SECONDS * 16_000])
                categories.append(number)
                tempos.append(structure.bpm)
    return music(np.stack(sounds), categories, tempos)


def part(batch, chosen):
    clips = Batch(*(getattr(batch.clips, name)[chosen] for name in ("audio", "rhythm", "pose", "mask")))
    ids = tuple(batch.ids[number] for number in chosen.tolist())
    return MusicBatch(clips, ids, ids, batch.category[chosen], batch.tempo_bpm[chosen])


def test_the_category_of_held_out_songs_is_heard_after_a_short_training():
    songs = corpus(range(4))
    training = MusicTaggerTraining(settings(learning_rate=5e-3), categories=3, updates=60)
    order = torch.Generator().manual_seed(0)
    for _ in range(60):
        training.step(part(songs, torch.randperm(len(songs.ids), generator=order)[:12]))
    heldout = corpus(range(20, 24))
    with torch.no_grad():
        said = training.network.eval()(heldout.sound)[CATEGORY].argmax(dim=1)
    share = (said == heldout.category).float().mean()
    assert share > 0.6, f"{share:.2f}, and chance is 1/3"
    assert training.validate(heldout, 0).keys() == {"loss", CATEGORY, TEMPO, PLAYBACK}


def test_with_one_category_there_is_no_question_of_it():
    config = settings().tagger_training
    assert questions(config, 1) == {TEMPO: 4, PLAYBACK: 4}
    assert questions(config, 3) == {CATEGORY: 3, TEMPO: 4, PLAYBACK: 4}
    training = MusicTaggerTraining(settings(), categories=1, updates=1)
    assert CATEGORY not in training.step(music(torch.randn(4, 16_000), [0, 0, 0, 0], [100.0] * 4))


def test_a_faster_record_is_higher_and_its_tempo_too():
    config = settings(changed_share=1.0, speed=1.5, speed_jitter=0.0).tagger_training
    tone = torch.sin(2 * math.pi * 400 * torch.arange(32_000) / 16_000)
    torch.manual_seed(0)
    played = play(music(tone.repeat(60, 1), [0] * 60, [100.0] * 60), config)
    loudest = torch.fft.rfft(played.audio).abs().argmax(dim=1) * 16_000 / played.audio.shape[1]
    for label, hz, tempo in (("backward", 400, 1), ("faster", 600, 3), ("slower", 400 / 1.5, 0)):
        asked = played.labels[PLAYBACK] == PLAYBACKS.index(label)
        assert asked.any()
        assert torch.allclose(loudest[asked], torch.tensor(float(hz)), atol=2)
        assert (played.labels[TEMPO][asked] == tempo).all()


def test_a_record_played_backward_is_the_same_sound_from_its_end():
    config = settings(changed_share=1.0, speed_jitter=0.0).tagger_training
    torch.manual_seed(0)
    played = play(music(torch.arange(16_000.0).repeat(40, 1) / 16_000, [0] * 40, [math.nan] * 40), config)
    backward = played.labels[PLAYBACK] == PLAYBACKS.index("backward")
    assert (played.audio[backward].diff(dim=1) < 0).all()
    assert (played.audio[~backward].diff(dim=1) > 0).all()
    assert (played.labels[TEMPO] == -1).all()


@pytest.mark.parametrize("bpm", [70.0, 100.0, 150.0])
def test_the_tempo_is_read_from_the_phase_of_the_beat(bpm):
    turns = 2 * np.pi * np.arange(50) / 10 * bpm / 60
    rhythm = np.zeros((50, len(RHYTHM_CHANNELS)), dtype=np.float32)
    rhythm[:, 1], rhythm[:, 2] = np.sin(turns), np.cos(turns)
    assert phase_tempo(rhythm, 10.0) == pytest.approx(bpm, rel=1e-3)
    assert math.isnan(phase_tempo(np.zeros_like(rhythm), 10.0))


@pytest.mark.parametrize("samples", [1, 800, 40_000])
def test_any_length_is_heard_and_clips_do_not_hear_one_another(samples):
    tagger = MusicTagger(MusicTaggerConfig(), {PLAYBACK: 4}).eval()
    sound = torch.randn(3, samples)
    heard = tagger.embed(sound)
    assert heard.shape == (3, 32)
    assert heard.isfinite().all()
    assert torch.allclose(tagger.embed(sound[[2, 0, 1]]), heard[[2, 0, 1]], atol=1e-5)


def test_a_stopped_training_goes_on_to_the_bit():
    songs = music(torch.randn(4, 16_000), [0, 1, 0, 1], [80.0, 100.0, 120.0, 140.0])
    straight, stopped, resumed = (MusicTaggerTraining(settings(), 2, 4) for _ in range(3))
    for _ in range(4):
        straight.step(songs)
    for _ in range(2):
        stopped.step(songs)
    resumed.load(stopped.state())
    for _ in range(2):
        resumed.step(songs)
    for name, value in straight.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
