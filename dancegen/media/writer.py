"""Frames and audio -> a synchronized MP4 file that common players support.

Axes used in shapes:
    H rows    W columns    S samples
"""

from pathlib import Path
from typing import Any

import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorRange
from jaxtyping import Float32, UInt8

from dancegen.media.colors import video_frame
from dancegen.media.mp4 import Mp4File

BT709 = 1  # the number of the colour standard of HD video, for matrix, primaries and transfer alike
PRESET, THREADS = "veryfast", 2
# Without mbtree: x264 reads memory there that it never wrote (core 165), so that the same frames give different bytes.
# The others are chosen for the size and quality of CRF 20 with mbtree, or a little above.
RATE_CONTROL = {"crf": "23", "x264-params": "mbtree=0:ipratio=2:qcomp=0.8"}


class VideoWriter(Mp4File):
    """Encodes frames (H.264) for an MP4 file that common players support. Use it in a `with` block.

    The other arguments are those of Mp4File.
    """

    def __init__(
        self,
        path: Path,
        width_px: int,
        height_px: int,
        fps: int | float,
        sound: Path | Float32[np.ndarray, " S"] | None = None,
        description: str | None = None,
        sound_start_s: float = 0.0,
    ) -> None:
        if width_px % 2 or height_px % 2:
            raise ValueError(f"the size of a video must be even, not {width_px}x{height_px}")
        super().__init__(path, fps, sound, description, sound_start_s)
        self.shape = (height_px, width_px, 3)

    def __enter__(self) -> "VideoWriter":
        self._open()
        return self

    def write(self, rgb: UInt8[np.ndarray, "H W 3"]) -> None:
        """Append one frame."""
        if rgb.shape != self.shape or rgb.dtype != np.uint8:
            raise ValueError(f"a frame must be uint8 {self.shape}, not {rgb.dtype} {rgb.shape}")
        frame = video_frame(rgb)
        frame.pts, frame.time_base = self.frames, 1 / self.fps
        self._mux(self.video, frame)
        self._write_sound(self.frames / self.fps)  # one frame behind, so that the end can still be adjusted
        self.frames += 1

    def _stream(self, container: OutputContainer) -> Any:
        stream: Any = container.add_stream("libx264", self.fps, {"preset": PRESET, **RATE_CONTROL})
        context = stream.codec_context
        context.height, context.width, context.pix_fmt = *self.shape[:2], "yuv420p"
        context.thread_count = THREADS
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = ColorRange.MPEG
        return stream

    def _end_stream(self) -> None:
        self._mux(self.video, None)
