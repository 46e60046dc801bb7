"""Songs on which beat tracking is trained: any groove, tempo and accompaniment, with known beats.

They need not be pleasant. Each draws its groove, tempo curve, kit, instruments, density and recording at random,
so that the beat is what they have in common.

Axes used in shapes:
    N beats
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float32, Float64
from scipy import signal

from dancegen.corpus.music.grooves import CLICKS, GROOVES, Groove
from dancegen.corpus.music.harmony import MAJOR, MINOR, Key
from dancegen.corpus.music.sounds import DRUMS, PERCUSSION, TIMBRES, note, riser

SLOWEST_BPM, FASTEST_BPM = 48.0, 205.0
SECTION_BARS = (2, 4, 4, 8)
HATS = ("9...9...9...9...", "9.6.9.6.9.6.9.6.", "..9...9...9...9.", "9565956595659565", "9...6...9...6...", "")
PLUCKED = ("piano", "pizzicato", "celesta", "pluck", "clavinet", "slap", "bass")
HELD = ("strings", "pad", "lead", "voice", "brass")
CHORDS = (0, 3, 4, 5, 1, 2)

SOLOISTS = ("piano", "piano", "pluck", "pizzicato", "celesta", "clavinet", "strings")

Ensemble = Literal["band", "drums", "solo"]
Samples = Float32[np.ndarray, " _"]


@dataclass(frozen=True)
class PracticeSong:
    """The audio of a song, mono in [-1, 1], and its annotation."""

    samples: Samples
    beats: Float64[np.ndarray, " N"]
    """Times of the beats in seconds; of a compound metre, of its dotted beats."""
    downbeats: Float64[np.ndarray, " _"]
    """Times of the first beat of each bar in seconds."""
    triple: bool
    """Whether a beat divides into three, as in 6/8 and in swing."""


def practice_song(
    seed: int,
    seconds: float,
    rate: int,
    groove: str | None = None,
    bpm: float | None = None,
    ensemble: Ensemble = "band",
) -> PracticeSong:
    """A song of this length; deterministic for its arguments. Groove and tempo are drawn where they are not given.

    A band plays with or without drums, `drums` play alone, and a `solo` is one instrument with two hands.
    """
    rng = np.random.default_rng([seed, 77])
    name = groove or str(rng.choice(list(GROOVES)))
    chosen = (GROOVES | CLICKS)[name]
    curve = _tempo_curve(rng, bpm or _usual_bpm(rng, chosen), seconds, steady=bpm is not None)
    player = _Player(rng, chosen, curve, round(seconds * rate), rate, ensemble)
    player.play()
    beats = curve[(curve >= 0) & (curve < seconds - 0.05)]
    first = int(np.searchsorted(curve, 0.0))
    downbeats = beats[(-first) % chosen.beats :: chosen.beats]
    return PracticeSong(_recorded(rng, player.mixed(), rate), beats, downbeats, chosen.steps == 3)


def chatter(rng: np.random.Generator, seconds: float, rate: int) -> Samples:
    """Syllables of a voice-like tone with pauses, without a beat."""
    count = round(seconds * rate)
    sound = np.zeros(count + rate, np.float32)
    at = float(rng.uniform(0, 1))
    hz = float(rng.uniform(90, 260))
    while at < seconds:
        length = float(rng.uniform(0.06, 0.35))
        time = np.arange(int(length * rate)) / rate
        glide = hz * 2 ** float(rng.uniform(-0.3, 0.3)) * (1 + float(rng.uniform(-0.4, 0.4)) * time / length)
        phase = 2 * np.pi * np.cumsum(glide) / rate
        tone = sum(rng.uniform(0.1, 1) * np.sin(n * phase) for n in range(1, int(rng.integers(3, 16))))
        breath = rng.standard_normal(len(time)) * rng.uniform(0, 1.5)
        syllable = (tone + breath) * np.sin(np.pi * time / length) ** float(rng.uniform(0.3, 1.5))
        start = int(at * rate)
        sound[start : start + len(time)] += syllable[: len(sound) - start].astype(np.float32)
        at += length * float(rng.uniform(0.7, 1.6)) + (float(rng.uniform(0.3, 1.2)) if rng.random() < 0.15 else 0.0)
    return _normal(sound[:count])


def noise(rng: np.random.Generator, seconds: float, rate: int) -> Samples:
    """Coloured noise whose level varies slowly, as that of a crowd."""
    white = rng.standard_normal(round(seconds * rate))
    low = float(rng.uniform(30, 2000))
    band = signal.butter(1, (low, min(low * float(rng.uniform(2, 60)), 0.45 * rate)), "bandpass", fs=rate, output="sos")
    steps = np.arange(0, seconds + 2)
    level = np.interp(np.arange(len(white)) / rate, steps, rng.uniform(0.3, 1, len(steps)))
    return _normal((signal.sosfilt(band, white) * level).astype(np.float32))


def _usual_bpm(rng: np.random.Generator, groove: Groove) -> float:
    low, high = (np.log(bpm) for bpm in groove.bpm)
    room = 0.12 * rng.normal()
    return float(np.clip(np.exp(rng.uniform(low, high) + room * (rng.random() < 0.4)), SLOWEST_BPM, FASTEST_BPM))


def _tempo_curve(rng: np.random.Generator, bpm: float, seconds: float, steady: bool) -> Float64[np.ndarray, " N"]:
    """Times of the beats, from before the start to after the end."""
    count = int(seconds * FASTEST_BPM / 60) + 12
    kind = 1.0 if steady else rng.random()
    speed = np.full(count, np.log(bpm))
    if kind < 0.2:  # a live band
        speed += np.cumsum(rng.normal(0, 0.004, count)) + rng.normal(0, 0.006, count)
    elif kind < 0.32:  # a ramp
        ramp = np.clip((np.arange(count) / (seconds * bpm / 60) - rng.uniform(0, 0.4)) / rng.uniform(0.2, 0.8), 0, 1)
        speed += ramp * rng.uniform(-0.5, 0.5)
    elif kind < 0.38:  # two tempi
        speed[int(seconds * bpm / 60 * rng.uniform(0.3, 0.7)) :] += rng.uniform(-0.4, 0.4)
    speed = np.clip(speed, np.log(SLOWEST_BPM), np.log(FASTEST_BPM))
    times = np.concatenate([[0.0], np.cumsum(60 / np.exp(speed))])
    return times - float(rng.uniform(0, 1.5)) * 60 / bpm


@dataclass
class _Player:
    """Plays a groove with bass, chords and a melody, section by section."""

    rng: np.random.Generator
    groove: Groove
    curve: Float64[np.ndarray, " N"]
    count: int
    rate: int
    ensemble: Ensemble
    notes: dict[tuple[str, int, float], Samples] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng = self.rng
        self.drums, self.music = np.zeros(self.count, np.float32), np.zeros(self.count, np.float32)
        self.kit = {name: self._tuned(drum(self.rate, rng)) for name, drum in (DRUMS | PERCUSSION).items()}
        self.key = Key(int(rng.integers(50, 67)), MAJOR if rng.random() < 0.5 else MINOR)
        self.swing = float(rng.uniform(0, 0.33)) if self.groove.steps == 4 and rng.random() < 0.2 else 0.0
        self.jitter_s = float(rng.uniform(0, 0.012)) if rng.random() < 0.5 else 0.0
        self.has_drums = rng.random() < 0.82
        self.parts = self._parts()
        self.tones = {
            part: str(rng.choice(PLUCKED if part in ("bass", "comp") else PLUCKED + HELD))
            for part in ("bass", "comp", "tune")
        }
        self.tones["pad"] = str(rng.choice(HELD))
        self.rhythms = self._rhythms()
        self.gains = {part: float(rng.uniform(0.1, 0.6)) for part in ("bass", "comp", "tune", "pad")}
        self.chords = [int(rng.choice(CHORDS)) for _ in range(4)]
        self.bars_a_chord = float(rng.choice([1, 1, 1, 2, 0.5])) if self.groove.beats == 4 else 1.0
        if self.ensemble == "drums":
            self.has_drums = rng.random() < 0.5  # fills and crashes
        if self.ensemble == "solo":
            self.has_drums, self.rhythms = False, self._two_hands()
            self.tones = dict.fromkeys(self.tones, str(rng.choice(SOLOISTS)))

    def play(self) -> None:
        """Play all bars."""
        rng, beats = self.rng, self.groove.beats
        bar, bars = 0, (len(self.curve) - 2) // beats
        while bar < bars:
            length = int(rng.choice(SECTION_BARS))
            layers = self._layers()
            for number in range(bar, min(bar + length, bars)):
                fills = number == bar + length - 1 and rng.random() < 0.5
                self._bar(number, layers, number == bar, fills)
            bar += length

    def mixed(self) -> Samples:
        """Drums and music."""
        both = self.drums * float(self.rng.uniform(0.5, 1.2)) + self.music * float(self.rng.uniform(0.4, 1.4))
        return _normal(both)

    def _parts(self) -> dict[str, str]:
        """The groove's patterns, with other hats and a different kick now and then."""
        rng, groove = self.rng, self.groove
        parts = dict(groove.parts)
        if groove.hats and groove.steps == 4 and groove.beats == 4 and rng.random() < 0.6:
            parts.pop("hat", None)
            parts[str(rng.choice(["hat", "hat", "shaker", "open_hat"]))] = str(rng.choice(HATS))
        if rng.random() < 0.3 and "kick" in parts:
            hits = np.array(list(parts["kick"]))
            weak = np.flatnonzero(np.arange(len(hits)) % (groove.steps * groove.beats) > 0)
            hits[weak] = np.where(rng.random(len(weak)) < 0.1, "6", hits[weak])
            hits[weak] = np.where(rng.random(len(weak)) < 0.15, ".", hits[weak])
            parts["kick"] = "".join(hits)
        share = 0.8 if self.ensemble == "drums" else 0.93
        kept = {drum: pattern for drum, pattern in parts.items() if drum == "kick" or rng.random() < share}
        return kept or parts

    def _rhythms(self) -> dict[str, list[float]]:
        """Onsets of bass, chords and melody within a bar, in beats."""
        beats, parts = self.groove.beats, self._parts_of_a_beat()
        every, split = self._grid()
        off = [beat + (parts - 1) / parts for beat in every]
        fine = [step / self.groove.steps for step in range(beats * self.groove.steps)]
        kick = [
            step / self.groove.steps
            for step, hit in enumerate(self.parts.get("kick", "9")[: beats * self.groove.steps])
            if hit != "."
        ]
        rng = self.rng

        def drawn(busy: float) -> list[float]:
            grid = split if rng.random() < 0.6 else fine
            return [at for at in grid if rng.random() < (busy if at % 1 else busy + 0.25)]

        bass = [[0.0], every, split, off, kick, [0.0, beats / 2], drawn(0.4)]
        comp = [every, every[1:], off, split, fine, drawn(0.35), drawn(0.5)]
        return {
            "bass": bass[int(rng.integers(len(bass)))],
            "comp": comp[int(rng.integers(len(comp)))],
            "tune": drawn(0.35),
        }

    def _grid(self) -> tuple[list[float], list[float]]:
        """The beats of a bar, and the parts into which they divide."""
        every, parts = [float(beat) for beat in range(self.groove.beats)], self._parts_of_a_beat()
        return every, [beat + step / parts for beat in every for step in range(parts)]

    def _parts_of_a_beat(self) -> int:
        return 3 if self.groove.steps == 3 else 2

    def _two_hands(self) -> dict[str, list[float]]:
        """Onsets of a soloist: bass and chords in turn, or a broken chord, under a melody."""
        rng, (on, split) = self.rng, self._grid()
        bass, chords = ([0.0], on[1:]) if self.groove.beats == 3 else (on[::2], on[1::2])
        if self._parts_of_a_beat() == 3:
            bass, chords = on, [onset for onset in split if onset % 1]
        broken = rng.random() < 0.4
        tune = [onset for onset in split if rng.random() < (0.4 if onset % 1 else 0.8)]
        return {"bass": [0.0] if broken else bass, "comp": split[1:] if broken else chords, "tune": tune}

    def _layers(self) -> set[str]:
        rng = self.rng
        if self.ensemble == "drums":
            return set(self.parts) if rng.random() < 0.75 else {str(rng.choice(list(self.parts)))}
        if self.ensemble == "solo":
            return {"bass", "comp"} | ({"tune"} if rng.random() < 0.7 else set())
        share = {"bass": 0.75, "comp": 0.6, "tune": 0.5, "pad": 0.5}
        if not self.has_drums:
            share = {"bass": 0.85, "comp": 0.85, "tune": 0.6, "pad": 0.4}
        layers = {part for part, chance in share.items() if rng.random() < chance}
        if self.has_drums and rng.random() < 0.88:
            layers |= set(self.parts) if rng.random() < 0.75 else {part for part in self.parts if rng.random() < 0.5}
        return layers or {"comp", "bass"}

    def _bar(self, bar: int, layers: set[str], starts: bool, fills: bool) -> None:
        rng, groove = self.rng, self.groove
        first, steps = bar * groove.beats, groove.beats * groove.steps
        for drum in (part for part in self.parts if part in layers):
            whole = self.parts[drum]
            pattern = whole[(bar * steps) % max(len(whole), 1) :][:steps]
            for step, hit in enumerate(pattern):
                if hit != "." and not (fills and step >= steps // 2 and drum != "kick"):
                    self._strike(drum, first + self._at(step), int(hit) / 9)
        if self.has_drums and starts and rng.random() < 0.4:
            self._strike("crash", first, float(rng.uniform(0.2, 0.6)))
        if self.has_drums and fills:
            self._fill(first, steps)
        for part in ("bass", "comp", "tune"):
            if part in layers:
                self._phrase(part, bar)
        if "pad" in layers:
            self._sound("pad", self._chord(bar, 0.0), first, groove.beats * 0.95)

    def _fill(self, first: int, steps: int) -> None:
        rng = self.rng
        drums = rng.choice(["snare", "high_tom", "mid_tom", "low_tom", "kick"], 3)
        for step in range(steps // 2, steps):
            if rng.random() < 0.75:
                self._strike(str(rng.choice(drums)), first + self._at(step), float(rng.uniform(0.3, 0.8)))
        if rng.random() < 0.2:
            length = float(self.curve[first + self.groove.beats] - self.curve[first])
            self._add(self.drums, riser(length, self.rate, rng), float(self.curve[first]), 0.2)

    def _phrase(self, part: str, bar: int) -> None:
        rng, first = self.rng, bar * self.groove.beats
        onsets = self.rhythms[part]
        for number, (onset, after) in enumerate(zip(onsets, [*onsets[1:], float(self.groove.beats)], strict=False)):
            if rng.random() < 0.06:
                continue
            chord = self._chord(bar, onset)
            if part == "bass":
                pitches = [36 + (chord[0] % 12) + (12 if rng.random() < 0.15 else 0)]
            elif part == "comp":
                pitches = chord if rng.random() < 0.5 else [chord[number % len(chord)] + 12]
            else:
                pitches = [self.key.pitch(int(rng.integers(0, 9))) + 12]
            self._sound(part, pitches, first + onset, min(after - onset, 2.0) * 0.9, onset == 0)

    def _chord(self, bar: int, onset: float) -> list[int]:
        half = 0.5 if onset >= self.groove.beats / 2 else 0.0
        degree = self.chords[int((bar + half) / self.bars_a_chord) % len(self.chords)]
        return self.key.chord(degree, 55)

    def _at(self, step: int) -> float:
        late = self.swing / self.groove.steps if step % 2 and self.swing else 0.0
        return step / self.groove.steps + late

    def _sound(self, part: str, pitches: list[int], beat: float, beats: float, strong: bool = False) -> None:
        start, end = self._seconds(beat), self._seconds(beat + beats)
        gain = self.gains[part] * float(self.rng.uniform(0.7, 1.1)) * (1.25 if strong else 1.0) / len(pitches) ** 0.5
        for midi in pitches:
            key = (self.tones[part], midi, max(0.1, round(end - start, 1)))
            if key not in self.notes:
                self.notes[key] = note(TIMBRES[key[0]], midi, key[2], self.rate)
            self._add(self.music, self.notes[key], start, gain)

    def _strike(self, drum: str, beat: float, gain: float) -> None:
        self._add(self.drums, self.kit[drum], self._seconds(beat), gain * float(self.rng.uniform(0.75, 1.1)))

    def _seconds(self, beat: float) -> float:
        return float(np.interp(beat, np.arange(len(self.curve)), self.curve))

    def _add(self, track: Samples, sound: Samples, seconds: float, gain: float) -> None:
        late = float(self.rng.normal(0, self.jitter_s)) if self.jitter_s else 0.0
        start = round((seconds + late) * self.rate)
        skipped = max(0, -start)
        part = sound[skipped : max(skipped, len(track) - start)]
        track[start + skipped : start + skipped + len(part)] += np.float32(gain) * part

    def _tuned(self, sound: Samples) -> Samples:
        """The drum played faster or slower, louder or softer, and damped."""
        speed, gain = float(self.rng.uniform(0.7, 1.4)), float(self.rng.uniform(0.3, 1.0))
        at = np.arange(0, len(sound) - 1, speed)
        damped = np.exp(-at / self.rate / self.rng.uniform(0.05, 1.0)) if self.rng.random() < 0.4 else 1.0
        return (gain * np.interp(at, np.arange(len(sound)), sound) * damped).astype(np.float32)


def _recorded(rng: np.random.Generator, sound: Samples, rate: int) -> Samples:
    """The song with a voice or noise over it, in a room, through an equalizer."""
    seconds = len(sound) / rate
    if rng.random() < 0.3:
        sound = sound + float(rng.uniform(0.2, 1.2)) * chatter(rng, seconds, rate)
    if rng.random() < 0.3:
        sound = sound + float(10 ** rng.uniform(-2, -0.2)) * noise(rng, seconds, rate)
    if rng.random() < 0.3:
        tail = rng.standard_normal(int(0.5 * rate)) * np.exp(
            -np.arange(int(0.5 * rate)) / rate / rng.uniform(0.03, 0.2)
        )
        sound = sound + float(rng.uniform(0.1, 0.8)) * _normal(signal.oaconvolve(sound, tail)[: len(sound)])
    if rng.random() < 0.35:
        kind, hz = ("lowpass", rng.uniform(800, 6000)) if rng.random() < 0.6 else ("highpass", rng.uniform(80, 500))
        sound = np.asarray(signal.sosfilt(signal.butter(1, hz, kind, fs=rate, output="sos"), sound))
    drive = float(rng.uniform(0.3, 3))
    return (np.tanh(drive * _normal(sound)) * float(rng.uniform(0.2, 0.9))).astype(np.float32)


def _normal(sound: np.ndarray) -> Samples:
    """Divided by its 99th percentile."""
    typical = float(np.percentile(np.abs(sound[:: max(1, len(sound) // 20_000)]), 99)) if len(sound) else 0.0
    return (sound / max(typical, 1e-6)).astype(np.float32)
