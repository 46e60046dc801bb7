"""A library of songs to videos, on a real Ray."""

import os
import shutil
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from dancegen import schema, storage, tables
from dancegen.checkpoints import checkpoint
from dancegen.errors import TooManyBadRowsError
from dancegen.media.video import probe
from dancegen.steps.render.pipeline import run
from dancegen.steps.render.settings import RenderConfig

pytestmark = pytest.mark.ray
RATE = 16_000
ROOT = Path(__file__).parents[2]


def make_song(path: Path, seconds: float, pitch_hz: float = 220.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    time_s = np.arange(round(seconds * RATE)) / RATE
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((9000 * np.sin(2 * np.pi * pitch_hz * time_s)).astype("<i2").tobytes())
    return path


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "my songs"
    make_song(folder / "it's one.wav", 1.0)
    make_song(folder / "kpop" / "two.wav", 0.5, 330)
    make_song(folder / "ballet" / "two.wav", 0.7, 440)
    (folder / "broken.mp3").write_bytes(b"no song")
    return folder


def settings(songs: Path | str, output: Path | str, untrained: Path, **others: object) -> RenderConfig:
    small = {"look": "skeleton", "fps": 25, "width_px": 160, "height_px": 96, "actors": 1, "max_error_fraction": 0.5}
    return RenderConfig(songs=str(songs), output=str(output), checkpoint=str(untrained), **{**small, **others})  # pyright: ignore[reportArgumentType]


def renders(output: Path | str) -> dict[str, dict]:
    found = tables.read(f"{output}_renders", schema.RENDERS).to_pylist()
    assert len({row["uri"] for row in found}) == len(found)
    return {storage.name(row["uri"]) + str(row["output_uri"] is None): row for row in found}


def test_a_library_becomes_videos_and_a_second_run_does_only_what_is_left(
    ray_session: str, library: Path, untrained: Path, tmp_path: Path
):
    output = tmp_path / "dances"
    config = settings(library, output, untrained, seed=7, actors=2, exports=("npz", "sections-csv"))
    first = run(config)
    videos = sorted(output.iterdir())
    assert (first.rows, first.bad, first.done_before) == (4, 1, 0)
    assert len(videos) == 3
    assert "it's one.mp4" in [video.name for video in videos]
    assert all(probe(video, "video").has_audio for video in videos)
    one = renders(output)["it's one.wavFalse"]
    assert (one["frames"], one["seed"], one["look"], one["attempts"], one["error"]) == (25, 7, "skeleton", 1, None)
    assert len(one["content_hash"]) == len(one["checkpoint_hash"]) == 64
    assert one["exports"] == [f"{output}_exports/it's one.npz", f"{output}_exports/it's one_sections.csv"]
    assert len([*Path(f"{output}_exports").iterdir()]) == 6
    broken = renders(output)["broken.mp3True"]
    assert "cannot be opened" in broken["error"]
    assert not list(tmp_path.rglob("*.tmp-*"))

    written = {video: video.stat().st_mtime_ns for video in videos}
    videos[0].unlink()  # lost
    second = run(config)
    assert (second.done_before, second.bad) == (2, 1)
    assert {video: video.stat().st_mtime_ns == written[video] for video in videos} == dict(
        zip(videos, (False, True, True), strict=True)
    )
    assert renders(output)["broken.mp3True"]["attempts"] == 2

    shutil.rmtree(output)
    make_song(library / "broken.mp3", 0.4)  # repaired: the content counts, not the name
    third = run(config.model_copy(update={"look": "skeleton-light"}))
    assert (third.done_before, third.bad) == (0, 0)
    assert {row["look"] for row in renders(output).values()} == {"skeleton-light"}


def test_dances_that_are_made_ahead_give_the_same_videos(
    ray_session: str, library: Path, untrained: Path, tmp_path: Path
):
    plain = settings(library, tmp_path / "plain", untrained, exports=("npz",))
    ahead = settings(library, tmp_path / "ahead", untrained, exports=("npz",), motion_actors=2)
    run(plain)
    summary = run(ahead)
    assert (summary.rows, summary.bad) == (4, 1)
    found, expected = renders(ahead.output), renders(plain.output)
    assert {row["output_hash"] for row in found.values()} == {row["output_hash"] for row in expected.values()}
    assert "cannot be opened" in found["broken.mp3True"]["error"]
    assert len([*Path(f"{ahead.output}_exports").iterdir()]) == 3
    assert not Path(f"{ahead.output}_danced").exists()

    assert run(ahead).done_before == 3
    assert tables.parts(f"{ahead.output}_motions")


def test_a_videos_name_stays_when_songs_are_added_removed_and_moved(ray_session: str, untrained: Path, tmp_path: Path):
    library, output = tmp_path / "songs", tmp_path / "dances"
    config = settings(library, output, untrained)
    first = make_song(library / "pop" / "song.wav", 0.4)
    make_song(library / "gone.wav", 0.4, 300)
    run(config)
    before = {path.name: path.stat().st_mtime_ns for path in output.iterdir()}
    assert sorted(before) == ["gone.mp4", "song.mp4"]

    make_song(library / "rock" / "Song.wav", 0.5, 440)  # another song of the same stem
    (library / "gone.wav").unlink()
    moved = library / "old" / "a new name.wav"
    moved.parent.mkdir()
    first.rename(moved)
    shutil.copy(moved, library / "copy.wav")  # is there already: a song of its own
    second = run(config)
    assert (second.rows, second.done_before) == (3, 1)
    names = {Path(row["uri"]).name: row["name"] for row in renders(output).values()}
    assert names.pop("Song.wav").startswith("Song-")
    assert names == {"a new name.wav": "song.mp4", "copy.wav": "copy.mp4", "gone.wav": "gone.mp4"}
    after = {path.name: path.stat().st_mtime_ns for path in output.iterdir()}
    assert {name: after[name] for name in before} == before  # none was renamed or made again
    assert run(config).done_before == 3

    make_song(library / "gone.wav", 0.6, 500)  # back again, as another song
    assert run(config).done_before == 3
    assert {path.name for path in output.iterdir()} == set(after)


def test_another_look_of_a_library_reuses_its_dances_and_the_summary_counts_them(
    ray_session: str, library: Path, untrained: Path, tmp_path: Path
):
    config = settings(library, tmp_path / "dances", untrained)
    first = run(config)
    assert "dances were reused" not in str(first)
    make_song(library / "new.wav", 0.6, 550)
    other = config.model_copy(update={"output": str(tmp_path / "light"), "look": "skeleton-light"})
    shared = run(other.model_copy(update={"motions": f"{tmp_path}/dances_motions"}))
    assert "  3 dances were reused" in str(shared).split("\n")
    assert not (tmp_path / "light_motions").exists()
    rows = {name: (row["motion"], row["motion_reused"]) for name, row in renders(tmp_path / "light").items()}
    before = {name: (row["motion"], row["motion_reused"]) for name, row in renders(tmp_path / "dances").items()}
    assert rows.pop("new.wavFalse")[1] is False
    assert rows == {name: (key, None if key is None else not reused) for name, (key, reused) in before.items()}
    assert len(tables.parts(f"{tmp_path}/dances_motions")) == 4
    again = run(config.model_copy(update={"overwrite": True}))
    assert (again.done_now, again.counts["dances were reused"]) == (4, 0)


def test_a_model_that_was_saved_again_renders_nothing_again_nor_does_a_later_release(
    ray_session: str, untrained: Path, tmp_path: Path
):
    library, output, copy = tmp_path / "songs", tmp_path / "dances", tmp_path / "copy.safetensors"
    make_song(library / "song.wav", 0.4)
    config = settings(library, output, untrained)
    run(config)
    checkpoint.save(copy, checkpoint.load(untrained), {"copied": "yes"})
    assert run(settings(library, output, copy)).done_before == 1
    table = f"{output}_renders"
    part = tables.parts(table)[0]
    row = tables.read(part, schema.RENDERS).to_pylist()[0]
    file, _, choice = row["version"].partition(" ")
    by_file = f"{file} {storage.content_hash(str(untrained))[:16]} {choice.partition(' ')[2]}"
    old = schema.table(schema.RENDERS, [{**row, "version": by_file}]).drop_columns(["name"])
    pq.write_table(old, part)
    make_song(library / "other" / "song.wav", 0.4, 330)
    assert run(config).done_before == 1
    assert {row["name"] == "song.mp4" for row in renders(output).values()} >= {False}
    assert (output / "song.mp4").exists()


def test_sigterm_ends_a_job_with_143_and_the_same_command_sweeps_what_was_unfinished_and_goes_on(
    ray_session: str, untrained: Path, tmp_path: Path
):
    library, output = tmp_path / "songs", tmp_path / "dances"
    for number in range(3):
        make_song(library / f"{number}.wav", 12.0, 200 + 50 * number)
    config = settings(library, output, untrained)
    given = {name: getattr(config, name) for name in ("songs", "output", "checkpoint", "look", "fps", "width_px")}
    words = [f"{name}={value}" for name, value in given.items()]
    command = [sys.executable, "-m", "dancegen", "render", *words, "height_px=96", "motion_actors=1"]
    environment = {**os.environ, "RAY_ADDRESS": ray_session}
    with subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        while not list(output.glob("*.tmp-*")):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 143, said
    assert said.rstrip().endswith("Stopped.")
    assert "Traceback" not in said
    assert run(config).bad == 0
    assert len(list(output.iterdir())) == 3, "the next run sweeps what the processes of the first were writing"


def test_too_many_broken_songs_fail_the_step_after_the_good_ones_are_done(
    ray_session: str, library: Path, untrained: Path, tmp_path: Path
):
    with pytest.raises(TooManyBadRowsError, match=r"broken\.mp3"):
        run(settings(library, tmp_path / "out", untrained, max_error_fraction=0.1))
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_a_list_on_s3_becomes_videos_on_s3(s3: str, ray_session: str, library: Path, untrained: Path, tmp_path: Path):
    storage.copy(str(library / "it's one.wav"), f"{s3}/songs/it's one.wav")
    storage.copy(str(untrained), f"{s3}/model.safetensors")
    storage.write_text(f"{s3}/list.txt", f"songs/it's one.wav\n{s3}/songs/gone.wav\n")
    output = f"{s3}/out"
    config = settings(f"{s3}/list.txt", output, untrained).model_copy(update={"checkpoint": f"{s3}/model.safetensors"})
    assert run(config).bad == 1
    assert storage.find(output) == [f"{output}/it's one.mp4"]
    assert "does not exist" in renders(output)["gone.wavTrue"]["error"]
    assert run(config).done_before == 1
    with storage.reading(f"{output}/it's one.mp4") as video:
        assert probe(video, "video").seconds == pytest.approx(1.0, abs=0.05)
