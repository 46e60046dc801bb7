"""`dancegen audit` finds every difference between a table and its files, and deletes only what is nobody's."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from dancegen import schema, storage, tables
from dancegen.cli import main
from dancegen.errors import ConfigError
from dancegen.media.video import VideoWriter
from dancegen.storage.unfinished import mark
from dancegen.tables import shards
from dancegen.tables.names import Shard
from dancegen.tools.audit.run import Audit, run
from dancegen.tools.audit.settings import AuditConfig


@pytest.fixture(params=["local", "s3"])
def output(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder of three videos, whose table is beside it."""
    folder = str(tmp_path / "dances") if request.param == "local" else request.getfixturevalue("s3") + "/dances"
    video = tmp_path / "video.mp4"
    with VideoWriter(video, 64, 48, 25.0) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8))
    tables.begin(f"{folder}_renders", schema.RENDERS, {})
    for name in ("a", "b", "c"):
        storage.copy(str(video), f"{folder}/{name}.mp4")
        known = {"output_bytes": video.stat().st_size, "output_hash": storage.content_hash(str(video))}
        row = {"uri": f"{name}.wav", "output_uri": f"{folder}/{name}.mp4", **known}
        tables.write_part(f"{folder}_renders", schema.table(schema.RENDERS, [row]), f"{name}.wav")
    failed = {"uri": "broken.wav", "error": "has no sound."}
    tables.write_part(f"{folder}_renders", schema.table(schema.RENDERS, [failed]), "broken.wav")
    return folder


def audit(output: str, **options: bool) -> Audit:
    return run(AuditConfig(table=f"{output}_renders", **options))


def test_rows_and_files_that_fit_are_clean_before_and_after_compaction(output: str) -> None:
    for _ in range(2):
        found = audit(output, content=True)
        assert found.clean
        assert list(found.lines()) == ["3 rows, 3 files: every row has its file, and every file its row."]
        table = f"{output}_renders"
        shards.compact(table, schema.RENDERS, Shard(0, 1), None, tables.parts(table))


def test_files_that_are_missing_cut_off_or_changed_are_named_with_their_rows(output: str) -> None:
    whole = storage.read_bytes(f"{output}/c.mp4")
    storage.delete(f"{output}/a.mp4")
    storage.write_bytes(f"{output}/b.mp4", whole[:-5])
    storage.write_bytes(f"{output}/c.mp4", bytes([whole[0] ^ 1]) + whole[1:])
    missing, cut_off = sorted(audit(output).problems)
    assert missing.startswith(f"{output}/a.mp4: is missing; the row of a.wav names it")
    assert cut_off.startswith(f"{output}/b.mp4: has {len(whole) - 5:,} bytes; the row of b.wav says {len(whole):,}")
    changed = max(audit(output, content=True).problems)
    assert changed.startswith(f"{output}/c.mp4: has other content than the row of c.wav says")


def test_only_files_of_dancegen_without_a_row_are_swept(output: str) -> None:
    storage.copy(f"{output}/a.mp4", f"{output}/stray.mp4")
    storage.write_bytes(f"{output}/holiday.mp4", b"precious")
    found = audit(output)
    assert found.strays == [f"{output}/holiday.mp4", f"{output}/stray.mp4"]
    swept = audit(output, sweep=True)
    assert swept.strays == [f"{output}/holiday.mp4"]
    assert "1 files deleted" in list(swept.lines())[-1]
    names = [storage.name(uri) for uri in storage.find(output)]
    assert names == ["a.mp4", "b.mp4", "c.mp4", "holiday.mp4"]


def test_unfinished_files_of_dead_processes_are_counted_and_swept(tmp_path: Path) -> None:
    folder = tmp_path / "dances"
    tables.begin(f"{folder}_renders", schema.RENDERS, {})
    row = {"uri": "a.wav", "output_uri": f"{folder}/a.mp4"}
    tables.write_part(f"{folder}_renders", schema.table(schema.RENDERS, [row]), "a.wav")
    storage.write_bytes(f"{folder}/a.mp4", b"video")
    dead = mark().rsplit("-", 2)[0] + "-999999999-1764300000000000000"
    (folder / f"b{dead}.mp4").write_bytes(b"half")
    assert audit(str(folder)).unfinished == 1
    assert audit(str(folder), sweep=True).clean
    assert [path.name for path in folder.iterdir()] == ["a.mp4"]


def test_segments_of_long_songs_that_wait_for_their_join_are_counted_and_swept(output: str) -> None:
    segments = f"{output}_segments"
    tables.begin(segments, schema.RENDER_SEGMENTS, {})
    for number in range(3):
        storage.copy(f"{output}/a.mp4", f"{segments}/0123-{number:04d}.mp4")
    waiting = {"uri": "long.wav", "segments": 3}
    tables.write_part(f"{output}_renders", schema.table(schema.RENDERS, [waiting]), "long.wav")
    found = audit(output)
    assert (found.rows, found.unfinished, found.strays, found.problems) == (3, 3, [], [])
    swept = audit(output, sweep=True)
    assert (swept.deleted, swept.clean, storage.find(segments)) == (3, True, [])
    assert storage.exists(f"{output}/a.mp4")


def test_a_folder_of_another_kind_beside_the_videos_is_never_swept(output: str) -> None:
    tables.begin(f"{output}_segments", schema.SEGMENTS, {})
    storage.copy(f"{output}/a.mp4", f"{output}_segments/mine.mp4")
    assert audit(output, sweep=True).clean
    assert storage.exists(f"{output}_segments/mine.mp4")


def test_the_command_prints_the_differences_and_says_so_by_its_exit_code(output: str) -> None:
    clean = CliRunner().invoke(main, ["audit", f"{output}_renders"])
    assert (clean.exit_code, clean.output) == (0, "3 rows, 3 files: every row has its file, and every file its row.\n")
    storage.delete(f"{output}/a.mp4")
    different = CliRunner().invoke(main, ["audit", f"{output}_renders"])
    assert different.exit_code == 1
    assert "a.mp4: is missing" in different.output


def test_a_table_whose_rows_have_no_files_is_refused(tmp_path: Path) -> None:
    tables.begin(str(tmp_path / "cuts"), schema.CUTS, {})
    with pytest.raises(ConfigError, match="is a table of cuts, whose rows have no files"):
        run(AuditConfig(table=str(tmp_path / "cuts")))
