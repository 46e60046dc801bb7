"""A saved dance -> the same dance again, or with another dance in one section.

Outside the section nothing changes: poses are those of the file and, at its frame size and rate, so are the joints in
pixels. Within a beat of its ends the section is cross-faded with the saved dance. The head of tokens draws it so that
it continues the saved dance.

Axes used in shapes:
    S samples (mono, 16 kHz)    T poses    J joints    F frames of the video
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32

from dancegen.errors import BadMediaError
from dancegen.exports.dance import Dance
from dancegen.gan.dance_model import DanceModel
from dancegen.media.audio import SAMPLE_RATE
from dancegen.pose.normalize import square
from dancegen.pose.resample import resample
from dancegen.pose.section import Section
from dancegen.steps.render.candidates import best_dance
from dancegen.steps.render.dancing import Danced, placed
from dancegen.steps.render.looks.look import Look
from dancegen.steps.render.settings import PictureConfig

FADE_S = 0.5  # without a beat


@dataclass(frozen=True)
class Again:
    """Makes a dance from a saved one, in the place of `best_dance`."""

    saved: Dance
    uri: str
    """Of the saved dance, for messages."""
    section_s: tuple[float, float] | None = None
    """Start and end of the section that is danced anew, in seconds; None changes nothing."""

    def __call__(
        self,
        samples: Float32[np.ndarray, " S"],
        model: DanceModel,
        look: Look,
        picture: PictureConfig,
        content_hash: str,
    ) -> Danced:
        """The dance. Raises BadMediaError when the file has a dance to another song, or not of the section's time."""
        self._check(len(samples) / SAMPLE_RATE, model, content_hash)
        if self.section_s is None:
            poses, made = self.saved.poses, None
        else:
            made = best_dance(samples, model, look, picture, content_hash, self._section(self.section_s))
            poses = self._spliced(made.poses)
        joints_px = self._placed(poses, samples, model, look.size, picture.fps)
        if made is None:
            return Danced(poses, joints_px, self.saved.seed, self.saved.heard)
        return Danced(poses, joints_px, made.seed, self.saved.heard, made.style, made.scores)

    def _check(self, seconds: float, model: DanceModel, content_hash: str) -> None:
        if self.saved.content_hash != content_hash:
            problem = f"is a dance to another song, {self.saved.title!r}."
            raise BadMediaError(self.uri, problem, "Name the file of that song.")
        if self.saved.poses_fps != model.config.fps:
            problem = f"has {self.saved.poses_fps:g} poses per second, and the checkpoint makes {model.config.fps:g}."
            raise BadMediaError(self.uri, problem, "Name the checkpoint that the dance was made with.")
        if self.section_s is not None and self.section_s[1] > seconds:
            problem = f"lasts {seconds:.1f} s, and the section ends at {self.section_s[1]:g} s."
            raise BadMediaError(self.uri, problem, "Give a section inside the song.")

    def _section(self, section_s: tuple[float, float]) -> Section:
        first, last = (round(end_s * self.saved.poses_fps) for end_s in section_s)
        return Section(torch.from_numpy(self.saved.poses), first, last)

    def _spliced(self, other: Float32[np.ndarray, "T J 2"]) -> Float32[np.ndarray, "T J 2"]:
        """The saved dance with the other one in the section."""
        assert self.section_s is not None
        times_s = np.arange(len(self.saved.poses)) / self.saved.poses_fps
        bpm = self.saved.heard.counted_bpm
        fade_s = min(60 / bpm if np.isfinite(bpm) else FADE_S, (self.section_s[1] - self.section_s[0]) / 2)
        inside_s = np.minimum(times_s - self.section_s[0], self.section_s[1] - times_s)
        share = np.clip(inside_s / fade_s, 0, 1)[:, None, None]
        mixed = self.saved.poses + share * (other - self.saved.poses)
        return np.where(share > 0, mixed, self.saved.poses).astype(np.float32)

    def _placed(
        self,
        poses: Float32[np.ndarray, "T J 2"],
        samples: Float32[np.ndarray, " S"],
        model: DanceModel,
        size: tuple[int, int],
        fps: float,
    ) -> Float32[np.ndarray, "F J 3"]:
        """Joints in pixels: at the saved frame size and rate as they were placed then, else anew."""
        before = self.saved
        if (before.width_px, before.height_px) != size or before.fps != fps:
            return placed(poses, samples, model, size, fps)
        if self.section_s is None:
            return before.joints_px
        frames, scaled = len(before.joints_px), model.config.normalization
        old, new = (
            resample(square(pose, scaled), before.poses_fps, fps, frames).astype(np.float64)
            for pose in (before.poses, poses)
        )
        origin_px, origin = before.joints_px[..., :2].mean(axis=(0, 1)), old.mean(axis=(0, 1))
        px_a_unit = (before.joints_px[..., :2] - origin_px).std() / (old - origin).std()
        joints = np.concatenate([(new - origin) * px_a_unit + origin_px, before.joints_px[..., 2:]], axis=-1)
        times_s = np.arange(frames) / fps
        inside = (times_s > self.section_s[0]) & (times_s < self.section_s[1])
        return np.where(inside[:, None, None], joints, before.joints_px).astype(np.float32)
