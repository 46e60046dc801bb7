"""An MP4 file that is being written: its pictures come from a subclass, its sound from a song.

Axes used in shapes:
    S samples
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from jaxtyping import Float32

from dancegen.errors import StorageError
from dancegen.media.audio import pieces, resampled, stream_rate
from dancegen.media.marks import COMMENT

SOUND_BITS_PER_SECOND = 192_000
AAC_BLOCK = 1024  # samples


class Mp4File:
    """Writes an MP4 file, with AAC when there is audio. Use it in a `with` block. If the block raises, no file is left.

    `sound` is a file, whose audio is decoded in stereo, or mono samples at 16 kHz. It begins at `sound_start_s`, and is
    cut, or padded with silence, to the length of the video. `description` is kept in the file's metadata.
    """

    def __init__(
        self,
        path: Path,
        fps: int | float,
        sound: Path | Float32[np.ndarray, " S"] | None = None,
        description: str | None = None,
        sound_start_s: float = 0.0,
    ) -> None:
        self.path = path
        self.fps = Fraction(fps).limit_denominator(1001)
        self.frames = 0
        self.description = description
        self.sound = None if sound is None else _Sound(sound, sound_start_s)

    def _stream(self, container: OutputContainer) -> Any:
        """Add the stream of pictures to the new file."""
        raise NotImplementedError

    def _end_stream(self) -> None:
        """Write what is left of the pictures."""

    def _open(self) -> None:
        try:
            self.container = av.open(f"file:{self.path.absolute()}", "w", "mp4", options={"movflags": "+faststart"})
            self.video: Any = self._stream(self.container)
        except (FFmpegError, OSError) as error:
            raise unwritable(self.path, error) from error
        self.container.metadata["comment"] = COMMENT
        if self.description is not None:
            self.container.metadata["description"] = self.description
        if self.sound is not None:
            self.audio: Any = self.container.add_stream("aac", self.sound.rate, layout="stereo")
            self.audio.codec_context.bit_rate = SOUND_BITS_PER_SECOND

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        finished = False
        try:
            if kind is None:
                if not self.frames:
                    raise ValueError("a video must have at least one frame")
                self._end_stream()
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
            raise unwritable(self.path, error) from error

    def _close(self) -> None:
        try:
            self.container.close()
        except FFmpegError as error:
            raise unwritable(self.path, error) from error

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


def unwritable(path: Path, error: OSError | FFmpegError) -> StorageError:
    """The error of a file that could not be written."""
    return StorageError(str(path), f"cannot be written ({error.strerror}).", "Check the folder and the free space.")
