"""The script of `make demo`, with settings so small that only the flow is left."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from dancegen.media import audio
from dancegen.media.video import probe

ROOT = Path(__file__).parents[2]
TINY = Path(__file__).parent / "tiny"


def demo(folder, environment):
    paths = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    command = ["bash", str(ROOT / "configs/laptop/demo.sh"), str(folder), str(TINY)]
    return subprocess.run(command, env={**environment, "PATH": paths}, capture_output=True, text=True, timeout=900)


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_demo_ends_in_videos_and_a_picture_and_goes_on_when_run_again(tmp_path, ray_session, ray_environment):
    """On the Ray of the tests: most of the time would be the start of one for each step."""
    folder = tmp_path / "a demo"
    environment = {**ray_environment, "RAY_ADDRESS": ray_session}
    first = demo(folder, environment)
    assert first.returncode == 0, first.stderr[-3000:]
    videos = sorted(folder.glob("videos_*/*.mp4"))
    assert len(videos) == 4  # two songs, by the new model and by the shipped one
    for video in videos:
        song = folder / "corpus" / "songs" / f"{video.stem}.wav"
        seconds = len(audio.load(song, str(song))) / audio.SAMPLE_RATE
        assert probe(video, str(video)).seconds == pytest.approx(seconds, abs=0.1)
        assert str(video) in first.stdout
    assert cv2.imread(str(folder / "contact_sheet.png")) is not None

    second = demo(folder, environment)
    assert second.returncode == 0, second.stderr[-3000:]
    assert "done before" in second.stderr
