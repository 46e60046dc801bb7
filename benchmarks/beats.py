"""Beat tracking: dancegen, its two networks alone, and librosa, on songs whose beats are known.

    python benchmarks/beats.py [--only GROUP] [--each] [--songs FILE]
    python benchmarks/beats.py --named | --hours 2

The groups are clean drums, genres (unseen seeds of the songs that the network is trained on), changes of tempo, sets of
songs, recordings, metres, and songs of the corpus. Annotated songs come from ../shared/media/beats where it exists.
F (at 70 ms), CMLt and AMLt are those of mir_eval. The column `counted F` compares the beats that a dance counts: of the
found beats and of the true ones. `--songs` writes the songs to a file and stops, to measure another release with them.
`--named` prints the tempo of files that have it in their name, found and counted. `--hours` tracks one set of songs of
that length, and prints processor time and peak memory.
"""

import argparse
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mir_eval import beat as metrics
from scipy import signal

from dancegen.corpus.music.grooves import GROOVES
from dancegen.corpus.music.practice import chatter, noise, practice_song
from dancegen.corpus.music.songs import RATE, synthesize
from dancegen.corpus.music.sounds import DRUMS
from dancegen.corpus.structure import CATEGORIES, compose
from dancegen.media import audio
from dancegen.media.audio import SAMPLE_RATE
from dancegen.music import beat_network, beatnet
from dancegen.music.beats import decode, hear
from dancegen.music.counting import count
from dancegen.music.spectrum import bands_db

MEDIA = Path(__file__).parents[2] / "shared" / "media"
ANNOTATED = MEDIA / "beats"
NAMED = {
    "songs/audiocraft__CJ_Beatbox_Loop_05_90.wav": 90,
    "videos/drawn/gHO_sBM_cAll_d20_mHO5_ch01_music.mp4": 135,
    "videos/drawn/gKR_sBM_cAll_d28_mKR2_ch01_music.mp4": 100,
    "videos/drawn/gPO_sBM_cAll_d10_mPO1_ch01_music.mp4": 90,
}
"""Names of AIST music end with a number for the tempo."""
TEMPI = (50, 60, 70, 84, 90, 100, 110, 120, 130, 140, 150, 165, 174, 180, 190, 200)
HATS = {"quarter": (0.0,), "eighth": (0.0, 0.5), "sixteenth": (0.0, 0.25, 0.5, 0.75)}
DRUM_SECONDS, SECONDS = 20.0, 30.0
UNSEEN = 900_000_000  # seeds that training does not use

Heard = tuple[np.ndarray, np.ndarray]
"""Times of beats and downbeats."""


class Song(NamedTuple):
    """A song with its annotation."""

    group: str
    name: str
    samples: np.ndarray
    beats: np.ndarray
    downbeats: np.ndarray


def main() -> None:
    """Print a line per group and method."""
    options = argparse.ArgumentParser()
    options.add_argument("--only")
    options.add_argument("--songs", type=Path)
    options.add_argument("--each", action="store_true")
    options.add_argument("--named", action="store_true")
    options.add_argument("--hours", type=float)
    given = options.parse_args()
    if given.named:
        return named()
    if given.hours:
        return long_set(given.hours)
    found = [song for song in songs() if given.only in (None, song.group)]
    if given.songs:
        np.savez(given.songs, songs=np.array([song._asdict() for song in found], dtype=object))
        return
    methods: dict[str, Callable[[np.ndarray], Heard]] = {
        **{"dancegen": ours, "our network alone": one_network(0), "BeatNet alone": one_network(1)},
        "librosa": librosas,
    }
    print(
        "| group | songs | method | F | CMLt | AMLt | counted F | downbeat F | s per minute |\n"
        "|---|---|---|---|---|---|---|---|---|"
    )
    for group in dict.fromkeys(song.group for song in found):
        for name, method in methods.items():
            print(line(group, name, [song for song in found if song.group == group], method, given.each), flush=True)


def named() -> None:
    """Print the tempi of files whose names tell it."""
    print("| file | tempo in its name | found | counted | clarity |\n|---|---|---|---|---|")
    for path, bpm in NAMED.items():
        if (MEDIA / path).exists():
            heard = hear(audio.load(MEDIA / path, path))
            print(f"| {path} | {bpm} | {heard.bpm:.1f} | {heard.counted_bpm:.1f} | {heard.confidence:.2f} |")


def long_set(hours: float) -> None:
    """Print what one long set of songs costs."""
    parts, seconds = [], 0.0
    while seconds < 3600 * hours:
        made = practice_song(UNSEEN + 5000 + len(parts), 240.0, SAMPLE_RATE)
        parts.append((seconds, made))
        seconds += 240.0
    samples = np.concatenate([made.samples for _, made in parts])
    beats = np.concatenate([start + made.beats for start, made in parts])
    hear(samples[: 30 * SAMPLE_RATE])  # the first song loads
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    heard = hear(samples)
    spent = time.process_time() - started
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
    score = metrics.f_measure(beats, heard.beats_s)
    print(f"{seconds / 3600:.1f} hours, {len(parts)} songs: F {score:.2f}")
    print(f"{spent:.0f} s, {seconds / spent:.0f} times real time")
    print(f"peak memory {before / 1e3:.0f} MB before, {more:.0f} MB more")


def line(group: str, name: str, chosen: list[Song], method: Callable[[np.ndarray], Heard], each: bool) -> str:
    """Mean scores of a method on the songs of a group."""
    method(chosen[0].samples)  # the first song loads
    rows, started = [], time.process_time()
    heard = [method(song.samples) for song in chosen]
    minutes = sum(len(song.samples) for song in chosen) / SAMPLE_RATE / 60
    cost = (time.process_time() - started) / minutes
    rows = [scores(song, *one) for song, one in zip(chosen, heard, strict=True)]
    if each:
        for song, row in zip(chosen, rows, strict=True):
            print(f"    {song.name:28} {name:9}", "  ".join(f"{value:.2f}" for value in row))
    return (
        f"| {group} | {len(chosen)} | {name} | "
        + " | ".join(f"{value:.2f}" for value in (*np.nanmean(rows, axis=0), cost))
        + " |"
    )


def scores(song: Song, beats: np.ndarray, downbeats: np.ndarray) -> tuple[float, ...]:
    """F, CMLt, AMLt and counted F of the beats, F of the downbeats (NaN where none are annotated)."""
    continuity = metrics.continuity(song.beats, beats) if len(beats) > 1 else (0.0, 0.0, 0.0, 0.0)
    bars = metrics.f_measure(song.downbeats, downbeats) if len(song.downbeats) else np.nan
    counted = metrics.f_measure(_counted(song.beats, song.downbeats), _counted(beats, downbeats))
    return metrics.f_measure(song.beats, beats), continuity[1], continuity[3], counted, bars


def _counted(beats: np.ndarray, downbeats: np.ndarray) -> np.ndarray:
    """The beats that a dance counts, given those of a song; without downbeats, every fourth beat is taken for one."""
    if len(beats) < 2:
        return beats
    bars = (
        np.flatnonzero(np.isin(beats.round(3), downbeats.round(3))) if len(downbeats) else np.arange(0, len(beats), 4)
    )
    if not len(bars):
        bars = np.arange(0, len(beats), 4)
    meter = int(np.median(np.diff(bars))) if len(bars) > 1 else 4
    meter = meter if meter in (2, 3) else 4
    positions = (
        np.arange(len(beats)) - bars[np.maximum(np.searchsorted(bars, np.arange(len(beats)), "right") - 1, 0)]
    ) % meter
    return count(beats, positions, np.full(len(beats), meter), np.full(len(beats), meter == 2)).beat_times()


def ours(samples: np.ndarray) -> Heard:
    """This release."""
    heard = hear(samples)
    return heard.beats_s, heard.downbeats_s


def librosas(samples: np.ndarray) -> Heard:
    """librosa's beat tracker, which finds no downbeats."""
    from librosa.beat import beat_track

    return beat_track(y=samples, sr=SAMPLE_RATE, units="time")[1], np.zeros(0)


def one_network(share: float) -> Callable[[np.ndarray], Heard]:
    """One of the two networks of this release with its decoder: BeatNet for `share` 1, our own for 0."""

    def method(samples: np.ndarray) -> Heard:
        bands = bands_db(samples)
        found = np.full((-(-len(bands) // 2), 3), -3.0, dtype=np.float32)
        if share:
            recorded = beatnet.activations(audio.normalize_loudness(samples))[: len(found)]
            found[: len(recorded), :2] = recorded
        else:
            found = beat_network.activations(bands)
        heard = decode(found)
        return heard.beats_s, heard.downbeats_s

    return method


def songs() -> Iterator[Song]:
    """All songs of the benchmark."""
    yield from _clean_drums()
    yield from _genres()
    yield from _changes()
    yield from _recordings()
    yield from _metres()
    for category in CATEGORIES:
        for number in range(4):
            structure = compose(category, UNSEEN + number, SECONDS)
            samples = signal.resample_poly(synthesize(structure), SAMPLE_RATE, RATE).astype(np.float32)
            yield Song("corpus", structure.song, samples, structure.beats, structure.downbeats)
    if ANNOTATED.is_dir():
        for name, annotation in (
            ("gtzan_country.00000.wav", "gtzan_country.00000.beats"),
            ("mirdata__Media-105901.wav", "Media-105901.beats"),
        ):
            rows = np.loadtxt(ANNOTATED / annotation, ndmin=2)
            downbeats = rows[rows[:, 1] == 1, 0] if rows.shape[1] > 1 else np.zeros(0)
            yield Song("annotated", name, audio.load(ANNOTATED / name, name), rows[:, 0], downbeats)


def _clean_drums() -> Iterator[Song]:
    for bpm in TEMPI:
        for hats, offsets in HATS.items():
            for snare in (True, False):
                beats = 0.3 + np.arange(0, DRUM_SECONDS - 1, 60 / bpm)
                samples = _drums(beats, DRUM_SECONDS, 60 / bpm, offsets, snare)
                name = f"{bpm} {hats} {'snare' if snare else 'kick'}"
                yield Song("clean drums", name, samples, beats, beats[::4] if snare else np.zeros(0))


def _drums(beats: np.ndarray, seconds: float, beat_s: float, offsets: tuple[float, ...], snare: bool) -> np.ndarray:
    """Kick and hats; with a snare on 2 and 4, a kick on 1 and 3 and before 1. `beat_s` may be an array."""
    rng = np.random.default_rng(5)
    kit = {name: DRUMS[name](SAMPLE_RATE, rng) for name in ("kick", "snare", "hat")}
    track = np.zeros(round((seconds + 3) * SAMPLE_RATE), np.float32)
    spans = np.broadcast_to(beat_s, beats.shape)

    def strike(drum: str, at: float, gain: float) -> None:
        start = round(at * SAMPLE_RATE)
        track[start : start + len(kit[drum])] += gain * kit[drum]

    for number, (beat, span) in enumerate(zip(beats, spans, strict=True)):
        strike("snare" if snare and number % 2 else "kick", beat, 0.6 + 0.15 * (number % 4 == 0))
        if snare and number % 4 == 2:
            strike("kick", beat + 0.5 * span, 0.4)
        for offset in offsets:
            strike("hat", beat + offset * span, 0.2)
    return track[: round(seconds * SAMPLE_RATE)]


def _genres() -> Iterator[Song]:
    for number, groove in enumerate(GROOVES):
        made = practice_song(UNSEEN + number, SECONDS, SAMPLE_RATE, groove)
        yield Song("genres", groove, made.samples, made.beats, made.downbeats)


def _changes() -> Iterator[Song]:
    curves = {
        "96 then 132": [96] * 48 + [132] * 66,
        "174 then 80": [174] * 87 + [80] * 40,
        "rise 90 to 140": np.linspace(90, 140, 110),
        "fall 150 to 100": np.linspace(150, 100, 120),
        "drift": 110 + 10 * np.sin(np.arange(110) / 9),
        "waves": 95 * 2 ** (0.15 * np.sin(np.arange(90) / 5)),
    }
    for name, bpm in curves.items():
        spans = 60 / np.asarray(bpm, dtype=float)
        beats = 0.5 + np.concatenate([[0.0], np.cumsum(spans)[:-1]])
        seconds = float(beats[-1] + spans[-1])
        yield Song("changes", name, _drums(beats, seconds, spans, HATS["eighth"], True), beats, beats[::4])
    for number in range(6):
        yield _set(number)


def _set(number: int) -> Song:
    """Three songs with silence, speech and noise between them."""
    rng = np.random.default_rng([UNSEEN, number])
    pieces, beats, downbeats, at = [], [], [], 0.0
    for part in range(3):
        song = practice_song(UNSEEN + 1000 + 3 * number + part, 25.0, SAMPLE_RATE)
        between = (np.zeros(4 * SAMPLE_RATE, np.float32), chatter(rng, 8.0, SAMPLE_RATE), noise(rng, 4.0, SAMPLE_RATE))[
            part
        ]
        pieces += [song.samples, 0.1 * between]
        beats.append(at + song.beats)
        downbeats.append(at + song.downbeats)
        at += (len(song.samples) + len(between)) / SAMPLE_RATE
    return Song("sets", f"set {number}", np.concatenate(pieces), np.concatenate(beats), np.concatenate(downbeats))


def _recordings() -> Iterator[Song]:
    beats = 0.3 + np.arange(0, 29, 60 / 112)
    clean = _drums(beats, SECONDS, 60 / 112, HATS["eighth"], True)
    rng = np.random.default_rng(6)
    low = signal.sosfilt(signal.butter(4, 300, "lowpass", fs=SAMPLE_RATE, output="sos"), clean)
    high = signal.sosfilt(signal.butter(4, 2500, "highpass", fs=SAMPLE_RATE, output="sos"), clean)
    kinds = {
        "quiet": 0.003 * clean,
        "low-pass 300 Hz": low,
        "high-pass 2.5 kHz": high,
        "offset": clean + 0.3,
        "noise 10 dB": clean + 0.03 * rng.standard_normal(len(clean)),
        "speech": clean + 0.15 * chatter(rng, SECONDS, SAMPLE_RATE)[: len(clean)],
        "clipped": np.clip(8 * clean, -0.9, 0.9),
    }
    for name, samples in kinds.items():
        yield Song("recordings", name, samples.astype(np.float32), beats, beats[::4])
    intro = np.concatenate([np.zeros(40 * SAMPLE_RATE, np.float32), clean])
    yield Song("recordings", "40 s of silence before", intro, beats + 40, beats[::4] + 40)


def _metres() -> Iterator[Song]:
    for groove in ("waltz", "slow_waltz", "jazz_waltz", "six_eight", "six_eight_pushed", "jig"):
        low, high = GROOVES[groove].bpm
        for number, bpm in enumerate(np.linspace(low + 3, high - 3, 3)):
            made = practice_song(UNSEEN + 500 + number, SECONDS, SAMPLE_RATE, groove, float(bpm))
            yield Song("metres", f"{groove} {bpm:.0f}", made.samples, made.beats, made.downbeats)


if __name__ == "__main__":
    main()
