"""Synthesizers of drums, noise and notes; every sound starts and ends in silence."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64
from scipy import signal

Sound = Float32[np.ndarray, " S"]
Drum = Callable[[int, np.random.Generator], Sound]

ATTACK_S = 0.001
RELEASE_S = 0.01
VIBRATO_HZ = 5.5


@dataclass(frozen=True)
class Timbre:
    """Synthesis parameters of an instrument."""

    harmonics: tuple[float, ...]
    """Amplitudes of the harmonics, beginning with the fundamental."""
    attack_s: float
    decay_s: float
    """Decay time in seconds of a held note, to a third."""
    release_s: float
    damping: float = 0.0
    """Relative increase of the decay rate per harmonic."""
    detune_cents: float = 0.0
    """Detuning of two voices, for the effect of several players."""
    vibrato_cents: float = 0.0


def _falling(count: int, power: float) -> tuple[float, ...]:
    return tuple(float(n) ** -power for n in range(1, count + 1))


TIMBRES = {
    "piano": Timbre(_falling(9, 1.4), 0.004, 0.9, 0.12, damping=0.35),
    "strings": Timbre(_falling(10, 1.1), 0.07, 8.0, 0.25, detune_cents=9, vibrato_cents=12),
    "pizzicato": Timbre(_falling(7, 1.2), 0.003, 0.16, 0.05, damping=0.6),
    "celesta": Timbre((1.0, 0.1, 0.0, 0.5, 0.0, 0.0, 0.15), 0.002, 0.7, 0.3, damping=0.5),
    "pad": Timbre(_falling(7, 1.5), 0.04, 6.0, 0.15, detune_cents=14),
    "pluck": Timbre(_falling(10, 0.9), 0.003, 0.22, 0.05, damping=0.25, detune_cents=7),
    "lead": Timbre((1.0, 0.6, 0.7, 0.35, 0.4, 0.2, 0.2, 0.1), 0.012, 2.0, 0.06, detune_cents=10, vibrato_cents=10),
    "voice": Timbre((0.8, 1.0, 0.35, 0.2, 0.45, 0.3, 0.1, 0.05), 0.03, 3.0, 0.08, vibrato_cents=25),
    "bass": Timbre(_falling(8, 1.0), 0.004, 0.5, 0.03, damping=0.3),
    "slap": Timbre(_falling(12, 0.75), 0.002, 0.22, 0.02, damping=0.35),
    "clavinet": Timbre((1.0, 0.2, 0.8, 0.3, 0.6, 0.3, 0.45, 0.2, 0.3), 0.002, 0.14, 0.03, damping=0.2),
    "brass": Timbre(_falling(12, 0.7), 0.015, 0.8, 0.05, damping=0.05, detune_cents=12),
}


def note(timbre: Timbre, midi: float, seconds: float, rate: int) -> Sound:
    """A note of an instrument, with equal loudness at every pitch, and its release after `seconds`."""
    hz = 440.0 * 2 ** ((midi - 69) / 12)
    time = np.arange(int((seconds + timbre.release_s) * rate)) / rate
    sound = np.zeros(len(time))
    for cents in (-timbre.detune_cents / 2, timbre.detune_cents / 2) if timbre.detune_cents else (0.0,):
        sound += _voice(timbre, hz * 2 ** (cents / 1200), time, rate)
    rise = np.clip(time / timbre.attack_s, 0, 1)
    fall = np.clip((seconds + timbre.release_s - time) / timbre.release_s, 0, 1)
    envelope = np.sin(rise * np.pi / 2) ** 2 * np.sin(fall * np.pi / 2) ** 2
    return (sound * envelope / np.linalg.norm(timbre.harmonics)).astype(np.float32)


def _voice(timbre: Timbre, hz: float, time: Float64[np.ndarray, " S"], rate: int) -> Float64[np.ndarray, " S"]:
    swing = timbre.vibrato_cents / 1200 * np.log(2) * hz / VIBRATO_HZ  # phase deviation, in radians
    bend = swing * (1 - np.cos(2 * np.pi * VIBRATO_HZ * time))
    phase = 2 * np.pi * hz * time + bend
    # recurrence of sin(n x) from sin((n-1) x) and sin((n-2) x): one sine for all harmonics
    before, current, twice_cos = np.zeros_like(time), np.sin(phase), 2 * np.cos(phase)
    level, fade = np.exp(-time / timbre.decay_s), np.exp(-time * timbre.damping / timbre.decay_s)
    sound = np.zeros_like(time)
    for index, amplitude in enumerate(timbre.harmonics):
        if hz * (index + 1) > 0.45 * rate:
            break
        sound += amplitude * level * current
        before, current = current, twice_cos * current - before
        level = level * fade
    return sound


def _struck(sound: Float64[np.ndarray, " S"], rate: int) -> Sound:
    """A drum's sound with fades at both ends, and a peak of 1."""
    rise, fall = int(ATTACK_S * rate), int(RELEASE_S * rate)
    sound[:rise] *= np.linspace(0, 1, rise)
    sound[-fall:] *= np.linspace(1, 0, fall)
    return (sound / np.abs(sound).max()).astype(np.float32)


def _time(seconds: float, rate: int) -> Float64[np.ndarray, " S"]:
    return np.arange(int(seconds * rate)) / rate


def _noise(
    seconds: float, low_hz: float, high_hz: float, rate: int, rng: np.random.Generator
) -> Float64[np.ndarray, " S"]:
    bounds = (low_hz, min(high_hz, 0.48 * rate))
    filtered = signal.butter(2, bounds, "bandpass", fs=rate, output="sos")
    return np.asarray(signal.sosfilt(filtered, rng.standard_normal(int(seconds * rate))))


def _drop(hz: float, from_hz: float, drop_s: float, decay_s: float, rate: int) -> Float64[np.ndarray, " S"]:
    """A drumhead: a decaying tone with falling pitch."""
    time = _time(6 * decay_s, rate)
    frequency = hz + (from_hz - hz) * np.exp(-time / drop_s)
    return np.sin(2 * np.pi * np.cumsum(frequency) / rate) * np.exp(-time / decay_s)


def _kick(rate: int, rng: np.random.Generator) -> Sound:
    body = _drop(float(rng.uniform(46, 56)), 220.0, 0.025, 0.1, rate)
    click = _noise(0.01, 1500, 7000, rate, rng)
    body[: len(click)] += 0.3 * click * np.linspace(1, 0, len(click))
    return _struck(body, rate)


def _snare(rate: int, rng: np.random.Generator) -> Sound:
    time = _time(0.3, rate)
    skin = np.sin(2 * np.pi * float(rng.uniform(170, 210)) * time) * np.exp(-time / 0.05)
    wires = _noise(0.3, 1200, 9000, rate, rng) * np.exp(-time / 0.07)
    return _struck(0.7 * skin + 0.9 * wires, rate)


def _clap(rate: int, rng: np.random.Generator) -> Sound:
    time = _time(0.25, rate)
    hands = sum(np.exp(-np.abs(time - at) / 0.004) * (time >= at) for at in (0.0, 0.009, 0.018))
    return _struck(_noise(0.25, 900, 4500, rate, rng) * (hands + 0.6 * np.exp(-time / 0.05)), rate)


def _hat(rate: int, rng: np.random.Generator) -> Sound:
    return _struck(_noise(0.12, 6500, 15000, rate, rng) * np.exp(-_time(0.12, rate) / 0.02), rate)


def _open_hat(rate: int, rng: np.random.Generator) -> Sound:
    return _struck(_noise(0.4, 6000, 15000, rate, rng) * np.exp(-_time(0.4, rate) / 0.1), rate)


def _crash(rate: int, rng: np.random.Generator) -> Sound:
    return _struck(_noise(2.5, 2500, 15000, rate, rng) * np.exp(-_time(2.5, rate) / 0.55), rate)


def _swell(rate: int, rng: np.random.Generator) -> Sound:
    time = _time(2.5, rate)
    return _struck(_noise(2.5, 1500, 9000, rate, rng) * np.exp(-time / 0.6) * (1 - np.exp(-time / 0.02)), rate)


def _tom(hz: float) -> Drum:
    return lambda rate, rng: _struck(_drop(hz, 2 * hz, 0.04, 0.14, rate), rate)


def _timpani(rate: int, rng: np.random.Generator) -> Sound:
    return _struck(_drop(65.0, 80.0, 0.02, 0.35, rate) + 0.4 * _drop(98.0, 110.0, 0.02, 0.35, rate), rate)


DRUMS: dict[str, Drum] = {
    "kick": _kick,
    "snare": _snare,
    "clap": _clap,
    "hat": _hat,
    "open_hat": _open_hat,
    "crash": _crash,
    "swell": _swell,
    "high_tom": _tom(165.0),
    "mid_tom": _tom(125.0),
    "low_tom": _tom(90.0),
    "timpani": _timpani,
}


def _rim(rate: int, rng: np.random.Generator) -> Sound:
    time = _time(0.06, rate)
    wood = np.sin(2 * np.pi * float(rng.uniform(700, 1900)) * time) * np.exp(-time / 0.012)
    return _struck(wood + 0.4 * _noise(0.06, 1500, 7000, rate, rng) * np.exp(-time / 0.004), rate)


def _shaker(rate: int, rng: np.random.Generator) -> Sound:
    time = _time(0.12, rate)
    return _struck(_noise(0.12, 4000, 7500, rate, rng) * np.exp(-time / 0.03) * (1 - np.exp(-time / 0.012)), rate)


PERCUSSION: dict[str, Drum] = {"rim": _rim, "shaker": _shaker}
"""Drums of practice songs beside DRUMS. A drum added to DRUMS would change the random numbers of every song."""


def riser(seconds: float, rate: int, rng: np.random.Generator) -> Sound:
    """Riser: noise and a gliding tone that increase until `seconds`."""
    progress = _time(seconds, rate) / seconds
    glide = np.sin(2 * np.pi * np.cumsum(220.0 * 2 ** (2.5 * progress)) / rate)
    return _struck((_noise(seconds, 800, 9000, rate, rng) + 0.4 * glide) * progress**2, rate)


def room(seconds: float, rate: int, rng: np.random.Generator) -> Sound:
    """Impulse response of a room, without the direct sound."""
    time = _time(seconds, rate)
    echo = _noise(seconds, 200, 5000, rate, rng) * np.exp(-5 * time / seconds) * np.clip(time / 0.015, 0, 1)
    return (echo / np.linalg.norm(echo)).astype(np.float32)
