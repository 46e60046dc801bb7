"""Other people's pose data becomes poses, and clips, by the same steps that videos go through."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dancegen import schema, tables
from dancegen.steps.cut_clips import pipeline as cut_clips
from dancegen.steps.cut_clips.settings import CutClipsConfig
from dancegen.steps.import_poses import pipeline as import_poses
from dancegen.steps.import_poses.settings import ImportPosesConfig

pytestmark = pytest.mark.ray

MakeLibrary = Callable[..., dict[str, np.ndarray]]


def config(folder: Path, **settings: object) -> ImportPosesConfig:
    given = {"format": "openpose", "source": f"{folder}/videos/kpop", "category": "kpop", "clean": {"smoothing": 0}}
    return ImportPosesConfig.model_validate(
        {"poses": f"{folder}/poses", "max_error_fraction": 0, "actors": 1, **given, **settings}
    )


def rows(folder: Path) -> dict[str, dict[str, object]]:
    return {Path(row["uri"]).name: row for row in tables.read(f"{folder}/poses", schema.POSES).to_pylist()}


def test_folders_of_openpose_become_poses_and_clips_with_the_sound_of_their_videos(
    ray_session: str, make_library: MakeLibrary, tmp_path: Path
) -> None:
    truth = make_library(tmp_path / "videos", 3)
    assert import_poses.run(config(tmp_path)).bad == 0
    made = rows(tmp_path)
    assert sorted(made) == ["0_openpose", "1_openpose", "2_openpose"]
    for uri, joints in truth.items():
        row = made[f"{Path(uri).stem}_openpose"]
        assert row["error"] is None
        assert row["audio_uri"] == uri
        found = schema.from_bytes(row["joints"], "float32", -1, 18, 3)
        assert np.allclose(found[..., :2], joints[..., :2], atol=1e-4)
    cut_clips.run(
        CutClipsConfig(poses=f"{tmp_path}/poses", clips=f"{tmp_path}/clips", frames=20, stride_frames=20, actors=1)
    )
    clips = tables.read(f"{tmp_path}/clips", schema.CLIPS, ["song", "category"]).to_pylist()
    assert {clip["song"] for clip in clips} == {"0", "1", "2"}
    assert len(clips) == 9
    assert (tmp_path / "poses_report" / "index.html").exists()


def test_a_dance_that_is_there_twice_gives_its_clips_once(
    ray_session: str, make_library: MakeLibrary, tmp_path: Path
) -> None:
    make_library(tmp_path / "videos", 2)
    shutil.copytree(tmp_path / "videos/kpop/1_openpose", tmp_path / "videos/kpop/copy_openpose")
    shutil.copy(tmp_path / "videos/kpop/1.mp4", tmp_path / "videos/kpop/copy.mp4")
    import_poses.run(config(tmp_path))
    cut_clips.run(
        CutClipsConfig(poses=f"{tmp_path}/poses", clips=f"{tmp_path}/clips", frames=20, stride_frames=20, actors=1)
    )
    clips = tables.read(f"{tmp_path}/clips", schema.CLIPS, ["song", "clip_id"]).to_pylist()
    assert sorted(clip["song"] for clip in clips) == ["0"] * 3 + ["1"] * 3
    cuts = {
        Path(row["uri"]).name: row["error"] for row in tables.read(f"{tmp_path}/clips_cuts", schema.CUTS).to_pylist()
    }
    assert "1_openpose" in cuts["copy_openpose"]
    assert cuts["1_openpose"] is None


def test_what_was_imported_is_skipped_and_a_changed_source_is_imported_again(
    ray_session: str, make_library: MakeLibrary, tmp_path: Path
) -> None:
    make_library(tmp_path / "videos", 2)
    import_poses.run(config(tmp_path))
    first = {path: path.stat().st_mtime_ns for path in tmp_path.glob("poses/*.parquet")}
    assert import_poses.run(config(tmp_path)).done_before == 2
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("poses/*.parquet")} == first
    last = max((tmp_path / "videos/kpop/1_openpose").iterdir())
    last.unlink()
    assert import_poses.run(config(tmp_path)).done_before == 1
    assert [row["frames"] for _, row in sorted(rows(tmp_path).items())] == [60, 59]


def test_a_source_without_what_is_needed_is_a_row_with_its_reason_and_the_others_go_on(
    ray_session: str, make_library: MakeLibrary, tmp_path: Path
) -> None:
    make_library(tmp_path / "videos", 2)
    (tmp_path / "videos/kpop/1.mp4").unlink()
    assert import_poses.run(config(tmp_path, max_error_fraction=0.5)).bad == 1
    assert list(rows(tmp_path)) == ["0_openpose"]
    (error,) = (
        row["error"] for row in tables.read(f"{tmp_path}/poses_imports", schema.IMPORTS).to_pylist() if row["error"]
    )
    assert "1_openpose: has no video to take the frame size and rate from" in error
    assert import_poses.run(config(tmp_path, width_px=64, height_px=48, source_fps=10, overwrite=True)).bad == 0


def test_recordings_that_a_source_no_longer_holds_are_taken_away(ray_session: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    record = {
        "audio_sequence": random.integers(-9000, 9000, 2000).tolist(),
        "joint_coors": random.uniform((100, 100), (140, 200), (20, 18, 2)).tolist(),
    }
    source = tmp_path / "kpop #1.json"
    wanted = config(tmp_path, format="paper_json", source=str(source), verdict={"max_repaired_share": 1})
    for starts in (("000", "010", "020"), ("000", "020")):
        source.write_text(json.dumps(json.dumps({"v": dict.fromkeys(starts, record)})))
        import_poses.run(wanted)
        assert sorted(rows(tmp_path)) == list(starts)
    assert (tmp_path / "poses_sounds").is_dir()
