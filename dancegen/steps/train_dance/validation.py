"""Validation metrics: differences between real and generated dances of held-out songs.

Each worker measures its clips (`score_clips`); the rows are gathered, and any worker that has all of them summarizes
them (`summarize`). The result does not depend on the number of workers or on the order of the clips.

Axes used in shapes:
    B clips    T frames    J joints    R rhythm channels    N beats of the music
    D kinetic features    P poses kept of a clip    C their coordinates    W windows of one second    K kinematic beats
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from torch import Tensor

from dancegen.gan.settings import DanceModelConfig
from dancegen.metrics import beat, motion_quality
from dancegen.metrics.frechet import frechet, standardized
from dancegen.metrics.kinetic import div_k2, fid_k2
from dancegen.metrics.moves import COORDINATES, Moves, moves
from dancegen.music.rhythm import beats_of_rhythm
from dancegen.pose.normalize import square
from dancegen.skeleton import COCO18
from dancegen.training.batch import Batch

OTHERS = 16  # clips whose beats are each dance's control
MUSIC_WEIGHT = 2.0  # in `motion_error`: a dance off the beat costs about as much as one that stands still
SMALLEST = 1e-9  # lower bound of speed and jerk as divisors
KINETIC_FEATURES = 3 * len(COCO18)


@dataclass(frozen=True)
class Row:
    """Measurements of one clip: plain arrays, small enough to send to the other workers."""

    real: Moves
    dance: Moves
    music_beats_s: Float64[np.ndarray, " N"]
    seconds: float
    finite: bool
    """Whether the generated dance has no NaN or Inf."""


def score_clips(batch: Batch, dances: Float[Tensor, "B T J 2"], config: DanceModelConfig) -> list[Row]:
    """A row for each clip of a batch and the dance made to its music. A joint missing in the clip is NaN in both."""
    arrays = (values.detach().double().cpu().numpy() for values in (batch.pose, dances, batch.mask, batch.rhythm))
    return [_row(*clip, config=config) for clip in zip(*arrays, strict=True)]


def summarize(rows: Iterable[Row]) -> dict[str, float]:
    """Metrics over all clips. Undefined ones are left out: all without clips, Frechet distances of one clip.

    frechet_k2       Frechet distance of kinetic features, in standard deviations of the real ones
    frechet_pose     the same of single poses' coordinates
    diversity_k2     mean distance of the dances' kinetic features from each other
    beat_alignment   Beat Alignment Score, motion side; with the beats of other clips: beat_alignment_shuffled
    beat_coverage    kinematic beats per beat of the music
    speed_ratio      speed of the dances over that of the real ones
    jerk_ratio       the same of their jerk
    freeze_share     share of seconds no faster than the slowest twentieth of the real ones
    foot_skate       speed of feet that are on the floor, in torsos per second
    motion_error           see `motion_error`; infinite, and the only metric, if a dance has NaN or Inf

    Metrics of the real dances end in _real.
    """
    rows = sorted(rows, key=lambda row: (row.music_beats_s.tobytes(), row.real.kinetic.tobytes()))
    if not rows:
        return {}
    if not all(row.finite for row in rows):
        return {"motion_error": math.inf}
    real, made = [row.real for row in rows], [row.dance for row in rows]
    found = {**_distributions(real, made), **_beats(rows), **_quality(real, made)}
    found = {name: value for name, value in found.items() if math.isfinite(value)}
    return {**found, "motion_error": motion_error(found)}


def motion_error(found: dict[str, float]) -> float:
    """Overall difference of made dances from real ones; 0 is no difference. It is not used as a loss.

    The sum of the differences in motion (frechet_k2) and in poses (frechet_pose), and of the shortfall of the lift in
    beat alignment: that with the beats of their own music over that with the beats of other clips. Standing still,
    jitter and dancing off the beat all increase it. One clip has no distribution: speed and jerk then replace it.
    """
    if "frechet_k2" in found:
        unlike = math.log1p(found["frechet_k2"] / KINETIC_FEATURES) + math.log1p(found["frechet_pose"] / COORDINATES)
    else:
        unlike = sum(abs(math.log(max(found.get(name, 1.0), 1e-6))) for name in ("speed_ratio", "jerk_ratio"))
    lift, real_lift = (
        found.get(f"beat_alignment{side}", 0.0) - found.get(f"beat_alignment_shuffled{side}", 0.0)
        for side in ("", "_real")
    )
    return unlike + MUSIC_WEIGHT * max(0.0, real_lift - lift)


def _row(*clip: np.ndarray, config: DanceModelConfig) -> Row:
    real, dance, mask, rhythm = clip
    seen = (np.where((mask > 0)[..., None], pose, np.nan) for pose in (real, dance))
    real_moves, dance_moves = (moves(square(pose, config.normalization), config.fps) for pose in seen)
    beats = beats_of_rhythm(rhythm, config.fps)
    return Row(real_moves, dance_moves, beats, (len(real) - 1) / config.fps, bool(np.isfinite(dance).all()))


def _distributions(real: list[Moves], made: list[Moves]) -> dict[str, float]:
    if len(real) < 2:
        return {}
    kinetic_real, kinetic = (np.stack([one.kinetic for one in side]) for side in (real, made))
    poses_real, poses = (np.concatenate([one.poses for one in side]) for side in (real, made))
    return {
        "frechet_k2": fid_k2(kinetic_real, kinetic),
        "frechet_pose": frechet(standardized(poses_real, poses_real), standardized(poses, poses_real)),
        "diversity_k2": div_k2(kinetic, kinetic_real),
        "diversity_k2_real": div_k2(kinetic_real, kinetic_real),
    }


def _beats(rows: list[Row]) -> dict[str, float]:
    """Scores over all beats, so that a dance with few of them has little weight. Empty if no clip has a beat."""
    heard = [row for row in rows if len(row.music_beats_s)]
    if not heard:
        return {}
    music = [row.music_beats_s for row in heard]
    inside = sum(int(((beats >= 0) & (beats <= row.seconds)).sum()) for row, beats in zip(heard, music, strict=True))
    found: dict[str, float] = {}
    for side, dances in (("", [row.dance for row in heard]), ("_real", [row.real for row in heard])):
        beats = [one.beats_s for one in dances]
        found[f"beat_alignment{side}"] = _alignment(beats, music)
        if len(heard) > 1:
            found[f"beat_alignment_shuffled{side}"] = float(
                np.mean([_alignment(beats, music[by:] + music[:by]) for by in _turns(len(heard))])
            )
        found[f"beat_coverage{side}"] = sum(map(len, beats)) / max(inside, 1)
    return found


def _turns(clips: int) -> list[int]:
    """Rotations of the music that pair every dance with another clip's: up to OTHERS, evenly spaced."""
    return sorted({round(turn) for turn in np.linspace(1, clips - 1, min(OTHERS, clips - 1))})


def _alignment(beats: list[np.ndarray], music: list[np.ndarray]) -> float:
    close = [beat.closeness(one, other) for one, other in zip(beats, music, strict=True)]
    return _mean(np.concatenate(close), otherwise=0.0)


def _quality(real: list[Moves], made: list[Moves]) -> dict[str, float]:
    slow_real, slow = (np.concatenate([one.window_speeds for one in side]) for side in (real, made))
    speed_real, speed = (_mean([one.speed for one in side]) for side in (real, made))
    jerk_real, jerk = (_mean([one.jerk for one in side]) for side in (real, made))
    return {
        "speed_ratio": speed / max(speed_real, SMALLEST),
        "jerk_ratio": jerk / max(jerk_real, SMALLEST),
        "freeze_share": motion_quality.freeze_share(slow, slow_real) if len(slow_real) else math.nan,
        "foot_skate": _mean([one.foot_skate for one in made]),
        "foot_skate_real": _mean([one.foot_skate for one in real]),
    }


def _mean(values: list[float] | np.ndarray, otherwise: float = math.nan) -> float:
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    return float(known.mean()) if len(known) else otherwise
