"""A look that another program makes: its frames, its failures, and what is refused before it runs."""

import shlex
import sys
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
import soundfile
from click.testing import CliRunner

from dancegen import config
from dancegen.cli import main
from dancegen.errors import BadMediaError, ConfigError
from dancegen.exports.dance import load
from dancegen.media.video import frames, probe
from dancegen.steps.render.looks.look import load_look
from dancegen.steps.render.settings import PictureConfig
from dancegen.steps.render.song_settings import Choices

ANIMATOR = '''
"""Paints the picture's colour where the pose video has a bone."""
import sys
from pathlib import Path
import cv2
import numpy as np
from dancegen.media.video import frames
from dancegen.media.writer import VideoWriter

poses, picture, video, keep = sys.argv[1:]
colour = cv2.imread(picture)[0, 0, ::-1]
found = list(frames(Path(poses), "poses", 25))
with VideoWriter(Path(video), 80, 60, 25) as writer:
    for frame in found[: round(len(found) * float(keep))]:
        on = frame.max(axis=2, keepdims=True) > 60
        writer.write(cv2.resize(np.where(on, colour, 0).astype(np.uint8), (80, 60)))
'''
SIZE, FPS = (160, 120), 25.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The program, and the picture of a red person."""
    folder = tmp_path_factory.mktemp("an animator's folder")
    (folder / "animate.py").write_text(ANIMATOR)
    cv2.imwrite(str(folder / "red.png"), np.full((8, 8, 3), (0, 0, 250), np.uint8))
    return folder


def command(folder: Path, keep: float = 1.0) -> str:
    return f"{sys.executable} {shlex.quote(str(folder / 'animate.py'))} {{poses}} {{picture}} {{video}} {keep}"


def settings(animator: str, picture: Path | None = None, **more) -> PictureConfig:
    given = {"look": "external", "animator": animator, "width_px": SIZE[0], "height_px": SIZE[1], "fps": FPS, **more}
    return config.validate(PictureConfig, {**given, "animator_picture": str(picture) if picture else None})


def joints(number: int) -> np.ndarray:
    """A figure that moves from left to right."""
    pose = np.zeros((number, 18, 3), np.float32)
    pose[:, :, 0] = np.linspace(40, 120, number)[:, None] + np.linspace(-15, 15, 18)
    pose[:, :, 1] = np.linspace(20, 110, 18)
    pose[:, :, 2] = 1
    return pose


def made(picture: PictureConfig, number: int) -> list[np.ndarray]:
    return list(load_look(picture).pictures(joints(number), FPS, lambda done: None).frames)


def test_a_song_becomes_the_video_of_the_program(folder, tmp_path):
    song, video = tmp_path / "song.wav", tmp_path / "dance.mp4"
    soundfile.write(song, 0.1 * np.random.default_rng(0).standard_normal(16000 * 3), 16000)
    size = ["--size", "160x120", "--fps", "25", "--export", "npz"]
    asked = ["--look", "external", "--animator", command(folder), "--picture", folder / "red.png"]
    ended = CliRunner().invoke(main, ["dance", str(song), "-o", str(video), *size, *map(str, asked)])
    assert ended.exit_code == 0, ended.output
    about = probe(video, "")
    assert (about.width_px, about.height_px, about.fps, about.has_audio) == (160, 120, 25, True)
    pictures = np.stack(list(frames(video, "", 25)))
    assert len(pictures) == len(load(tmp_path / "dance.npz", "").joints_px)
    red, blue = (pictures[..., channel].reshape(len(pictures), -1).max(axis=1) for channel in (0, 2))
    assert red.min() > 150
    assert blue.max() < 90
    assert np.abs(np.diff(pictures.astype(int), axis=0)).max() > 100


def test_the_frames_are_those_of_the_poses(folder):
    centres = []
    for frame in made(settings(command(folder), folder / "red.png"), 40):
        assert frame.shape == (SIZE[1], SIZE[0], 3)
        centres.append(np.flatnonzero(frame[..., 0].max(axis=0) > 128).mean())
    assert np.all(np.diff(centres[::5]) > 0)


def test_the_last_frame_of_a_video_that_is_a_little_short_is_held(folder):
    pictures = made(settings(command(folder, 0.9), folder / "red.png"), 50)
    assert len(pictures) == 50
    assert np.array_equal(pictures[-1], pictures[45])


def test_a_program_that_fails_is_named_with_what_it_said(folder):
    failing = f"{sys.executable} -c \"import sys; sys.exit('no GPU is free')\" {{poses}} {{video}}"
    with pytest.raises(BadMediaError, match=r"animator python.*exit code 1: no GPU is free"):
        made(settings(failing), 10)


def test_a_video_that_is_not_there_or_too_short_is_an_error(folder):
    with pytest.raises(BadMediaError, match=r"was not written to \{video\}"):
        made(settings(f"{sys.executable} -c pass {{poses}} {{video}}"), 10)
    with pytest.raises(BadMediaError, match=r"lasts 0\.5 s, and the dance 2\.0 s"):
        made(settings(command(folder, 0.25), folder / "red.png"), 50)


def test_an_interrupt_ends_the_program_and_all_that_it_started(folder, monkeypatch):
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    look = load_look(settings(f'{sys.executable} -c "{code}" {{poses}} {{video}}'))

    def interrupted(self):
        while len(psutil.Process(self.pid).children()) < 1:
            pass
        started.extend([self.pid, *(child.pid for child in psutil.Process(self.pid).children())])
        monkeypatch.undo()
        raise KeyboardInterrupt

    started: list[int] = []
    monkeypatch.setattr("subprocess.Popen.wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(look.pictures(joints(5), FPS, lambda done: None).frames)
    assert len(started) == 2
    gone, alive = psutil.wait_procs([psutil.Process(pid) for pid in started if psutil.pid_exists(pid)], timeout=10)
    assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE], gone


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "look=external requires the command of the program"),
        ({"animator": "animate '{poses} {video}"}, "is no command: no closing quotation"),
        ({"animator": "animate {poses}"}, "does not contain {video}"),
        ({"animator": "animate {poses} {picture} {video}"}, "give animator_picture"),
    ],
)
def test_settings_that_lack_something_are_refused(given, problem):
    with pytest.raises(ConfigError, match=problem):
        config.validate(PictureConfig, {"look": "external", **given})


def test_a_program_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match="'no-such-animator' is no program on this machine"):
        load_look(settings("no-such-animator {poses} {video}"))


def test_a_library_is_made_again_when_the_picture_or_the_command_changes(folder, tmp_path):
    picture = tmp_path / "person.png"
    picture.write_bytes((folder / "red.png").read_bytes())
    before = Choices(settings(command(folder), picture)).of({}).stamp
    assert Choices(settings(command(folder), picture)).of({}).stamp == before
    assert Choices(settings(command(folder, 0.9), picture)).of({}).stamp != before
    cv2.imwrite(str(picture), np.zeros((8, 8, 3), np.uint8))
    assert Choices(settings(command(folder), picture)).of({}).stamp != before


def test_a_song_with_this_look_in_a_job_without_a_program_is_named():
    found = Choices(PictureConfig()).of({"uri": "songs/a.wav", "look": "external"})
    assert found.problem is not None
    assert found.problem.startswith("songs/a.wav: look=external: requires the command of a program.")
