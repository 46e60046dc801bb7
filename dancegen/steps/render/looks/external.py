"""A look that another program makes: an image animator, which moves the person of a picture as a pose video does.

The program gets the dance as a pose video and writes a video, in a folder that is deleted afterwards. Its frames are
read at the rate and the size of the result, and published with the song as those of any look.

Axes used in shapes:
    N frames
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from dancegen import storage
from dancegen.errors import BadMediaError, ConfigError
from dancegen.exports.pose_video import draw_pose
from dancegen.media.video import frames, probe
from dancegen.media.writer import VideoWriter
from dancegen.pose.normalize import place_in_frame
from dancegen.steps.render.looks.look import Done, Frame, Pictures
from dancegen.steps.render.looks.person import resized, synthetic
from dancegen.steps.render.looks.sizes import drawn_size
from dancegen.steps.render.settings import PictureConfig
from dancegen.steps.render.song_settings import animator_identity

SHORTER_S = 0.5  # that the program's video may be than the dance: its last frame is held
LAST_CHARACTERS = 300  # of the program's output, in an error


class ExternalLook:
    """Frames by a command of the user."""

    def __init__(self, picture: PictureConfig) -> None:
        """Raises ConfigError when the program is not on this machine, StorageError when the picture is not there."""
        assert picture.animator is not None
        self.size = drawn_size(picture)  # width and height in pixels
        self._command = shlex.split(picture.animator)
        self.program = Path(self._command[0]).name
        if shutil.which(self._command[0]) is None:
            problem = f"{self._command[0]!r} is no program on this machine."
            raise ConfigError("animator", problem, "Install it, or give its absolute path.")
        self._ending = storage.suffix(picture.animator_picture or "")
        self._picture = None if picture.animator_picture is None else storage.read_bytes(picture.animator_picture)
        self.person = animator_identity(picture.animator, self._picture)

    def describe(self, picture: PictureConfig) -> str | None:
        """That the video is synthetic, and by which program, as JSON."""
        return json.dumps({**synthetic(picture, self.person), "animator": self.program}, ensure_ascii=False)

    def out_of_range(self, joints_px: Float32[np.ndarray, "N 18 3"], fps: float) -> float | None:
        """None: what the program can draw is not known."""
        del joints_px, fps

    def pictures(self, joints_px: Float32[np.ndarray, "N 18 3"], fps: float, done: Done) -> Pictures:
        """The frames of a dance, whose joints are in pixels."""
        return Pictures(self._frames(joints_px, fps, done))

    def _frames(self, joints_px: Float32[np.ndarray, "N 18 3"], fps: float, done: Done) -> Iterator[Frame]:
        """Raises BadMediaError when the program fails, or its video is none or is too short."""
        with tempfile.TemporaryDirectory(prefix="dancegen-animator-") as name:
            folder = Path(name)
            poses, video, picture = (folder / name for name in ("poses.mp4", "video.mp4", f"picture{self._ending}"))
            with VideoWriter(poses, *self.size, fps) as writer:
                for joints in place_in_frame(joints_px[..., :2], *self.size):
                    writer.write(draw_pose(joints, *self.size))
            if self._picture is not None:
                picture.write_bytes(self._picture)
            self._run({"{poses}": poses, "{video}": video, "{picture}": picture}, folder)
            made = self._made(video, len(joints_px) / fps, fps)
            frame = np.zeros((0, 0, 3), np.uint8)
            for number in range(1, len(joints_px) + 1):
                frame = next(made, frame)  # the last one is held
                done(number)
                yield resized(frame, self.size)

    def _run(self, places: dict[str, Path], folder: Path) -> None:
        command = [_filled(word, places) for word in self._command]
        with (folder / "output").open("w+b") as output:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
            try:
                code = child.wait()
            finally:
                _end(child)
            if code:
                output.seek(0)
                said = output.read().decode(errors="replace").strip()[-LAST_CHARACTERS:]
                problem = f"ended with exit code {code}: {said or 'no output'}."
                raise BadMediaError(f"animator {self.program}", problem, "Run it by hand on a pose video (--export).")

    def _made(self, video: Path, seconds: float, fps: float) -> Iterator[Frame]:
        subject = f"the video of animator {self.program}"
        if not video.exists():
            raise BadMediaError(subject, "was not written to {video}.", "Correct the command.")
        length_s = probe(video, subject).seconds
        if length_s is not None and length_s < seconds - SHORTER_S:
            problem = f"lasts {length_s:.1f} s, and the dance {seconds:.1f} s."
            raise BadMediaError(subject, problem, "Have it make a frame for each of the pose video.")
        return frames(video, subject, fps)


def _filled(word: str, places: dict[str, Path]) -> str:
    for name, path in places.items():
        word = word.replace(name, str(path))
    return word


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the program with all that it started, if it still runs."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
