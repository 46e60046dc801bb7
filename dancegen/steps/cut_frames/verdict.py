"""Findings on footage -> errors with the reason, and warnings.

Axes used in shapes:
    N samples
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from dancegen.errors import BadMediaError
from dancegen.skeleton import COCO18
from dancegen.steps.cut_frames.footage import Footage
from dancegen.steps.cut_frames.settings import FootageVerdictConfig
from dancegen.steps.cut_frames.vision.crop import Crop

MIN_FPS = 20.0
OFTEN = 0.95  # quantile of the samples' shifts: single ones may be wrong
CUT_OFF_WARNING = 0.05
ANKLES = COCO18.indices("right_ankle", "left_ankle")
SMALL_TORSO = 0.15  # of the crop's height: a standing person has 3.3 torsos
BEYOND_WARNING = 0.02
COVERAGE_WARNING = 0.98
REPEATED_WARNING = 0.1
LONG_DRIFT = 3.0  # times the limit of 10 s, over the whole video
FILM = "Film with the camera on a tripod, and with exposure, focus and white balance locked."


def check_usable(pose: dict[str, Any], copy_of: str | None) -> None:
    """Raise BadMediaError for poses that were set aside, duplicates and footage of several shots."""
    uri = pose["uri"]
    if pose["error"] is not None:
        problem = f"has no poses: {pose['error'].removeprefix(f'{uri}: ')}"
        raise BadMediaError(uri, problem, "Correct it and run extract-poses again.")
    if copy_of is not None:
        raise BadMediaError(uri, f"is a duplicate of {copy_of}.", "Its frames are written once; no action is required.")
    if pose["cuts"]:
        problem = f"is not one continuous shot: the first cut is at {pose['cuts'][0] / pose['fps']:.1f} s."
        raise BadMediaError(uri, problem, "Give one continuous shot per file.")


def check_poses(uri: str, pose: dict[str, Any], footage: Footage, limits: FootageVerdictConfig) -> list[str]:
    """Raise BadMediaError when the dancer is not alone, too short in the frame, or cut off; returns warnings."""
    if pose["people"] is not None and pose["people"] > limits.max_people:
        problem = f"shows {pose['people']:.1f} people per frame."
        raise BadMediaError(uri, problem, "Use footage of one person; verdict.max_people sets the limit.")
    usable_s = footage.present.sum() / footage.fps
    check_duration(uri, usable_s, limits)
    cut_off = _cut_off_share(footage)
    if cut_off > limits.max_cut_off_share:
        problem = (
            f"the dancer is cut off by the edge of the frame, or has no visible feet, in {cut_off:.0%} of the frames."
        )
        remedy = "Film the whole body from further away; verdict.max_cut_off_share sets the limit."
        raise BadMediaError(uri, problem, remedy)
    warnings = []
    if footage.fps < MIN_FPS:
        warnings.append(f"{footage.fps:g} poses per second are few; extract the poses with fps=30")
    if cut_off > CUT_OFF_WARNING:
        warnings.append(f"the dancer is cut off by the edge of the frame in {cut_off:.0%} of the frames")
    return warnings


def check_duration(uri: str, usable_s: float, limits: FootageVerdictConfig) -> None:
    """Raise BadMediaError when too few seconds are usable."""
    if usable_s < limits.min_usable_s or usable_s <= 0:
        problem = f"only {usable_s:.1f} s of it are usable; at least {limits.min_usable_s:g} s are required."
        remedy = "Film three minutes or more; verdict.min_usable_s sets the limit."
        raise BadMediaError(uri, problem, remedy)


def duration_warnings(usable_s: float, limits: FootageVerdictConfig) -> list[str]:
    """A warning when the footage is short."""
    if usable_s >= limits.warn_usable_s:
        return []
    return [f"{usable_s:.0f} s of usable footage are few; {limits.warn_usable_s:g} s or more are recommended"]


def check_variety(uri: str, poses: int, limits: FootageVerdictConfig) -> list[str]:
    """Raise BadMediaError when the footage shows too few distinct poses; returns warnings."""
    if poses < limits.min_poses:
        problem = f"shows {poses} distinct poses; at least {limits.min_poses} are required."
        remedy = "Film arms, legs and turns in all positions; verdict.min_poses sets the limit."
        raise BadMediaError(uri, problem, remedy)
    if poses >= limits.warn_poses:
        return []
    return [f"{poses} distinct poses are few, and the person can only do these; {limits.warn_poses} are recommended"]


def crop_warnings(footage: Footage, crop: Crop, height_px: int) -> list[str]:
    """Warnings on the size of the crop and of the dancer in it."""
    warnings = []
    beyond = crop.beyond(footage.width_px, footage.height_px)
    if beyond > BEYOND_WARNING:
        shape = "portrait" if footage.height_px > footage.width_px else "landscape"
        text = f"{beyond:.0%} of the crop is outside the video's frame, whose edge is repeated; use a {shape} size"
        warnings.append(text)
    if crop.height < height_px:
        warnings.append(f"the crop has {crop.height} rows, and is enlarged to {height_px}; use a smaller height_px")
    torso = footage.torso_px / crop.height
    if torso < SMALL_TORSO:
        text = f"the dancer's torso is {torso:.0%} of the crop's height, because the dancer moves widely or far away"
        warnings.append(text)
    return warnings


def check_background(
    uri: str,
    shifts: Float[np.ndarray, " N"],
    offsets: Float[np.ndarray, " N"],
    drift: float,
    limits: FootageVerdictConfig,
) -> list[str]:
    """Raise BadMediaError when the camera moves or the exposure drifts; returns warnings."""
    known = shifts[~np.isnan(shifts)]
    shift = float(np.quantile(known, OFTEN, method="lower")) if len(known) else 0.0
    if shift > limits.max_camera_shift:
        allowed = f"{limits.max_camera_shift:.1%} are allowed"
        moved = f"the camera moves by {shift:.1%} of the frame's width; {allowed}."
        problem = moved if np.isfinite(shift) else "the camera moves: most of the background is not found again."
        raise BadMediaError(uri, problem, FILM)
    if drift > limits.max_exposure_drift:
        problem = (
            f"the exposure drifts by {drift:.1f} of 255 levels within 10 s; {limits.max_exposure_drift:g} are allowed."
        )
        raise BadMediaError(uri, problem, FILM)
    warnings = []
    if not len(known):
        warnings.append("the background has too few features to tell whether the camera moves")
    total = float(np.nanmax(offsets) - np.nanmin(offsets)) if np.isfinite(offsets).any() else 0.0
    if total > LONG_DRIFT * limits.max_exposure_drift:
        warnings.append(f"the exposure changes by {total:.0f} of 255 levels over the video")
    return warnings


def plate_warnings(coverage: float) -> list[str]:
    """A warning when much of the plate had to be inpainted."""
    if coverage >= COVERAGE_WARNING:
        return []
    return [f"{1 - coverage:.1%} of the background is never visible and was inpainted; film the empty scene too"]


def repetition_warnings(repeated: int, frames: int) -> list[str]:
    """A warning when many frames repeat the one before, which leaves few pairs of consecutive frames."""
    share = repeated / max(1, repeated + frames)
    if share < REPEATED_WARNING:
        return []
    text = f"{share:.0%} of the frames repeat the one before; if the video has fewer frames per second than the poses,"
    return [f"{text} extract the poses with its own rate"]


def split_warnings(counts: dict[str, int]) -> list[str]:
    """A warning for each split without frames."""
    return [f"the {split} split has no frames" for split, count in counts.items() if not count]


def _cut_off_share(footage: Footage) -> float:
    """Fraction of the dancer's frames in which a joint is at the edge of the frame, or both ankles are missing."""
    without_feet = (footage.joints[:, ANKLES, 2] <= 0).all(axis=1)
    cut_off = (footage.cut_off | without_feet)[footage.present]
    return float(cut_off.mean()) if len(cut_off) else 0.0
