"""A song -> the best of several dances with different seeds.

The best dance has the fewest measures outside the ranges of real dancers (`metrics/real_dances.py`), and among equal
ones the highest score: the lift in beat alignment, less the distances to these ranges, less the share of poses that a
person's footage does not have. The lift is the Beat Alignment Score with the beats of the song, less the mean of those
with the beats moved by a quarter, a half and three quarters of a beat: a dance that moves at all times has none.

Axes used in shapes:
    S samples (mono, 16 kHz)    T poses    J joints    N beats
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32

from dancegen.gan.dance_model import DanceModel
from dancegen.metrics import beat, motion_quality, real_dances
from dancegen.metrics.joint_motion import body_height
from dancegen.metrics.real_dances import Range
from dancegen.pose.kinematic_beats import NO_BEATS, kinematic_beats
from dancegen.pose.normalize import square
from dancegen.pose.section import Section
from dancegen.steps.render.dancing import Danced, chosen_style, dance, placed, song_seed
from dancegen.steps.render.looks.look import Look
from dancegen.steps.render.settings import PictureConfig

SHIFTS = (0.25, 0.5, 0.75)  # of a beat: the control
LIMITS = {
    "jerk": real_dances.JERK,
    "freeze_share": Range(0.0, real_dances.FREEZE_SHARE.high),
    "foot_skate": Range(0.0, real_dances.FOOT_SKATE.high),
}


@dataclass(frozen=True)
class Measures:
    """Measures of a candidate; NaN where one is not defined."""

    beat_lift: float
    """Beat alignment over that of the control; 0 without beats."""
    jerk: float
    """Body heights per second^3."""
    freeze_share: float
    """Share of seconds no faster than the slowest twentieth of real dancers'."""
    foot_skate: float
    """Speed of ankles on the floor, torsos per second."""
    out_of_range_share: float = 0.0
    """Share of poses unlike those of the person's footage; 0 for a drawn figure."""

    @property
    def outside(self) -> int:
        """Number of measures outside the range of real dancers."""
        return sum(self._distance(name) > 0 for name in LIMITS)

    @property
    def score(self) -> float:
        """Higher is better."""
        return self.beat_lift - sum(map(self._distance, LIMITS)) - self.out_of_range_share

    def _distance(self, name: str) -> float:
        """Distance to the range of real dancers, in widths of the range."""
        low, high = LIMITS[name]
        value = getattr(self, name)
        return max(low - value, value - high, 0.0) / (high - low) if np.isfinite(value) else 0.0


def best_dance(
    samples: Float32[np.ndarray, " S"],
    model: DanceModel,
    look: Look,
    picture: PictureConfig,
    content_hash: str,
    section: Section | None = None,
) -> Danced:
    """The best of the settings' candidates. It is the dance of its seed alone, to the byte.

    Candidates for a `section` of a dance are compared as whole dances.
    """
    heard = model.hear(samples)
    style = chosen_style(picture.style, samples, model, heard)
    seeds = [song_seed(picture.seed, content_hash, number) for number in range(picture.candidates)]
    if len(seeds) == 1:
        return dance(samples, model, look.size, picture.fps, seeds[0], heard, style, section, picture.energy)
    beats_s = heard.count.beat_times() if heard else NO_BEATS
    found = []
    for poses in model.candidates(samples, seeds, heard, style, section, picture.energy):
        measured = measure(square(poses, model.config.normalization), model.config.fps, beats_s)
        share = look.out_of_range(placed(poses, samples, model, look.size, picture.fps), picture.fps)
        found.append(replace(measured, out_of_range_share=share or 0.0))
    seed = seeds[best(found)]
    made = dance(samples, model, look.size, picture.fps, seed, heard, style, section, picture.energy)
    return replace(made, scores=[one.score for one in found])


def best(candidates: list[Measures]) -> int:
    """Index of the best candidate; the first of equal ones."""
    return min(range(len(candidates)), key=lambda index: (candidates[index].outside, -candidates[index].score))


def measure(pose: Float[np.ndarray, "T J 2"], fps: float, beats_s: Float[np.ndarray, " N"]) -> Measures:
    """Measures of a dance in square units, with the counted beats of its song."""
    pose = np.asarray(pose, dtype=np.float64)
    height = body_height(pose)
    speeds = motion_quality.window_speeds(pose, fps) / height
    return Measures(
        beat_lift=_lift(kinematic_beats(pose, fps), beats_s),
        jerk=motion_quality.mean_change(pose, fps, 3) / height,
        freeze_share=float(np.mean(speeds <= real_dances.SLOW)) if len(speeds) else float("nan"),
        foot_skate=motion_quality.foot_skate(pose, fps),
    )


def _lift(kinematic: Float[np.ndarray, " K"], beats_s: Float[np.ndarray, " N"]) -> float:
    if len(beats_s) < 2 or not len(kinematic):
        return 0.0
    periods = np.append(np.diff(beats_s), beats_s[-1] - beats_s[-2])
    own, *others = (beat.closeness(kinematic, beats_s + shift * periods).mean() for shift in (0.0, *SHIFTS))
    return float(own - np.mean(others))
