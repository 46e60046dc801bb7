"""What training hears: equalised sounds, and for free clips songs that nobody has danced to."""

import math

import torch

from dancegen.gan.settings import PAPER, DanceModelConfig
from dancegen.steps.train_dance.noise import TONE_BANDS, StepNoise, equalize
from dancegen.steps.train_dance.training import DanceTraining

TIMES = torch.arange(50 * 1600) / 16_000
PITCHES_HZ = (110.0, 440.0, 1760.0, 3520.0)


def tones():
    """Four clips, each with a pitch of its own."""
    return torch.stack([0.1 * torch.sin(2 * math.pi * hertz * TIMES) for hertz in PITCHES_HZ]).view(4, 50, 1600)


def draws(tone, free):
    nothing = torch.zeros(4)
    return StepNoise(
        noise=torch.zeros(4, 50, 10),
        code=torch.zeros(4, 10),
        free=torch.tensor(free),
        seeded=nothing,
        between=nothing,
        tone=torch.full((4, TONE_BANDS), tone),
        style=nothing,
    )


def heard(config, *drawn):
    config = config.model_copy(update={"losses": config.losses.model_copy(update={"perceptual": 0.0})})
    return DanceTraining(config, seed=0)._heard(tones(), draws(*drawn))


def pitches(sounds):
    """For each clip, which of the pitches are in it."""
    spectrum = torch.fft.rfft(sounds.flatten(1)).abs()
    found = spectrum[:, [round(hertz * 5) for hertz in PITCHES_HZ]]
    return (found > 0.1 * found.amax(dim=1, keepdim=True)).tolist()


def test_an_equaliser_leaves_each_clip_as_loud_as_it_was():
    sound = 0.1 * torch.randn(3, 20, 1600, generator=torch.Generator().manual_seed(0))
    changed = equalize(sound, 12 * torch.randn(3, TONE_BANDS, generator=torch.Generator().manual_seed(1)))
    assert torch.allclose(changed.square().mean(dim=(1, 2)), sound.square().mean(dim=(1, 2)), rtol=1e-4)
    assert not torch.allclose(changed, sound, atol=0.01)
    assert torch.isfinite(equalize(torch.zeros(1, 2, 1600), torch.ones(1, TONE_BANDS))).all()


def test_an_equaliser_raises_the_bands_that_it_is_told_to():
    both = tones()[:1] + tones()[3:]
    gains = torch.linspace(-12, 12, TONE_BANDS)[None]
    low, high = torch.fft.rfft(equalize(both, gains).flatten(1)).abs()[0, [550, 17600]]
    assert high > 5 * low


def test_free_clips_have_anothers_sound_in_theirs_and_the_others_hear_their_own():
    sounds = pitches(heard(DanceModelConfig(), 0.0, [0.1, 0.9, 0.9, 0.9]))
    assert sounds == [
        [True, False, True, False],
        [False, True, False, False],
        [False, False, True, False],
        [False, False, False, True],
    ]


def test_the_published_recipe_hears_sounds_as_they_are():
    assert torch.equal(heard(PAPER, 1.0, [0.1, 0.1, 0.1, 0.1]), tones())
