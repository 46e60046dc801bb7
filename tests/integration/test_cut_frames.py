"""cut_frames as a job on Ray."""

import pytest

from dancegen import schema, storage, tables
from dancegen.errors import TooManyBadRowsError
from dancegen.steps.cut_frames import pipeline
from dancegen.steps.cut_frames.settings import CutFramesConfig

pytestmark = pytest.mark.ray


def cut(folder, **verdict):
    config = CutFramesConfig(
        poses=f"{folder}/poses",
        frames=f"{folder}/frames",
        segment_s=4,
        height_px=64,
        width_px=64,
        verdict=verdict,
        actors=1,
    )
    return pipeline.run(config)


def frames_of(folder):
    return tables.read(f"{folder}/frames", schema.FRAMES, ["split", "person"]).to_pylist()


def test_footage_becomes_frames_and_other_limits_change_the_verdict(ray_session, tmp_path, make_footage):
    uri = make_footage(tmp_path).row["uri"]
    with pytest.raises(TooManyBadRowsError, match="at least 60 s are required"):
        cut(tmp_path)
    assert not tables.parts(f"{tmp_path}/frames")

    assert cut(tmp_path, min_usable_s=5, min_poses=1).bad == 0
    frames = frames_of(tmp_path)
    (footage,) = tables.read(f"{tmp_path}/frames_footage", schema.FOOTAGE).to_pylist()
    assert (footage["uri"], footage["person"], footage["frames"]) == (uri, "mia", len(frames))
    assert {frame["split"] for frame in frames} == {"train"}, "the other splits are shorter than their gaps"
    assert storage.exists(f"{tmp_path}/frames_report/index.html")

    storage.delete_files(tables.parts(f"{tmp_path}/frames")[:1])
    assert len(frames_of(tmp_path)) < len(frames)
    assert cut(tmp_path, min_usable_s=5, min_poses=1).done_before == 1
    assert len(frames_of(tmp_path)) == len(frames), "parts that are gone are made again"
