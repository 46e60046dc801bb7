"""What does cleaning do to joints as an estimator finds them? Against the true joints, before and after.

    python benchmarks/pose_cleaning.py

True dances are the corpus's, of seeds that no corpus in configs/ uses; `corpus/pictures/noise.py` makes of them
what OpenPose would have found. "as found" and "cleaned" are the same joints before and after `pose/clean.py`.

    PCK, OKS        metrics/pose_accuracy.py; missing joints are wrong
    missing         share of joints
    error           mean distance of the others from their true place, torsos
    shake           mean second difference of the error, torsos a second squared
    fill, filled    error of the joints that were lost, where they were filled; share of them that was
    beat, in frame  seconds from a true kinematic beat to the nearest found one; share within 0.1 s
    beats           found kinematic beats for each true one: tremble makes beats of its own
    swaps, jumps    share of those that put a joint more than 0.2 torsos away that are within 0.2 again
    spoilt          share of the joints with nothing wrong that were replaced or dropped
"""

import numpy as np

from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.pictures.camera import film
from dancegen.corpus.pictures.noise import Damage, damage
from dancegen.corpus.structure import CATEGORIES, compose
from dancegen.metrics import beat, motion_quality
from dancegen.metrics import pose_accuracy as accuracy
from dancegen.pose.clean import Cleaned, Mark, clean, torso_length

DANCES, SECONDS, FIRST_SEED = 8, 60.0, 900_000
FPS, WIDTH, HEIGHT = 10.0, 640, 480
ASPECT = WIDTH / HEIGHT
MAX_GAP_S, SMOOTHING = 0.5, 1.0
NAMES = "PCK OKS missing error shake fill filled beat in_frame beats swaps jumps spoilt"


def main() -> None:
    """A line for each category and kind of joints."""
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
    """The numbers of one dance, true and as found, before and after."""
    true = true_joints(category, seed)
    found = damage(true, FPS, ASPECT, seed)
    whole = damage(true, FPS, ASPECT, seed, level=0.0)
    return {
        "true, cleaned": numbers(clean(true, FPS, ASPECT, MAX_GAP_S, SMOOTHING), true, whole),
        "as found": numbers(Cleaned(found.joints, np.zeros(found.lost.shape, dtype=np.uint8)), true, found),
        "cleaned": numbers(clean(found.joints, FPS, ASPECT, MAX_GAP_S, SMOOTHING), true, found),
    }


def true_joints(category: str, seed: int) -> np.ndarray:
    """A dance as it would be filmed: fractions of the picture."""
    dance = choreograph(compose(category, seed, SECONDS), Dancer.from_seed(seed), FPS, seed=0)
    return film(dance, WIDTH, HEIGHT, seed) / np.array([WIDTH, HEIGHT, 1], dtype=np.float32)


def numbers(cleaned: Cleaned, true: np.ndarray, found: Damage) -> list[float]:
    """In the order of NAMES; NaN where there is nothing to tell."""
    joints = cleaned.joints
    apart = accuracy.distances(joints, true, ASPECT)
    was_apart = accuracy.distances(found.joints, true, ASPECT) > accuracy.WITHIN_TORSOS
    fill = accuracy.fill_error(joints, true, found.lost, ASPECT)
    beats, true_beats = (beat.kinematic_beats(square(one), FPS) for one in (joints, true))
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
    """Places in heights of the picture."""
    return joints[..., :2] * (ASPECT, 1.0)


def mean(values: np.ndarray) -> float:
    """NaN of none."""
    return float(values.mean()) if values.size else float("nan")


if __name__ == "__main__":
    main()
