"""Videos without sound -> one MP4 file of all their pictures, which are not encoded again, and a song's audio.

Each video begins with a key frame, and no picture refers to one of another video: pictures of the joined file are
decoded to the same pixels as before.

Axes used in shapes:
    S samples
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream
from jaxtyping import Float32

from dancegen.errors import BadMediaError
from dancegen.media.container import open_container, picture_stream
from dancegen.media.mp4 import Mp4File, unwritable

AGAIN = "Delete it and run the step again."


class VideoJoiner(Mp4File):
    """Joins videos of a VideoWriter that have the same size and frame rate. Use it in a `with` block.

    Each has at least three frames: a shorter one has other decoding times, which do not follow those of the one before.
    `like` is one of the videos. The other arguments are those of Mp4File.
    """

    def __init__(
        self,
        path: Path,
        like: Path,
        fps: int | float,
        sound: Path | Float32[np.ndarray, " S"] | None = None,
        description: str | None = None,
        sound_start_s: float = 0.0,
    ) -> None:
        super().__init__(path, fps, sound, description, sound_start_s)
        self._like = like

    def __enter__(self) -> "VideoJoiner":
        self._open()
        return self

    def append(self, video: Path, frames: int, subject: str) -> None:
        """Append the pictures of a video with so many frames. `subject` names it in error messages.

        Raises BadMediaError when it cannot be read, has another number of frames, or was encoded in another way.
        """
        before = self.frames
        with open_container(video, subject) as container:
            stream = picture_stream(container, subject)
            if stream.codec_context.extradata != self._header:
                raise BadMediaError(subject, "was encoded in another way than the other segments.", AGAIN)
            for packet in _packets(container.demux(stream), stream, self.frames / self.fps):
                packet.stream = self.video
                try:
                    self.container.mux(packet)
                except FFmpegError as error:
                    raise unwritable(self.path, error) from error
                self._write_sound(self.frames / self.fps)  # one frame behind, so that the end can still be adjusted
                self.frames += 1
        if self.frames - before != frames:
            raise BadMediaError(subject, f"has {self.frames - before} frames instead of {frames}.", AGAIN)

    def _stream(self, container: OutputContainer) -> Any:
        with open_container(self._like, str(self._like)) as first:
            stream = picture_stream(first, str(self._like))
            self._header = stream.codec_context.extradata
            return container.add_stream_from_template(stream)


def _packets(packets: Iterator[Packet], stream: VideoStream, start_s: Fraction) -> Iterator[Packet]:
    """The encoded pictures, `start_s` later."""
    assert stream.time_base is not None
    later = round(start_s / stream.time_base)
    for packet in packets:
        if packet.dts is None or packet.pts is None:  # the last one, which is empty
            continue
        packet.pts, packet.dts = packet.pts + later, packet.dts + later
        yield packet
