"""A dance as a file: arrays in a NumPy archive (NPZ), which `import-poses format=npz` reads too.

Axes used in shapes:
    F frames of the video    T poses of the model    J joints
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from dancegen.errors import BadMediaError
from dancegen.media.arrays import load_arrays
from dancegen.media.marks import COMMENT, NPZ_MARK
from dancegen.music.beats import Heard
from dancegen.music.sections import Section
from dancegen.pose.foot_contact import ANKLES, contacts
from dancegen.skeleton import COCO18

FEET = tuple(COCO18.joints[ankle] for ankle in ANKLES)
AGAIN = "Write it again: dancegen dance SONG -o VIDEO --export npz."


@dataclass(frozen=True)
class Dance:
    """A dance, and the beats and sections of its song."""

    title: str
    """File name of the song, without its suffix."""
    joints_px: Float32[np.ndarray, "F J 3"]
    """x, y in pixels and confidence in each frame of the video."""
    fps: float
    width_px: int
    height_px: int
    poses: Float32[np.ndarray, "T J 2"]
    """What the model generated, in its normalisation."""
    poses_fps: float
    seed: int
    """Seed of the noise of this dance."""
    checkpoint_hash: str
    """Hash of the model, as in the table of renders."""
    content_hash: str
    """SHA-256 of the song's bytes, in hex."""
    heard: Heard
    sections: list[Section]


def save(dance: Dance, path: Path) -> None:
    """Write the file. The same dance gives the same bytes."""
    arrays: dict[str, Any] = {
        NPZ_MARK: COMMENT,  # the first member: identifies the file
        "title": dance.title,
        "joints": dance.joints_px,
        "fps": dance.fps,
        "width_px": dance.width_px,
        "height_px": dance.height_px,
        "joint_names": np.array(COCO18.joints),
        "bones": np.array(COCO18.bone_indices),
        "foot_names": np.array(FEET),
        "foot_contacts": contacts(dance.joints_px[..., :2], dance.fps),
        "poses": dance.poses,
        "poses_fps": dance.poses_fps,
        "seed": dance.seed,
        "checkpoint_hash": dance.checkpoint_hash,
        "content_hash": dance.content_hash,
        "beats_s": dance.heard.beats_s,
        "beat_positions": dance.heard.positions,
        "beat_meters": dance.heard.meters,
        "beat_triple": dance.heard.triple,
        "beat_confidence": dance.heard.confidence,
        "sections_s": np.array([section[:2] for section in dance.sections], dtype=np.float64).reshape(-1, 2),
        "section_labels": np.array([section.label for section in dance.sections], dtype=np.str_),
    }
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load(path: Path, subject: str) -> Dance:
    """The dance of a file. Raises BadMediaError when it is none; no code in the file is run."""
    try:
        return _dance(load_arrays(path, subject, "a NumPy archive of a dance", AGAIN))
    except KeyError as error:
        raise BadMediaError(subject, f"is no dance of dancegen: it has no array {error}.", AGAIN) from error
    except (ValueError, TypeError) as error:
        raise BadMediaError(subject, f"is not a NumPy archive of a dance, or is damaged ({error}).", AGAIN) from error


def _dance(found: dict[str, Any]) -> Dance:
    joints, poses = found["joints"], found["poses"]
    wanted = ((joints, (len(COCO18), 3)), (poses, (len(COCO18), 2)))
    if any(array.ndim != 3 or array.shape[1:] != shape or not np.isfinite(array).all() for array, shape in wanted):
        raise ValueError(f"joints of shape {joints.shape} and poses of shape {poses.shape}, or non-finite values")
    beats = [found[name] for name in ("beats_s", "beat_positions", "beat_meters", "beat_triple")]
    sections = zip(found["sections_s"].tolist(), found["section_labels"].tolist(), strict=True)
    return Dance(
        title=str(found["title"]),
        joints_px=joints,
        fps=float(found["fps"]),
        width_px=int(found["width_px"]),
        height_px=int(found["height_px"]),
        poses=poses,
        poses_fps=float(found["poses_fps"]),
        seed=int(found["seed"]),
        checkpoint_hash=str(found["checkpoint_hash"]),
        content_hash=str(found["content_hash"]),
        heard=Heard(*beats, confidence=float(found["beat_confidence"])),
        sections=[Section(start_s, end_s, label) for (start_s, end_s), label in sections],
    )
