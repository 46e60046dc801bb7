"""Frames and audio -> a synchronized MP4 file that common players support.

Axes used in shapes:
    H rows    W columns    S samples
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from jaxtyping import Float32, UInt8

from dancegen.errors import StorageError
from dancegen.media.audio import pieces, resampled, stream_rate
from dancegen.media.colors import video_frame
from dancegen.media.marks import COMMENT

BT709 = 1  # the number of the colour standard of HD video, for matrix, primaries and transfer alike
CRF, PRESET, THREADS = "20", "veryfast", 2
SOUND_BITS_PER_SECOND = 192_000
AAC_BLOCK = 1024  # samples


class VideoWriter:
    """Writes an MP4 file (H.264, and AAC when there is audio) that common players support. Use it in a `with` block.

    `sound` is a file, whose audio is decoded in stereo, or mono samples at 16 kHz. It begins at `sound_start_s`, and is
    cut, or padded with silence, to the length of the video. `description` is kept in the file's metadata. If the block
    raises, no file is left.
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
        self.path, self.shape = path, (height_px, width_px, 3)
        self.fps = Fraction(fps).limit_denominator(1001)
        self.frames = 0
        self.description = description
        self.sound = None if sound is None else _Sound(sound, sound_start_s)

    def __enter__(self) -> "VideoWriter":
        try:
            self.container = av.open(f"file:{self.path.absolute()}", "w", "mp4", options={"movflags": "+faststart"})
            self.video: Any = self.container.add_stream("libx264", self.fps, {"crf": CRF, "preset": PRESET})
        except (FFmpegError, OSError) as error:
            raise _unwritable(self.path, error) from error
        self.container.metadata["comment"] = COMMENT
        if self.description is not None:
            self.container.metadata["description"] = self.description
        context = self.video.codec_context
        context.height, context.width, context.pix_fmt = *self.shape[:2], "yuv420p"
        context.thread_count = THREADS
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = ColorRange.MPEG
        if self.sound is not None:
            self.audio: Any = self.container.add_stream("aac", self.sound.rate, layout="stereo")
            self.audio.codec_context.bit_rate = SOUND_BITS_PER_SECOND
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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        finished = False
        try:
            if kind is None:
                if not self.frames:
                    raise ValueError("a video must have at least one frame")
                self._mux(self.video, None)
                self._finish_sound()
                self._close()
                finished = True
        finally:
            if not finished:
                self._discard()

    def _write_sound(self, seconds: Fraction) -> None:
        if self.sound is not None:
            for piece in self.sound.until(round(seconds * self.sound.rate)):
                self._mux(self.audio, piece)

    def _finish_sound(self) -> None:
        """Ends the audio with a whole AAC block, the nearest to the last frame's end: players play whole blocks."""
        if self.sound is not None:
            blocks = round(self.frames / self.fps * self.sound.rate / AAC_BLOCK)
            self._write_sound(Fraction(max(blocks, 1) * AAC_BLOCK, self.sound.rate))
            self._mux(self.audio, None)

    def _mux(self, stream: Any, frame: VideoFrame | AudioFrame | None) -> None:
        try:
            self.container.mux(stream.encode(frame))
        except FFmpegError as error:
            raise _unwritable(self.path, error) from error

    def _close(self) -> None:
        try:
            self.container.close()
        except FFmpegError as error:
            raise _unwritable(self.path, error) from error

    def _discard(self) -> None:
        try:
            self._close()
        except StorageError:
            pass  # the first error is the one to report
        finally:
            self.path.unlink(missing_ok=True)


class _Sound:
    """A song's audio in stereo, read incrementally, and silence after its end."""

    def __init__(self, sound: Path | Float32[np.ndarray, " S"], start_s: float) -> None:
        if isinstance(sound, np.ndarray):
            self.rate = 48_000
            self.pieces = resampled(sound, self.rate, "stereo")
        else:
            subject = str(sound)
            self.rate = 44_100 if stream_rate(sound, subject) % 11_025 == 0 else 48_000
            self.pieces = pieces(sound, subject, self.rate, "stereo")
        self.given = 0
        self.rest = np.zeros((2, 0), dtype=np.float32)
        self._skip(round(start_s * self.rate))

    def until(self, samples: int) -> Iterator[AudioFrame]:
        """Frames up to a total of `samples` samples."""
        while self.given < samples:
            missing = samples - self.given
            if not self.rest.shape[1]:
                self.rest = next(self.pieces, np.zeros((2, missing), dtype=np.float32))
            piece, self.rest = self.rest[:, :missing], self.rest[:, missing:]
            if piece.shape[1]:
                yield self._frame(piece)

    def _skip(self, samples: int) -> None:
        while samples > 0 and (piece := next(self.pieces, None)) is not None:
            self.rest = piece[:, samples:]
            samples -= piece.shape[1]

    def _frame(self, piece: Float32[np.ndarray, "2 S"]) -> AudioFrame:
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(piece), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = self.rate, self.given, Fraction(1, self.rate)
        self.given += piece.shape[1]
        return frame


def _unwritable(path: Path, error: OSError | FFmpegError) -> StorageError:
    return StorageError(str(path), f"cannot be written ({error.strerror}).", "Check the folder and the free space.")
