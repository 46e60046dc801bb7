"""Speed, range and rotation of the joints: real dancers, the corpus's dancers, and a model's on unseen songs.

    python benchmarks/joint_motion.py [CHECKPOINT] [recordings=FOLDER]

FOLDER has 2-D keypoints of AIST++ (Li et al., ICCV 2021; annotations CC BY 4.0): pickles, or NPZ of keypoints, fps.
The metric is dancegen/metrics/joint_motion.py; rows are medians over songs, or recordings.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from dancegen.checkpoints.checkpoint import load_model
from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.music.songs import RATE, synthesize
from dancegen.corpus.structure import CATEGORIES, SongStructure, compose
from dancegen.media.audio import SAMPLE_RATE
from dancegen.metrics import beat
from dancegen.metrics.joint_motion import JOINTS, joint_motion
from dancegen.metrics.motion_quality import foot_skate
from dancegen.pose.kinematic_beats import kinematic_beats
from dancegen.skeleton import from_coco17, hide_missing
from dancegen.steps.import_poses.formats.aistpp import load_arrays

SONGS, SECONDS, FIRST_SEED, FPS = 4, 45.0, 900_000, 10.0
FIELDS = ("speed", "range", "rotation")


def main() -> None:
    """Print a line per group of dances."""
    named = dict(argument.split("=", 1) for argument in sys.argv[1:] if "=" in argument)
    checkpoint = next((argument for argument in sys.argv[1:] if "=" not in argument), None)
    print(" " * 28, *(f"{field + ' of ' + ', '.join(JOINTS):44}" for field in FIELDS), "skate  hits  control")
    if "recordings" in named:
        for name, pose, fps in recordings(Path(named["recordings"])):
            print(line(name, [measured(pose, fps, None)]))
    songs = {kind: [compose(kind, FIRST_SEED + number, SECONDS) for number in range(SONGS)] for kind in CATEGORIES}
    for category, structures in songs.items():
        print(line(f"corpus, {category}", [corpus_row(song) for song in structures]))
    model = load_model(checkpoint)
    for category, structures in songs.items():
        dances = [(song, model.dance(sound(song), seed=0)) for song in structures]
        print(line(f"model, {category}", [measured(pose, model.config.fps, song) for song, pose in dances]))


def recordings(folder: Path) -> Iterator[tuple[str, np.ndarray, float]]:
    """Name, poses in pixels and frames per second of each recording; of pickles, the first camera."""
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as data:
            points = data["keypoints"]
            known = np.ones((*points.shape[:2], 1), np.float32)
            yield (
                path.stem[-26:],
                hide_missing(from_coco17(np.concatenate([points, known], axis=-1)))[..., :2],
                float(data["fps"]),
            )
    for path in sorted(folder.glob("*keypoints2d*.pkl")):
        with path.open("rb") as file:
            points = load_arrays(file, str(path))["keypoints2d"][0]
        yield path.stem[-26:], hide_missing(from_coco17(np.nan_to_num(points)))[..., :2], 60.0


def corpus_row(song: SongStructure) -> list[float]:
    """Measures of the corpus's dance of a song."""
    return measured(choreograph(song, Dancer.from_seed(song.seed), FPS, 0), FPS, song)


def measured(pose: np.ndarray, fps: float, song: SongStructure | None) -> list[float]:
    """Motion of all joints, foot skate in torsos per second, and beat hit rate with its control."""
    motion = joint_motion(pose, fps)
    every = max(1, round(fps / FPS))
    row = [getattr(motion[joint], field) for field in FIELDS for joint in JOINTS]
    row.append(foot_skate(pose[::every], fps / every))
    if song is None:
        return [*row, np.nan, np.nan]
    mine, music = kinematic_beats(pose, fps), np.asarray(song.beats)
    return [*row, *(beat.scores(mine, each)["beat_hit_rate"] for each in (music, beat.half_a_beat_later(music)))]


def sound(song: SongStructure) -> np.ndarray:
    """The song's audio at the rate of the model."""
    return resample_poly(synthesize(song), SAMPLE_RATE, RATE).astype(np.float32)


def line(name: str, rows: list[list[float]]) -> str:
    """A row of the table: the median of each measure."""
    values = [f"{value:.2f}" for value in np.median(rows, axis=0)]
    groups = [
        " ".join(values[start : start + len(JOINTS)]) for start in range(0, len(FIELDS) * len(JOINTS), len(JOINTS))
    ]
    return f"{name:28} {'  |  '.join(groups)}  |  {'  '.join(values[-3:])}"


if __name__ == "__main__":
    main()
