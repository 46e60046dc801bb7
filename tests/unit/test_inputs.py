import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dancegen import schema, storage, tables
from dancegen.errors import ConfigError
from dancegen.media.container import VIDEO_SUFFIXES
from dancegen.media.inputs import list_media
from dancegen.storage.unfinished import mark


def files(folder, *names):
    for name in names:
        storage.write_bytes(str(folder / name), name.encode())
    return str(folder)


def test_a_folder_gives_the_sub_folder_as_category_and_the_name_as_song(tmp_path):
    uri = files(tmp_path, "kpop/deep/gee.MP4", "loose.mov", "notes.pdf", ".hidden.mp4")
    rows = list_media(uri, VIDEO_SUFFIXES)
    assert [(row["category"], row["song"], row["dancer"]) for row in rows] == [
        ("kpop", "gee", "unknown"),
        ("unknown", "loose", "unknown"),
    ]
    assert all(row["version"] for row in rows)


def test_every_name_is_a_row_and_what_is_hidden_or_unfinished_is_counted(tmp_path, capsys):
    left_out = ("._a.mp4", ".trash/b.mp4", f"c{mark()}.mp4", ".DS_Store")
    uri = files(tmp_path, "_x.mp4", "x.tmp-1.mp4", "_folder/y.mp4", *left_out)
    assert [row["song"] for row in list_media(uri, VIDEO_SUFFIXES)] == ["y", "_x", "x.tmp-1"]
    told = capsys.readouterr().err
    assert f"{uri}: skipped 2 hidden files (their name, or their folder's, begins with a dot), 1 unfinished" in told


def test_nothing_is_said_where_nothing_is_left_out(tmp_path, capsys):
    list_media(files(tmp_path, "a.mp4", ".DS_Store"), VIDEO_SUFFIXES)
    assert capsys.readouterr().err == ""


def test_a_table_labels_its_rows_and_names_files_from_its_own_folder(tmp_path):
    files(tmp_path, "videos/a.mp4")
    table = tmp_path / "videos.csv"
    table.write_text(f"\ufeffuri,category,song,dancer\nvideos/a.mp4,ballet,swan,\n{tmp_path}/b.mp4,,,mia\n")
    rows = list_media(str(table), VIDEO_SUFFIXES)
    assert [row["uri"] for row in rows] == [f"{tmp_path}/videos/a.mp4", f"{tmp_path}/b.mp4"]
    assert [(row["category"], row["song"], row["dancer"]) for row in rows] == [
        ("ballet", "swan", "unknown"),
        ("unknown", "b", "mia"),
    ]
    assert rows[1]["version"] is None, "there is no such file, and its row stays"


def test_a_parquet_table_needs_only_the_column_uri(tmp_path):
    files(tmp_path, "a.mp4")
    pq.write_table(pa.table({"uri": ["a.mp4"], "likes": [3]}), tmp_path / "t.parquet")
    assert [row["song"] for row in list_media(str(tmp_path / "t.parquet"), VIDEO_SUFFIXES)] == ["a"]


def test_a_folder_that_is_a_table_is_read_as_one_without_its_bad_rows(tmp_path):
    uri = str(tmp_path / "cuts")
    tables.begin(uri, schema.CUTS, {})
    for name, error in (("a", None), ("b", "is broken.")):
        row = {"uri": f"{tmp_path}/{name}.mp4", "error": error}
        tables.write_part(uri, schema.table(schema.CUTS, [row]), name)
    assert [row["song"] for row in list_media(uri, VIDEO_SUFFIXES)] == ["a"]


def test_a_list_skips_blank_lines_and_comments_and_names_each_file_once(tmp_path):
    files(tmp_path, "舞蹈 #1.mp4", "b.mp4")
    (tmp_path / "list.txt").write_text("舞蹈 #1.mp4\n\n# a comment\nb.mp4\n舞蹈 #1.mp4\n")
    rows = list_media(str(tmp_path / "list.txt"), VIDEO_SUFFIXES)
    assert [row["song"] for row in rows] == ["舞蹈 #1", "b"]


def test_one_media_file_is_an_input_too(tmp_path):
    uri = files(tmp_path, "a.mp4") + "/a.mp4"
    assert [row["uri"] for row in list_media(uri, VIDEO_SUFFIXES)] == [uri]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("empty/x.pdf", "", "contains no input files"),
        ("x.csv", "video,song\na.mp4,b\n", "has no column uri; it has video, song"),
        ("x.parquet", "no parquet", "is not a Parquet file"),
        ("x.json", "{}", "is not a folder, list"),
        ("x.txt", "http://somewhere/a.mp4\n", "http:// is not supported"),
    ],
)
def test_an_input_that_cannot_be_used_is_told_with_its_reason(tmp_path, name, content, told):
    storage.write_text(str(tmp_path / name), content)
    uri = str(tmp_path / name) if "/" not in name else str(tmp_path / "empty")
    with pytest.raises(ConfigError, match=told):
        list_media(uri, VIDEO_SUFFIXES)


def test_objects_on_s3_are_listed_with_their_versions(s3):
    storage.write_bytes(f"{s3}/videos/kpop/a.mp4", b"a")
    (row,) = list_media(f"{s3}/videos", VIDEO_SUFFIXES)
    assert (row["uri"], row["category"]) == (f"{s3}/videos/kpop/a.mp4", "kpop")
    storage.write_bytes(f"{s3}/videos/kpop/a.mp4", b"b")
    assert list_media(f"{s3}/videos", VIDEO_SUFFIXES)[0]["version"] != row["version"]
