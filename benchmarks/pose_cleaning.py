"""Effect of cleaning on detected joints: errors against the true joints, before and after.

    python benchmarks/pose_cleaning.py

True dances are synthetic, with seeds that no corpus in configs/ uses; `dancegen/corpus/pictures/noise.py` adds the
errors of OpenPose. "as found" and "cleaned" are the same joints before and after `dancegen/pose/clean.py`.

    PCK, OKS        dancegen/metrics/pose_accuracy.py; missing joints count as wrong
    missing         share of missing joints
    error           mean distance of the others from their true position, torsos
    shake           mean second difference of the error, torsos per second squared
    fill, filled    error of lost joints that were filled; share of lost joints that were filled
    beat, in frame  seconds from a true kinematic beat to the nearest detected one; share within 0.1 s
    beats           detected kinematic beats per true one: jitter causes spurious beats
    swaps, jumps    share of those that displaced a joint by more than 0.2 torsos and are within 0.2 after cleaning
    spoilt          share of correct joints that were replaced or dropped
"""

import numpy as np

from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.pictures.camera import film
from dancegen.corpus.pictures.noise import Damage, damage
from dancegen.corpus.structure import CATEGORIES, compose
from dancegen.metrics import beat, motion_quality
from dancegen.metrics import pose_accuracy as accuracy
from dancegen.pose.clean import Cleaned, Mark, clean
from dancegen.pose.kinematic_beats import kinematic_beats
from dancegen.pose.normalize import torso_length

DANCES, SECONDS, FIRST_SEED = 8, 60.0, 900_000
FPS, WIDTH, HEIGHT = 10.0, 640, 480
ASPECT = WIDTH / HEIGHT
MAX_GAP_S, SMOOTHING = 0.5, 1.0
NAMES = "PCK OKS missing error shake fill filled beat in_frame beats swaps jumps spoilt"


def main() -> None:
    """Print a line per category and kind of joints."""
    print(f"{'':28}" + "".join(f"{name.replace('_', ' '):>9}" for name in NAMES.split()))
    rows: dict[str, list[list[float]]] = {}
    for category in CATEGORIES:
        for number in range(DANCES):
            for kind, row in measured(category, FIRST_SEED + number).items():
                for name in (f"{category}, {kind}", f"all, {kind}"):
                    rows.setdefault(name, []).append(row)
    for name, values in sorted(rows.items(), key=lambda row: row[0].startswith("all")):
        table = np.array(values)
        known = np.isfinite(table)
        means = np.where(known, table, 0.0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
        print(f"{name:28}" + "".join(f"{'' if np.isnan(mean) else f'{mean:.4f}':>9}" for mean in means))


def measured(category: str, seed: int) -> dict[str, list[float]]:
    """Numbers of one dance, by kind of joints."""
    true = true_joints(category, seed)
    found = damage(true, FPS, ASPECT, seed)
    whole = damage(true, FPS, ASPECT, seed, level=0.0)
    return {
        "true, cleaned": numbers(clean(true, FPS, ASPECT, MAX_GAP_S, SMOOTHING), true, whole),
        "as found": numbers(Cleaned(found.joints, np.zeros(found.lost.shape, dtype=np.uint8)), true, found),
        "cleaned": numbers(clean(found.joints, FPS, ASPECT, MAX_GAP_S, SMOOTHING), true, found),
    }


def true_joints(category: str, seed: int) -> np.ndarray:
    """Joints of a filmed dance, as fractions of the frame."""
    dance = choreograph(compose(category, seed, SECONDS), Dancer.from_seed(seed), FPS, seed=0)
    return film(dance, WIDTH, HEIGHT, seed) / np.array([WIDTH, HEIGHT, 1], dtype=np.float32)


def numbers(cleaned: Cleaned, true: np.ndarray, found: Damage) -> list[float]:
    """Values in the order of NAMES; NaN where undefined."""
    joints = cleaned.joints
    apart = accuracy.distances(joints, true, ASPECT)
    was_apart = accuracy.distances(found.joints, true, ASPECT) > accuracy.WITHIN_TORSOS
    fill = accuracy.fill_error(joints, true, found.lost, ASPECT)
    beats, true_beats = (kinematic_beats(square(one), FPS) for one in (joints, true))
    times = accuracy.beat_times(beats, true_beats, FPS)
    good = ~(found.lost | found.swapped | found.jumped)
    right = apart <= accuracy.WITHIN_TORSOS
    return [
        accuracy.pck(joints, true, ASPECT),
        accuracy.oks(joints, true, ASPECT),
        accuracy.missing_share(joints, true),
        mean(apart[np.isfinite(apart)]),
        motion_quality.mean_change((square(joints) - square(true)) / torso_length(true, ASPECT), FPS, order=2),
        fill.error,
        fill.share,
        times.error_s,
        times.within_frame,
        beat.scores(beats, true_beats)["beat_coverage"],
        mean(right[found.swapped & ~found.jumped & was_apart]),
        mean(right[found.jumped & ~found.swapped & was_apart]),
        mean(cleaned.marks[good] != Mark.SEEN),
    ]


def square(joints: np.ndarray) -> np.ndarray:
    """Positions in units of the frame height."""
    return joints[..., :2] * (ASPECT, 1.0)


def mean(values: np.ndarray) -> float:
    """Mean; NaN for an empty array."""
    return float(values.mean()) if values.size else float("nan")


if __name__ == "__main__":
    main()
