"""a tracked dancer -> columns of a row of poses: the repaired joints and their quality measures.

Axes used in shapes:
    T frames    J joints
"""

from collections.abc import Collection
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from dancegen import schema
from dancegen.errors import BadMediaError
from dancegen.pose.choose import Dancer, switches
from dancegen.pose.clean import Mark, clean
from dancegen.pose.runs import NOBODY, unbroken_runs
from dancegen.pose.settings import CleanConfig, VerdictConfig
from dancegen.pose.windows import usable_frames
from dancegen.skeleton import COCO18

SIDES = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
BODY = [COCO18.index(f"{side}_{joint}") for side in ("right", "left") for joint in SIDES]
BODY_SHARE = 0.5  # of the body's joints must be found for a frame to count as one with a dancer: a face alone does not


def clean_runs(
    dancer: Dancer, cuts: Collection[int], fps: float, aspect: float, config: CleanConfig
) -> tuple[Float32[np.ndarray, "T J 3"], UInt8[np.ndarray, "T J"]]:
    """The joints repaired within each unbroken run, and the mark of each; outside the runs all joints are missing."""
    joints = np.full_like(dancer.joints, np.nan)
    joints[..., 2] = 0.0
    marks = np.full(joints.shape[:2], Mark.MISSING, dtype=np.uint8)
    for run in unbroken_runs(dancer.tracks, cuts):
        cleaned = clean(dancer.joints[run], fps, aspect, config.max_gap_s, config.smoothing)
        joints[run], marks[run] = cleaned.joints, cleaned.marks
    return joints, marks


def poses_columns(
    dancer: Dancer, cuts: Collection[int], fps: float, width_px: int, height_px: int, config: CleanConfig
) -> dict[str, Any]:
    """Columns of schema.POSES that describe the joints."""
    aspect = width_px / height_px
    joints, marks = clean_runs(dancer, cuts, fps, aspect, config)
    repaired = (marks == Mark.FILLED) | (marks == Mark.REPLACED)
    return {
        "skeleton": COCO18.name,
        "fps": fps,
        "frames": len(joints),
        "width_px": width_px,
        "height_px": height_px,
        "joints": schema.to_bytes(joints, "float32"),
        "marks": schema.to_bytes(marks, "uint8"),
        "tracks": schema.to_bytes(dancer.tracks, "int32"),
        "cuts": sorted(cuts),
        "missing_share": _share(dancer.joints[..., 2] <= 0),
        "repaired_share": _share(repaired),
        "switches": switches(dancer.tracks, cuts),
        "usable_s": usable_frames(joints, dancer.tracks, cuts) / fps,
    }


def check_verdict(
    uri: str, joints: Float32[np.ndarray, "T J 3"], columns: dict[str, Any], config: VerdictConfig
) -> None:
    """Raise BadMediaError with the reason if a video must be set aside. `joints` are those before the repair."""
    seen = joints[..., 2] > 0
    found = _share(seen[:, BODY].mean(axis=1) >= BODY_SHARE)
    there = _tracked(columns)
    marks = schema.from_bytes(columns["marks"], "uint8", *seen.shape)[there]
    repaired = _share((marks == Mark.FILLED) | (marks == Mark.REPLACED))
    missing = _share(~seen[there])
    problem = remedy = None
    if found < config.min_found_share:
        problem = f"no dancer was found in {1 - found:.0%} of the frames."
        remedy = "Use videos that show the dancer's whole body; verdict.min_found_share sets the limit."
    elif missing > config.max_missing_share:
        problem = f"{missing:.0%} of the dancer's joints are missing."
        remedy = "Use videos that show the dancer's whole body; verdict.max_missing_share sets the limit."
    elif repaired > config.max_repaired_share:
        problem = f"{repaired:.0%} of the dancer's joints had to be repaired."
        remedy = "Use sharper videos or another estimator; verdict.max_repaired_share sets the limit."
    elif columns["usable_s"] < config.min_usable_s:
        problem = f"only {columns['usable_s']:.1f} s of it are usable for clips."
        remedy = "Use longer videos of one dancer; verdict.min_usable_s sets the limit."
    if problem and remedy:
        raise BadMediaError(uri, problem, remedy)


def _tracked(columns: dict[str, Any]) -> Bool[np.ndarray, " T"]:
    return schema.from_bytes(columns["tracks"], "int32", -1) != NOBODY


def _share(which: np.ndarray) -> float:
    return float(which.mean()) if which.size else 0.0
