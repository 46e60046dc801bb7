"""Real and generated dances of the same clips, side by side, as an image and as a short video.

Axes used in shapes:
    T frames    J joints    H rows    W columns
"""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from dancegen.drawing.draw import draw_skeleton
from dancegen.gan.settings import DanceModelConfig
from dancegen.media.writer import VideoWriter
from dancegen.pose.normalize import place_in_frame, square
from dancegen.pose.resample import resample
from dancegen.training.batch import Batch

WIDTH_PX, HEIGHT_PX = 320, 240  # of one dance in the video
CELL_PX = 160  # height of one pose in the image
POSES = 8  # of each dance in the image
FPS = 25.0  # of the video
INK, TEXT_SIZE = (230, 230, 230), 0.5


class SideBySide:
    """Some clips, their real dances and the generated ones."""

    def __init__(
        self, batch: Batch, dances: Float[Tensor, "B T J 2"], config: DanceModelConfig, made: str = "generated"
    ) -> None:
        """`made` is written on the dances."""
        self.names = ("real", made)
        real = np.where(_numpy(batch.mask)[..., None] > 0, _numpy(batch.pose), np.nan)
        self.fps, self.sound = config.fps, _numpy(batch.audio)
        self.pairs = [
            tuple(square(pose, config.normalization) for pose in pair)
            for pair in zip(real, np.nan_to_num(_numpy(dances)), strict=True)
        ]

    def write_picture(self, path: Path) -> None:
        """Write a PNG with two rows per clip: poses of the real dance, and below them those of the generated one."""
        rows = [self._row(pose, name) for pair in self.pairs for pose, name in zip(pair, self.names, strict=True)]
        _, png = cv2.imencode(".png", cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
        path.write_bytes(png.tobytes())

    def write_video(self, path: Path) -> None:
        """Write an MP4 of one clip after the other with its audio: the real dance left, the generated one right."""
        frames = round(self.sound.shape[1] / self.fps * FPS)
        size, sound = (WIDTH_PX, HEIGHT_PX), np.concatenate([clip.ravel() for clip in self.sound])
        with VideoWriter(path, 2 * WIDTH_PX, HEIGHT_PX, FPS, sound=sound.astype(np.float32)) as writer:
            for pair in self.pairs:
                left, right = (place_in_frame(resample(pose, self.fps, FPS, frames), *size) for pose in pair)
                for joints in zip(left, right, strict=True):
                    cells = [_drawn(one, *size, name) for one, name in zip(joints, self.names, strict=True)]
                    writer.write(np.hstack(cells))

    def _row(self, pose: Float[np.ndarray, "T J 2"], name: str) -> UInt8[np.ndarray, "H W 3"]:
        at = np.linspace(0, len(pose) - 1, POSES).round().astype(int)
        placed = place_in_frame(pose, CELL_PX, CELL_PX)[at]
        return np.hstack([_drawn(one, CELL_PX, CELL_PX, "" if index else name) for index, one in enumerate(placed)])


def _drawn(joints_px: np.ndarray, width_px: int, height_px: int, name: str) -> UInt8[np.ndarray, "H W 3"]:
    picture = draw_skeleton(joints_px, width_px, height_px)
    return cv2.putText(picture, name, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, TEXT_SIZE, INK, 1, cv2.LINE_AA)


def _numpy(values: Tensor) -> np.ndarray:
    return values.detach().float().cpu().numpy()
