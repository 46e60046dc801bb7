"""Blocks of README and runbook, run as they are written, in a folder that has what they name: small videos and songs.

Their settings files are those of the project with small sizes. All other blocks are given to the command line without
being run (tests/unit/test_documentation.py).
"""

import hashlib
import json
import re
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from dancegen import schema, tables
from dancegen.corpus.music.songs import synthesize
from dancegen.corpus.structure import compose
from dancegen.media.video import probe

pytestmark = [pytest.mark.ray, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)
PERSON = [number for joint in range(18) for number in (20 + 24 * (joint % 3) / 2, 8 + 2 * joint, 0.9)]
SECONDS = 6
# The first is taken for validation, the other for training
SONGS = sorted((f"song{number}" for number in range(2)), key=lambda song: hashlib.sha256(song.encode()).hexdigest())
PICTURE = {"look": "skeleton", "fps": 25, "width_px": 160, "height_px": 96}


def block(page: str, begins: str) -> str:
    """The one block of a page whose first line begins so, without the lines that need a cluster."""
    (found,) = [text for text in BLOCK.findall((ROOT / page).read_text()) if text.startswith(begins)]
    lines = found.replace("\\\n", " ").split("\n")
    return "\n".join(line for line in lines if "--submit" not in line)


@pytest.fixture
def folder(tmp_path: Path, make_video: Callable[..., Path], tiny_model: dict) -> Path:
    """A folder with `my_videos/`, `library/`, `songs/`, `song.mp3`, and `configs/` with small sizes."""
    (tmp_path / "my_videos" / "kpop").mkdir(parents=True)
    for name in SONGS:
        video(tmp_path / "my_videos" / "kpop" / f"{name}.mp4", make_video)
    for name in ("song.mp3", "library/One.wav", "songs/My Song.mp3"):
        song(tmp_path / name)
    (tmp_path / "configs").mkdir()
    table = {"actors": 1, "max_error_fraction": 0}
    sizes: dict[str, dict] = {
        "extract_poses": {**table, "estimator": {"name": "openpose_json"}},
        "cut_clips": table,
        "train_dance": {"model": tiny_model, "epochs": 1, "batch_size": 1, "workers": 1, "pictures_every": 0},
        "render": {**table, **PICTURE},
    }
    for step, small in sizes.items():
        text = yaml.safe_dump({"base": f"{ROOT}/configs/{step}.yaml", **small})
        (tmp_path / "configs" / f"{step}.yaml").write_text(text)
    return tmp_path


def video(path: Path, make_video: Callable[..., Path]) -> None:
    """A video of SECONDS with a song of its own, and OpenPose's files."""
    sound = synthesize(compose("kpop", SONGS.index(path.stem), 8.0), 16_000)[: SECONDS * 16_000]
    make_video(path, [np.full((48, 64, 3), 90, np.uint8)] * (10 * SECONDS), 10, sound, 16_000)
    openpose = path.with_name(f"{path.stem}_openpose")
    openpose.mkdir()
    for number in range(10 * SECONDS):
        text = json.dumps({"people": [{"pose_keypoints_2d": PERSON}]})
        (openpose / f"{path.stem}_{number:012d}_keypoints.json").write_text(text)


def song(path: Path, seconds: int = 2) -> None:
    path.parent.mkdir(exist_ok=True)
    samples = synthesize(compose("kpop", 7, 8.0), 16_000)[: seconds * 16_000]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((9000 * samples / np.abs(samples).max()).astype("<i2").tobytes())


@pytest.fixture
def give(
    folder: Path, ray_session: str, ray_environment: dict[str, str]
) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """A function that runs a block in the folder, on the Ray of the tests."""
    path = f"{Path(sys.executable).parent}:{ray_environment['PATH']}"
    variables = {**ray_environment, "PATH": path, "PYTHONPATH": str(ROOT), "RAY_ADDRESS": ray_session}

    def run(text: str) -> subprocess.CompletedProcess[str]:
        command = ["bash", "-euo", "pipefail", "-c", text]
        done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=500)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def test_videos_become_a_model_that_dances(folder: Path, give: Callable[[str], subprocess.CompletedProcess[str]]):
    give(block("README.md", "dancegen extract-poses configs/extract_poses.yaml videos=my_videos/ poses=data/poses\n"))
    assert probe(folder / "dance.mp4", "").seconds == pytest.approx(2, abs=0.1)
    assert (folder / "data/poses_report/index.html").exists()


def test_a_song_becomes_videos_of_all_looks_and_a_picture_of_its_beats(
    folder: Path, give: Callable[[str], subprocess.CompletedProcess[str]]
):
    give(block("README.md", "dancegen dance song.mp3 -o dance.mp4\n"))
    assert probe(folder / "dance.mp4", "").seconds == pytest.approx(2, abs=0.1)
    give(block("README.md", "dancegen beats"))
    assert (folder / "beats.csv").read_text().count("\n") > 3
    assert cv2.imread(str(folder / "beats.png")) is not None


def test_a_library_becomes_videos_and_pages(folder: Path, give: Callable[[str], subprocess.CompletedProcess[str]]):
    give(block("README.md", "dancegen render configs/render.yaml songs=library/ output=data/videos\n"))
    assert [path.name for path in (folder / "data/videos").iterdir()] == ["One.mp4"]
    give(block("README.md", "dancegen gallery"))
    assert "One" in (folder / "data/gallery/index.html").read_text()


def test_the_runbooks_json_lines_and_the_history_of_a_song(
    folder: Path, give: Callable[[str], subprocess.CompletedProcess[str]]
):
    give(block("docs/operations.md", "export DANCEGEN_LOG_FORMAT=json"))
    lines = [json.loads(line) for line in (folder / "render.jsonl").read_text().splitlines()]
    assert {line["step"] for line in lines} == {"render"}
    assert tables.read(f"{folder}/dances_renders", schema.RENDERS, ["error"]).to_pylist() == [{"error": None}]
    first = block("docs/operations.md", 'dancegen logs "My Song.mp3"').split("\n")[0]  # the next has a bucket
    assert "My Song.mp3" in give(first).stdout
