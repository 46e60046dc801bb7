"""Long songs are rendered in segments, which are joined, on a real Ray."""

import os
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest

from dancegen import schema, storage, tables
from dancegen.corpus.music.practice import practice_song
from dancegen.engine.table_jobs.summary import Summary
from dancegen.errors import TooManyBadRowsError
from dancegen.media.audio import load
from dancegen.media.wav import write_wav
from dancegen.steps.render.pipeline import run
from dancegen.steps.render.settings import RenderConfig
from dancegen.tools.audit.run import run as audit
from dancegen.tools.audit.settings import AuditConfig
from dancegen.tools.gallery.run import run as gallery
from dancegen.tools.gallery.settings import GalleryConfig

pytestmark = pytest.mark.ray
RATE = 16_000
ROOT = Path(__file__).parents[2]
ENCODING = 6.0  # mean difference of levels that the encoder may make


def make_song(path: Path, seconds: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(path, practice_song(11, seconds, RATE, "two_step", 120.0).samples[: round(seconds * RATE)], RATE)
    return path


@pytest.fixture
def config(untrained: Path, tmp_path: Path) -> RenderConfig:
    make_song(tmp_path / "songs" / "long.wav", 25.0)
    return RenderConfig(
        **{"songs": str(tmp_path / "songs"), "output": str(tmp_path / "dances"), "checkpoint": str(untrained)},
        **{"look": "skeleton", "fps": 25, "width_px": 160, "height_px": 96, "actors": 2, "segment_s": 10},  # pyright: ignore[reportArgumentType]
    )


def rows(config: RenderConfig) -> dict[str, dict]:
    return {
        storage.stem(row["uri"]): row for row in tables.read(f"{config.output}_renders", schema.RENDERS).to_pylist()
    }


def decoded(path: Path) -> tuple[list[float | None], np.ndarray]:
    """Times in seconds, and frames."""
    with av.open(str(path)) as container:
        found = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    return [time_s for time_s, _ in found], np.array([frame for _, frame in found])


def written(folder: Path) -> dict[str, int]:
    """Times of the videos in a folder, by name."""
    return {path.name: path.stat().st_mtime_ns for path in sorted(folder.glob("*.mp4")) if ".tmp-" not in path.name}


def test_a_long_song_in_segments_has_the_pictures_and_the_sound_of_a_whole_render(
    ray_session: str, config: RenderConfig, tmp_path: Path
):
    make_song(tmp_path / "songs" / "short.wav", 3.0)
    with_exports = config.model_copy(update={"exports": ("npz",)})
    assert run(with_exports).done_now == 2
    whole = config.model_copy(update={"output": str(tmp_path / "whole"), "segment_s": None})
    run(whole)
    times_s, pictures = decoded(tmp_path / "dances" / "long.mp4")
    whole_s, expected = decoded(tmp_path / "whole" / "long.mp4")
    assert len(times_s) == 625
    assert times_s == whole_s
    assert np.abs(pictures.astype(int) - expected).mean(axis=(1, 2, 3)).max() < ENCODING
    sound = [load(tmp_path / folder / "long.mp4", folder) for folder in ("dances", "whole")]
    assert np.array_equal(*sound)

    assert not (tmp_path / "dances_segments").exists()
    long, short, one = rows(with_exports)["long"], rows(with_exports)["short"], rows(whole)["long"]
    assert (long["segments"], short["segments"], one["segments"]) == (3, None, None)
    different = {"version", "output_uri", "output_bytes", "output_hash", "exports", "segments", "held_s"}
    different |= {name for name in long if name.endswith("_s") and name != "seconds"}
    assert {name: long[name] for name in long.keys() - different} == {
        name: one[name] for name in one.keys() - different
    }
    assert long["output_hash"] == storage.content_hash(long["output_uri"])
    assert long["pictures_s"] > 0
    assert Path(long["exports"][0]).exists()
    assert audit(AuditConfig(table=f"{config.output}_renders", content=True)).clean
    assert run(with_exports).done_before == 2


def interrupted(config: RenderConfig, ray_session: str) -> None:
    """A run that is killed when all segments are done, before they are joined."""
    names = ("songs", "output", "checkpoint", "look", "fps", "width_px", "height_px", "segment_s")
    words = [f"{name}={getattr(config, name)}" for name in names]
    command = [sys.executable, "-m", "dancegen", "render", *words]
    environment = {**os.environ, "RAY_ADDRESS": ray_session}
    with subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        while not list(Path(f"{config.output}_segments").glob("shard-*-of-00001.parquet")):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()


def test_a_run_interrupted_before_the_join_renders_what_is_lost_and_audit_sweeps_what_it_left(
    ray_session: str, config: RenderConfig, tmp_path: Path
):
    interrupted(config, ray_session)
    segments, video = tmp_path / "dances_segments", tmp_path / "dances" / "long.mp4"
    before = written(segments)
    waiting = rows(config)["long"]
    assert (waiting["segments"], waiting["output_uri"], waiting["error"], waiting["frames"]) == (3, None, None, 0)
    assert not video.exists()
    assert list(gallery(GalleryConfig(renders=f"{config.output}_renders", output=str(tmp_path / "pages"))))
    assert audit(AuditConfig(table=f"{config.output}_renders")).unfinished == 3

    lost = min(segments.glob("*.mp4"))
    lost.unlink()
    video.mkdir(parents=True)
    (video / "in the way").touch()
    with pytest.raises(TooManyBadRowsError, match=r"long\.mp4"):
        run(config)
    after = written(segments)
    assert after.pop(lost.name) != before.pop(lost.name), "a segment that is lost is rendered again"
    assert after == before, "and one that is done is not"
    (video / "in the way").unlink()
    video.rmdir()
    assert run(config).bad == 0
    assert len(decoded(video)[0]) == 625
    assert not segments.exists()

    video.unlink()
    interrupted(config, ray_session)
    swept = audit(AuditConfig(table=f"{config.output}_renders", sweep=True))
    assert (swept.deleted, swept.clean, segments.exists()) == (3, True, False)
    assert run(config).bad == 0
    assert rows(config)["long"]["frames"] == 625


def test_the_cost_of_all_jobs_of_a_run_is_limited_and_the_next_run_goes_on(
    ray_session: str, config: RenderConfig, tmp_path: Path
):
    limited = config.model_copy(update={"price_per_cpu_hour": 1.0, "max_cost": 1e-9})
    assert isinstance(run(limited), Summary)
    assert not list((tmp_path / "dances").glob("*.mp4"))
    assert run(config).bad == 0
    assert rows(config)["long"]["frames"] == 625


def test_long_songs_on_s3_are_joined_on_s3(s3: str, ray_session: str, config: RenderConfig, tmp_path: Path):
    for name, file in (("songs/long.wav", tmp_path / "songs" / "long.wav"), ("model.safetensors", config.checkpoint)):
        storage.copy(str(file), f"{s3}/{name}")
    there = {"songs": f"{s3}/songs", "output": f"{s3}/out", "checkpoint": f"{s3}/model.safetensors"}
    assert run(config.model_copy(update=there)).bad == 0
    assert storage.find(f"{s3}/out") == [f"{s3}/out/long.mp4"]
    assert not storage.find(f"{s3}/out_segments")
    with storage.reading(f"{s3}/out/long.mp4") as video:
        assert len(decoded(video)[0]) == 625
