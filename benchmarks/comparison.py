"""Dance models side by side, with the corpus, joined recordings and real dancers, in one table.

    python benchmarks/comparison.py NAME=CHECKPOINT[,CHECKPOINT,CHECKPOINT] [NAME=...] [--moves POSES]
                                    [--recordings FOLDER] [--songs FOLDER] [--strips FOLDER] [--results FILE]
                                    [--number 20] [--seconds 30] [--long-seconds 300]

Songs and measures are those of `dance_quality.py`. Each song is danced with three seeds; ± is half of the 95 % interval
over the seeds (Student's t). Several checkpoints with one name are trainings of one kind: each makes the dances of one
seed. Then the intervals are over trainings, and multimodality, which compares seeds of one model, is left out.

`--moves` is a table of poses of real dancers for the column of joined recordings (docs/recordings.md: the retrieval
baseline, which knows the structure of the synthetic songs). `--recordings` has keypoints of AIST++, to which Frechet
distances are measured. Costs are processor seconds of one thread for each minute of dance, without hearing the beats;
models take turns. `--strips` writes a PNG of each song, a row for each column.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import dance_quality as gate
import numpy as np
import torch
from joint_motion import recordings
from scipy.stats import t as student

from dancegen.checkpoints.checkpoint import load_model
from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.recorded.joined import joined_dance
from dancegen.gan.dance_model import DanceModel
from dancegen.metrics.dance_quality import Dances, table
from dancegen.metrics.diversity import style_accuracy
from dancegen.metrics.joint_motion import RATE, at_rate, body_height
from dancegen.metrics.kinetic import div_k2, fid_k2, kinetic_features
from dancegen.music.beats import hear
from dancegen.steps.make_corpus.recorded import load_moves

SEEDS = gate.SEEDS
PIECE_POSES = round(8 * RATE)
"""Poses of the parts of a dance between which Frechet distances are measured."""
COST_S, COST_ROUNDS = 120.0, 3

Dancing = Callable[[gate.Song, int], np.ndarray]
"""The dance of a song with the seed of this number (0 to 2), in square units."""


@dataclass
class Column:
    """The dances of one model, or of one other source."""

    name: str
    fps: float
    dances: Dances
    poses: list[np.ndarray]
    """All dances of short songs, at `fps`; those of a song follow each other."""
    cost: float = float("nan")
    trainings: int = 1
    values: dict[str, list[float]] = field(default_factory=dict)
    """Of each line of the table: one value, or one of each seed."""


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description="Dance models side by side.")
    options.add_argument("models", nargs="+", metavar="NAME=CHECKPOINT[,CHECKPOINT...]")
    for folder in ("songs", "recordings", "strips", "results"):
        options.add_argument(f"--{folder}", type=Path)
    options.add_argument("--moves")
    options.add_argument("--number", type=int, default=20)
    options.add_argument("--seconds", type=float, default=30.0)
    options.add_argument("--long-seconds", type=float, default=300.0)
    given = options.parse_args()
    torch.set_num_threads(1)
    models = {
        name: [load_model(file) for file in files.split(",")]
        for name, _, files in (each.partition("=") for each in given.models)
    }
    composed = gate.synthetic(given.number, given.seconds)
    short = composed if given.songs is None else gate.recorded(given.songs)
    long = gate.synthetic(len(gate.CATEGORIES), given.long_seconds)
    columns = [column("corpus", RATE, corpus, composed, long)]
    if given.moves is not None and short is composed:
        columns.append(column("joined recordings", RATE, joined(given.moves), composed, long))
    for name, trainings in models.items():
        found = column(name, trainings[0].config.fps, dancer_of(trainings), short, long)
        columns.append(replace(found, trainings=len(trainings)))
    for name, cost in costs({name: each[0] for name, each in models.items()}, long[0]).items():
        next(each for each in columns if each.name == name).cost = cost
    real = [] if given.recordings is None else [pieces(pose, fps) for _, pose, fps in recordings(given.recordings)]
    fill(columns, np.concatenate(real) if real else None, same_songs=short is composed)
    if given.strips is not None:
        draw(given.strips, columns if short is composed else columns[1:], short)
    text = markdown(columns)
    print(text)
    if given.results is not None:
        given.results.write_text(report(given, text, len(short)))


def corpus(song: gate.Song, number: int) -> np.ndarray:
    """A choreography of the corpus."""
    return gate.corpus_dance(song, replace(Dancer.from_seed(gate.FIRST_SEED), seed=gate.DANCERS[number]))


def joined(uri: str) -> Dancing:
    """Moves of recordings, joined."""
    library = load_moves(uri)

    def dance(song: gate.Song, number: int) -> np.ndarray:
        assert song.structure is not None
        dancer = replace(Dancer.from_seed(gate.FIRST_SEED), seed=gate.DANCERS[number], lag_s=0.0)
        return joined_dance(library, song.structure, dancer, RATE, number).astype(np.float64)

    return dance


def dancer_of(trainings: list[DanceModel]) -> Dancing:
    """The dances of a model, or of several trainings by turns."""
    return lambda song, number: gate.dance(trainings[number % len(trainings)], song, SEEDS[number])


def column(name: str, fps: float, dance: Dancing, short: list[gate.Song], long: list[gate.Song]) -> Column:
    """Dances of all songs, and their measures."""
    groups = [(song, [dance(song, number) for number in range(len(SEEDS))]) for song in short]
    found = gate.collected(groups, [(song, dance(song, 0)) for song in long], fps)
    return Column(name, fps, found, [pose for _, poses in groups for pose in poses])


def costs(models: dict[str, DanceModel], song: gate.Song) -> dict[str, float]:
    """Processor seconds for each minute of dance."""
    samples = song.samples[: int(COST_S * gate.SAMPLE_RATE)]
    heard, spent = hear(samples), {name: [] for name in models}
    for _ in range(COST_ROUNDS):
        for name, model in models.items():
            started = time.process_time()
            model.dance(samples, 0, heard=heard)
            spent[name].append((time.process_time() - started) / (len(samples) / gate.SAMPLE_RATE / 60))
    return {name: statistics.median(values) for name, values in spent.items()}


def fill(columns: list[Column], real: np.ndarray | None, same_songs: bool) -> None:
    """Set the values of all lines. Without `real`, distances to real dancers are left out."""
    reference = columns[0]
    known = np.concatenate([pieces(pose, reference.fps) for pose in reference.poses])
    for each in columns:
        whole = {line.name: line.model for line in table(each.dances, reference.dances, same_songs)}
        single = [
            {line.name: line.model for line in table(of_seed(each.dances, seed), reference.dances, same_songs)}
            for seed in range(len(SEEDS))
        ]
        for name, value in whole.items():
            one_dance = name.startswith(("multimodality", "speed retained", "similarity", "repeated", "speed against"))
            each.values[name] = [value] if one_dance else [values[name] for values in single]
            if name.startswith("multimodality") and each.trainings > 1:
                each.values[name] = [float("nan")]
        parts = [[pieces(pose, each.fps) for pose in each.poses[seed :: len(SEEDS)]] for seed in range(len(SEEDS))]
        features = [np.concatenate(part) for part in parts]
        each.values["FID_k2 to the corpus"] = [fid_k2(known, one) for one in features]
        if real is not None:
            each.values["FID_k2 to real dancers"] = [fid_k2(real, one) for one in features]
        each.values["Div_k2"] = [div_k2(one, known) for one in features]
        each.values["CPU s for a minute of dance"] = [each.cost]


def of_seed(dances: Dances, seed: int) -> Dances:
    """The dances of one seed to each short song."""
    mine = slice(seed, None, len(SEEDS))
    embeddings = {name: each[mine] for name, each in dances.embeddings.items()}
    songs, accuracy = dances.songs[mine], dances.style_accuracy
    if dances.styles:
        categories = [song.rsplit("-", 1)[0] for song in songs]
        accuracy = style_accuracy(*gate.examples(gate.perceptual()), embeddings["perceptual"], categories)
    return replace(
        dances,
        songs=songs,
        measures=dances.measures[mine],
        music=dances.music[mine],
        embeddings=embeddings,
        style_accuracy=accuracy,
    )


def pieces(pose: np.ndarray, fps: float) -> np.ndarray:
    """Kinetic features of the parts of a dance, in body heights."""
    poses, rate = at_rate(pose, fps)
    poses = poses / body_height(poses)
    starts = range(0, len(poses) - PIECE_POSES + 1, PIECE_POSES)
    return np.stack([kinetic_features(poses[start : start + PIECE_POSES], rate) for start in starts])


def draw(folder: Path, columns: list[Column], songs: list[gate.Song]) -> None:
    """A PNG of each song: poses on eight beats from its middle on, a row for each column."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, song in enumerate(songs):
        middle = max(0, (len(song.beats_s) - gate.POSES) // 2)
        beats = song.beats_s[middle:][: gate.POSES]
        rows = [gate.strip_row(each.name, each.poses[number * len(SEEDS)], each.fps, beats) for each in columns]
        cv2.imwrite(str(folder / f"{song.name}.png"), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


def markdown(columns: list[Column]) -> str:
    """The table."""
    ranges = {line.name: line.real for line in table(columns[0].dances, columns[0].dances, same_songs=True)}
    rows = [
        f"| {name} | {gate.ends(ranges.get(name))} | {' | '.join(cell(each.values[name]) for each in columns)} |"
        for name in columns[-1].values
        if name in columns[0].values
    ]
    head = f"| | real dancers | {' | '.join(each.name for each in columns)} |"
    return "\n".join([head, "|---" * (2 + len(columns)) + "|", *rows])


def cell(values: list[float]) -> str:
    """A mean, with half of its 95 % interval where there are several values."""
    mean = statistics.fmean(values)
    if len(values) < 2 or np.isnan(mean):
        return gate.number(mean)
    half = student.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return f"{gate.number(mean)} ± {half:.2g}"


def report(given: argparse.Namespace, text: str, songs: int) -> str:
    """The Markdown file of results."""
    kind = f"recordings in {given.songs.name}/" if given.songs else f"synthetic, of {given.seconds:g} s"
    return f"""# Dance models side by side

{gate.hardware()}, {datetime.now(UTC):%Y-%m-%d}; `python benchmarks/comparison.py {" ".join(sys.argv[1:])}`.
{songs} songs ({kind}), three seeds each; ± is half of the 95 % interval over the seeds. Lines about phrases, loudness
and decay are of one dance to each of {len(gate.CATEGORIES)} synthetic songs of {given.long_seconds:g} s.

{text}

Real dancers: {gate.SOURCE}. Definitions: `dancegen/metrics/`.
"""


if __name__ == "__main__":
    main()
