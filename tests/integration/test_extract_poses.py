"""Poses of a library of videos, while workers and the driver are killed: no row is lost, doubled or half written."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from dancegen import schema, tables
from dancegen.estimators.settings import EstimatorConfig
from dancegen.steps.extract_poses import pipeline as extract_poses
from dancegen.steps.extract_poses.settings import ExtractPosesConfig

pytestmark = pytest.mark.ray
VIDEOS, PARTS = 5, 12  # parts of each: of half a second
ROW_PROCESS = "dancegen.engine.table_jobs.row_process"

MakeLibrary = Callable[..., dict[str, np.ndarray]]
AssertWhole = Callable[[Path, dict[str, np.ndarray], int], None]


def config(folder: Path, **settings: object) -> ExtractPosesConfig:
    given = {"clean": {"smoothing": 0}, "part_s": 0.5, "actors": 2, "max_error_fraction": 0, **settings}
    places = {"videos": str(folder / "videos"), "poses": str(folder / "poses"), "estimator": {"name": "openpose_json"}}
    return ExtractPosesConfig(**{**places, **given})


def people_rows(folder: Path) -> dict[str, float]:
    """Processing time of each row of the table of people: another one, if the row was processed again."""
    rows = tables.read(f"{folder}/poses_people", schema.PEOPLE, ["uri", "wall_s"]).to_pylist()
    return {row["uri"]: row["wall_s"] for row in rows}


def wait_for_parts(folder: Path, count: int) -> None:
    until = time.monotonic() + 240
    while len(tables.parts(f"{folder}/poses_people")) < count:
        assert time.monotonic() < until, "no part was written"
        time.sleep(0.02)


def workers_of(folder: str) -> list[int]:
    """Processes of Ray that keep a row process, of the Ray whose files are in a folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        try:
            if ROW_PROCESS in (process.info["cmdline"] or []) and process.environ().get("RAY_TMPDIR") == folder:
                found.append(process.ppid())
        except psutil.Error:
            continue
    return found


def test_a_worker_that_is_killed_costs_nothing_but_time(
    ray_session: str,
    ray_environment: dict[str, str],
    make_library: MakeLibrary,
    assert_whole: AssertWhole,
    tmp_path: Path,
) -> None:
    truth = make_library(tmp_path / "videos", VIDEOS)
    job = threading.Thread(target=extract_poses.run, args=(config(tmp_path),))
    job.start()
    wait_for_parts(tmp_path, 4)
    killed = workers_of(ray_environment["RAY_TMPDIR"])[:1]
    for process in killed:
        os.kill(process, signal.SIGKILL)
    job.join()
    assert killed
    assert_whole(tmp_path, truth, PARTS)


def test_a_driver_that_is_killed_goes_on_where_it_was(
    ray_session: str,
    ray_environment: dict[str, str],
    make_library: MakeLibrary,
    assert_whole: AssertWhole,
    tmp_path: Path,
) -> None:
    truth = make_library(tmp_path / "videos", VIDEOS)
    wanted = config(tmp_path)
    words = [f"videos={wanted.videos}", f"poses={wanted.poses}", "estimator.name=openpose_json", "part_s=0.5"]
    command = [sys.executable, "-m", "dancegen", "extract-poses", *words, "clean.smoothing=0", "max_error_fraction=0"]
    driver = subprocess.Popen(command, env={**ray_environment, "RAY_ADDRESS": ray_session}, stderr=subprocess.DEVNULL)
    try:
        wait_for_parts(tmp_path, 4)
    finally:
        driver.kill()
        driver.wait()
    written = people_rows(tmp_path)
    assert len(written) < VIDEOS * PARTS, "it was killed in the middle"
    extract_poses.run(wanted)
    assert people_rows(tmp_path).items() >= written.items(), "what was done is not done again"
    assert_whole(tmp_path, truth, PARTS)


def test_videos_that_are_moved_are_not_looked_at_again(
    ray_session: str, make_video: Callable[..., Path], tmp_path: Path
) -> None:
    pytest.importorskip("mediapipe")
    noise = np.random.default_rng(0).integers(0, 255, (12, 96, 128, 3), dtype=np.uint8)
    (tmp_path / "videos").mkdir()
    path = make_video(tmp_path / "videos" / "a.mp4", noise, fps=10)
    lenient = {
        "verdict": {"min_found_share": 0, "max_missing_share": 1, "min_usable_s": 0},
        "estimator": EstimatorConfig(),
    }
    wanted = config(tmp_path, part_s=60, **lenient)
    extract_poses.run(wanted)
    written = people_rows(tmp_path)
    path.rename(tmp_path / "videos" / "b.mp4")
    os.utime(tmp_path / "videos" / "b.mp4")
    assert extract_poses.run(wanted).done_before == 0
    assert people_rows(tmp_path) == written
    assert sorted(row["uri"][-5:] for row in tables.read(wanted.poses, schema.POSES).to_pylist()) == ["a.mp4", "b.mp4"]


def test_a_policy_is_changed_without_looking_at_the_videos_again(
    ray_session: str, make_library: MakeLibrary, tmp_path: Path
) -> None:
    make_library(tmp_path / "videos", 1)
    extract_poses.run(config(tmp_path, part_s=3, actors=1))
    written = people_rows(tmp_path)
    places = {"poses": f"{tmp_path}/other", "people": f"{tmp_path}/poses_people"}
    other = config(tmp_path, part_s=3, actors=1, follow="largest", **places)
    assert extract_poses.run(other).bad == 0
    assert people_rows(tmp_path) == written
