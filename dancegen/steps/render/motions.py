"""Dances that are kept: another look, person or size of the same songs needs no new ones.

The table of motions has a part per dance, under a key from all that the dance depends on: the song's content and the
part of it, the dance model, seed, style, energy and number of candidates; and where a person's footage decides between
candidates, that person, the size and the frame rate. The same key is the same dance, so jobs may share a table, and
nothing in it becomes outdated. A part is a few hundred kilobytes: a shard of a thousand would be no better to read.

Axes used in shapes:
    S samples (mono, 16 kHz)    T poses of the model    F frames of the video    J joints
"""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float32

from dancegen import schema, tables
from dancegen.gan.dance_model import DanceModel
from dancegen.gan.styles import NONE
from dancegen.media.audio import SAMPLE_RATE
from dancegen.music.beats import Heard
from dancegen.music.sound import tempo_columns
from dancegen.skeleton import COCO18
from dancegen.steps.render.candidates import best_dance
from dancegen.steps.render.dancing import Danced, Part, in_frames
from dancegen.steps.render.looks.look import Look
from dancegen.steps.render.settings import PictureConfig

VERSION = 5  # to be raised when the same song, model and settings give another dance, or its row other columns

Row = dict[str, Any]


@dataclass(frozen=True)
class Motions:
    """Takes a dance from the table, or makes and keeps it, in the place of `best_dance`."""

    table: str
    checkpoint_hash: str
    """Identity of the dance model."""
    part: Part
    """The part of the song that the samples are."""
    again: bool = False
    """Make the dance although it is in the table, and replace it."""

    def __call__(
        self,
        samples: Float32[np.ndarray, " S"],
        model: DanceModel,
        look: Look,
        picture: PictureConfig,
        content_hash: str,
    ) -> Danced:
        """The dance. Raises StorageError when the table cannot be written."""
        about = self._about(model, look, picture, content_hash)
        key = motion_key(about)
        kept = None if self.again else tables.find_part(self.table, schema.MOTIONS, key, schema.MOTIONS.names)
        if kept is not None:
            return _from_row(kept, joints_px(kept, look.size, picture.fps))
        danced = replace(best_dance(samples, model, look, picture, content_hash), key=key)
        of_model = {"fps": model.config.fps, "normalization": model.config.normalization}
        row = {"uri": key, **about, "seconds": len(samples) / SAMPLE_RATE, **of_model, **_columns(danced)}
        tables.write_part(self.table, schema.table(schema.MOTIONS, [row]), key)
        return danced

    def _about(self, model: DanceModel, look: Look, picture: PictureConfig, content_hash: str) -> Row:
        """What the dance depends on: columns of schema.MOTIONS."""
        chosen_for = None
        if picture.candidates > 1 and look.person is not None:
            chosen_for = f"{look.person} {look.size[0]}x{look.size[1]} {picture.fps:g}"
        return {
            "content_hash": content_hash,
            "start_s": self.part.start_s,
            "end_s": self.part.end_s,
            "checkpoint_hash": self.checkpoint_hash,
            "seed": picture.seed,
            "wanted_style": picture.style if model.styles else NONE,
            "energy": picture.energy,
            "candidates": picture.candidates,
            "chosen_for": chosen_for,
        }


def motion_key(about: Row) -> str:
    """The key of the dance that depends on these columns of schema.MOTIONS."""
    return hashlib.sha256(json.dumps({"version": VERSION, **about}, sort_keys=True).encode()).hexdigest()


def joints_px(row: Row, size: tuple[int, int], fps: float) -> Float32[np.ndarray, "F J 3"]:
    """Joints of the dance of a row in each frame of a video of this width and height in pixels, and its confidence."""
    return in_frames(_poses(row), row["fps"], row["normalization"], row["seconds"], size, fps)


def _columns(danced: Danced) -> Row:
    """The columns of a dance and of its beats."""
    heard = danced.heard
    beats = (
        {}
        if heard is None
        else {
            "beats_s": schema.to_bytes(heard.beats_s, "float64"),
            "beat_positions": schema.to_bytes(heard.positions, "int64"),
            "beat_meters": schema.to_bytes(heard.meters, "int64"),
            "beat_triple": schema.to_bytes(heard.triple, "float64"),
            **tempo_columns(heard),
        }
    )
    return {
        "poses": schema.to_bytes(danced.poses, "float32"),
        "dance_seed": danced.seed,
        "style": danced.style,
        "candidate_scores": danced.scores,
        **beats,
    }


def _from_row(row: Row, joints: Float32[np.ndarray, "F J 3"]) -> Danced:
    """The dance of a row, with its joints in the frames of a video."""
    scores, known = row["candidate_scores"], {"key": row["uri"], "reused": True}
    return Danced(_poses(row), joints, row["dance_seed"], _heard(row), row["style"], scores, **known)


def _poses(row: Row) -> Float32[np.ndarray, "T J 2"]:
    return schema.from_bytes(row["poses"], "float32", -1, len(COCO18), 2)


def _heard(row: Row) -> Heard | None:
    if row["beats_s"] is None:
        return None
    return Heard(
        schema.from_bytes(row["beats_s"], "float64", -1),
        schema.from_bytes(row["beat_positions"], "int64", -1),
        schema.from_bytes(row["beat_meters"], "int64", -1),
        schema.from_bytes(row["beat_triple"], "float64", -1),
        row["tempo_confidence"],
    )
