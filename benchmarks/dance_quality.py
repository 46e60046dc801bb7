"""Release gate of a dance model: its dances against the corpus's and real dancers', in one table with bars.

    python benchmarks/dance_quality.py [CHECKPOINT] [--songs FOLDER] [--recordings FOLDER] [--strips FOLDER]
                                       [--results FILE] [--number 20] [--seconds 30] [--long-seconds 600]

Exits with 1 if the model is below a bar. Songs are synthetic, with seeds that no corpus in configs/ uses: `--number`
short ones in all categories, and a long one of each category for the measures of form. `--songs` replaces the short
ones with recordings. Multimodality compares three seeds with three choreographies of the corpus, danced by one body;
seeds are even, because odd ones may be mirrored. `--recordings` measures keypoints of AIST++ instead of using the
ranges in dancegen/metrics/real_dances.py. `--strips` writes a PNG of each short song: its poses on eight beats, from
the corpus and of two seeds.
"""

import argparse
import hashlib
import math
import os
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from joint_motion import recordings, sound

from dancegen.checkpoints.checkpoint import load_model, load_perceptual, shipped, shipped_perceptual
from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.structure import CATEGORIES, PHRASE_BARS, SongStructure, compose
from dancegen.drawing.draw import draw_skeleton
from dancegen.gan.dance_model import DanceModel
from dancegen.media import audio
from dancegen.media.audio import SAMPLE_RATE
from dancegen.media.container import SOUND_SUFFIXES
from dancegen.metrics import dynamics
from dancegen.metrics.dance_quality import Dances, Line, measure, table
from dancegen.metrics.diversity import style_accuracy
from dancegen.metrics.joint_motion import JOINTS, RATE, at_rate, joint_motion
from dancegen.metrics.real_dances import SOURCE, Range
from dancegen.metrics.repetition import Phrase, phrase_similarity
from dancegen.music.beats import hear
from dancegen.perceptual.stgcn import STGCN
from dancegen.pose.normalize import body, place_in_frame, square

FIRST_SEED, SEEDS, DANCERS = 900_000, (0, 2, 4), (11, 12, 13)
EXAMPLE_SEED, EXAMPLES_A_STYLE = 910_000, 12
CHUNK_BARS = 4  # of a section: a phrase whose repetitions are compared
COUNTS = 4 * PHRASE_BARS  # counted beats of a phrase, where bars are unknown
SHORTEST_S = 10.0  # of a recorded song
CLIP_POSES = 50  # of the perceptual network
POSES, CELL_PX = 8, 200


class Song(NamedTuple):
    """A song, and what is known of it."""

    name: str
    samples: np.ndarray
    beats_s: np.ndarray
    phrase_s: float
    """Duration of eight bars."""
    structure: SongStructure | None
    """Of a synthetic song."""


def main() -> int:
    """Print the table. Returns the exit code."""
    options = argparse.ArgumentParser(description="Release gate of a dance model.")
    options.add_argument("checkpoint", nargs="?", default=str(shipped()))
    for folder in ("songs", "recordings", "strips", "results"):
        options.add_argument(f"--{folder}", type=Path)
    options.add_argument("--number", type=int, default=20)
    options.add_argument("--seconds", type=float, default=30.0)
    options.add_argument("--long-seconds", type=float, default=600.0)
    given = options.parse_args()
    model = load_model(given.checkpoint)
    composed = synthetic(given.number, given.seconds)
    short = composed if given.songs is None else recorded(given.songs)
    long = synthetic(len(CATEGORIES), given.long_seconds)
    lines = table(danced(model, short, long, given.strips), choreographed(composed, long), same_songs=short is composed)
    if given.recordings is not None:
        lines = [*lines, *measured(given.recordings)]
    text = markdown(lines)
    print(text)
    failed = sum(not line.passed for line in lines)
    print(f"{failed} of {sum(line.bar is not None for line in lines)} bars are not reached")
    if given.results is not None:
        given.results.write_text(report(given, text, failed))
    return 1 if failed else 0


def synthetic(number: int, seconds: float) -> list[Song]:
    """Songs of all categories in turn; deterministic."""
    songs = []
    for at in range(number):
        song = compose(CATEGORIES[at % len(CATEGORIES)], FIRST_SEED + at // len(CATEGORIES), seconds)
        songs.append(Song(song.song, sound(song), np.asarray(song.beats), PHRASE_BARS * song.bar_s, song))
    return songs


def recorded(folder: Path) -> list[Song]:
    """The songs in a folder, with the beats that a dance counts. Short ones and those without a beat are left out."""
    songs = []
    for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in SOUND_SUFFIXES):
        samples = audio.load(path, path.name)
        beats = hear(samples).count.beat_times()
        if len(beats) > 1 and len(samples) >= SHORTEST_S * SAMPLE_RATE:
            songs.append(Song(path.stem, samples, beats, COUNTS * float(np.median(np.diff(beats))), None))
    if not songs:
        sys.exit(
            f"{folder}: has no song of {SHORTEST_S:g} s with a beat. Give a folder of WAV, MP3, OGG or FLAC files."
        )
    return songs


def danced(model: DanceModel, short: list[Song], long: list[Song], strips: Path | None) -> Dances:
    """The measures of the model's dances."""
    groups = []
    for song in short:
        poses = [dance(model, song, seed) for seed in SEEDS]
        groups.append((song, poses))
        if strips is not None:
            draw_strip(strips, song, poses, model.config.fps)
    return collected(groups, [(song, dance(model, song, SEEDS[0])) for song in long], model.config.fps)


def dance(model: DanceModel, song: Song, seed: int) -> np.ndarray:
    """The model's dance in square units, in the style that fits the song best."""
    made = model.dance(song.samples, seed, style=model.style_of(song.samples))
    return square(made, model.config.normalization).astype(np.float64)


def choreographed(short: list[Song], long: list[Song]) -> Dances:
    """The measures of the corpus's dances: several choreographies of each short song, danced by one body."""
    groups = []
    for number, song in enumerate(short):
        first = Dancer.from_seed(FIRST_SEED + number)
        groups.append((song, [corpus_dance(song, replace(first, seed=other)) for other in DANCERS]))
    return collected(groups, [(song, corpus_dance(song, Dancer.from_seed(FIRST_SEED))) for song in long], RATE)


def corpus_dance(song: Song, dancer: Dancer) -> np.ndarray:
    """The corpus's dance of a synthetic song, at RATE poses per second."""
    assert song.structure is not None
    return choreograph(song.structure, dancer, RATE, 0).astype(np.float64)


def collected(groups: list[tuple[Song, list[np.ndarray]]], long: list[tuple[Song, np.ndarray]], fps: float) -> Dances:
    """The measures of all dances to each short song, and of one dance to each long song."""
    dances = [(song, pose) for song, poses in groups for pose in poses]
    network = perceptual()
    embeddings = np.stack([embedding(network, pose, fps) for _, pose in dances])
    styles = [song.structure.category for song, _ in dances if song.structure]
    return Dances(
        songs=[song.name for song, _ in dances],
        measures=[measure(pose, fps, song.phrase_s) for song, pose in dances],
        music=[song.beats_s for song, _ in dances],
        embeddings={"perceptual": embeddings},
        style_accuracy=style_accuracy(*examples(network), embeddings, styles) if styles else math.nan,
        styles=len(CATEGORIES) if styles else 0,
        retained=[dynamics.retained_speed(pose) for _, pose in long],
        loudness=[dynamics.loudness_correlation(pose, fps, song.samples, SAMPLE_RATE) for song, pose in long],
        phrases=[phrase_similarity(pose, fps, phrases(song)) for song, pose in long],
    )


@cache
def perceptual() -> STGCN:
    """The shipped perceptual network."""
    return load_perceptual(shipped_perceptual())


@cache
def examples(network: STGCN) -> tuple[np.ndarray, list[str]]:
    """Embeddings and styles of dances of the corpus to other songs: examples for the classifier of styles."""
    songs = [
        compose(category, EXAMPLE_SEED + number, 30.0) for category in CATEGORIES for number in range(EXAMPLES_A_STYLE)
    ]
    poses = [choreograph(song, Dancer.from_seed(song.seed), RATE, 0).astype(np.float64) for song in songs]
    return np.stack([embedding(network, pose, RATE) for pose in poses]), [song.category for song in songs]


@torch.inference_mode()
def embedding(network: STGCN, pose: np.ndarray, fps: float) -> np.ndarray:
    """Mean embedding of a dance's clips."""
    poses, _ = at_rate(pose, fps)
    seen, _ = body(np.concatenate([poses, np.ones_like(poses[..., :1])], axis=-1), aspect=1.0)
    clips = len(seen) // CLIP_POSES
    return network.embed(torch.from_numpy(seen[: clips * CLIP_POSES]).unflatten(0, (clips, -1))).mean(dim=0).numpy()


def phrases(song: Song) -> list[Phrase]:
    """Parts of CHUNK_BARS of a synthetic song; the label is the kind of section and the position in it."""
    assert song.structure is not None
    found = []
    for section in song.structure.sections:
        for bar in range(0, section.bars - CHUNK_BARS + 1, CHUNK_BARS):
            start, end = (
                song.structure.start_s + (section.first_bar + at) * song.structure.bar_s
                for at in (bar, bar + CHUNK_BARS)
            )
            found.append(Phrase(start, end, f"{section.kind} {song.structure.phrase_bar(section.first_bar + bar)}"))
    return found


def measured(folder: Path) -> list[Line]:
    """Speeds of the joints in recordings."""
    speeds = [
        {joint: each.speed for joint, each in joint_motion(pose, fps).items()} for _, pose, fps in recordings(folder)
    ]
    if not speeds:
        sys.exit(f"{folder}: has no keypoints of AIST++. Give a folder of NPZ or of keypoints2d pickles.")
    return [
        Line(f"recordings: speed of {joint}", math.nan, real=Range(min(values), max(values)))
        for joint in JOINTS
        if (values := [one[joint] for one in speeds])
    ]


def draw_strip(folder: Path, song: Song, poses: list[np.ndarray], fps: float) -> None:
    """Write the PNG of a song: POSES poses from the middle on, one per beat; a row for each dance."""
    rows = [("corpus", corpus_dance(song, Dancer.from_seed(FIRST_SEED)), RATE)] if song.structure else []
    rows += [(f"seed {seed}", pose, fps) for seed, pose in zip(SEEDS[:2], poses, strict=False)]
    middle = max(0, (len(song.beats_s) - POSES) // 2)
    picture = np.vstack([strip_row(name, pose, rate, song.beats_s[middle:][:POSES]) for name, pose, rate in rows])
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / f"{song.name}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


def strip_row(name: str, pose: np.ndarray, fps: float, beats_s: np.ndarray) -> np.ndarray:
    """Poses on the beats, with the name of the dance."""
    placed = place_in_frame(pose, CELL_PX, CELL_PX)
    at = np.clip(np.rint(beats_s * fps).astype(int), 0, len(placed) - 1)
    row = np.hstack([draw_skeleton(placed[one], CELL_PX, CELL_PX) for one in at])
    return cv2.putText(row, name, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (230, 230, 230), 1, cv2.LINE_AA)


def markdown(lines: list[Line]) -> str:
    """The table."""
    rows = [
        f"| {line.name} | {ends(line.real)} | {number(line.corpus)} | {number(line.model)} | {ends(line.bar)} "
        f"| {'' if line.bar is None else 'yes' if line.passed else '**no**'} |"
        for line in lines
    ]
    return "\n".join(["| | real dancers | corpus | model | bar | reached |", "|---|---|---|---|---|---|", *rows])


def number(value: float) -> str:
    """A value of the table; nothing if it is unknown."""
    return "" if math.isnan(value) else f"{value:.3g}"


def ends(found: Range | None) -> str:
    """A range of the table."""
    if found is None:
        return ""
    if math.isinf(found.high):
        return f"at least {number(found.low)}"
    return f"{number(found.low)} to {number(found.high)}"


def report(given: argparse.Namespace, text: str, failed: int) -> str:
    """The Markdown file of results."""
    songs = given.songs.name if given.songs else f"{given.number} synthetic ones of {given.seconds:g} s"
    verdict = f"{failed} bars are not reached." if failed else "All bars are reached."
    digest = hashlib.sha256(Path(given.checkpoint).read_bytes()).hexdigest()[:16]
    return f"""# Dance quality of {Path(given.checkpoint).name} (SHA-256 {digest}...)

{hardware()}, {datetime.now(UTC):%Y-%m-%d}; `benchmarks/dance_quality.py`, {time.process_time():.0f} s of CPU time.
Songs: {songs}, with seeds {", ".join(map(str, SEEDS))}; {len(CATEGORIES)} of {given.long_seconds:g} s.
{verdict}

{text}

Real dancers: {SOURCE}. Definitions: `dancegen/metrics/dance_quality.py`.
"""


def hardware() -> str:
    """The processor, in words."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text() if info.exists() else ""
    kind = ", AVX-512 with bfloat16" if "avx512_bf16" in flags else ", AVX-512" if "avx512f" in flags else ""
    return f"{os.cpu_count()} CPU cores{kind}"


if __name__ == "__main__":
    sys.exit(main())
