"""Storage means the same on this machine and on a real S3 server."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dancegen import config, storage
from dancegen.errors import ConfigError, DanceGenError, StorageError, StorageExistsError
from dancegen.steps.render.settings import DanceConfig
from dancegen.storage.unfinished import mark


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty folder: once on this machine, once on S3."""
    return str(tmp_path / "a folder") if request.param == "local" else request.getfixturevalue("s3") + "/a folder"


def test_what_is_written_is_read_back_as_bytes_as_text_and_as_a_path(place: str) -> None:
    uri = storage.join(place, "deep", "er", "Müsik [live] #1?.txt")
    storage.write_text(uri, "früh\n")
    assert storage.read_text(uri) == "früh\n"
    assert storage.read_bytes(uri) == "früh\n".encode()
    with storage.reading(uri) as path:
        assert path.suffix == ".txt"
        assert path.read_bytes() == "früh\n".encode()


def test_a_write_that_fails_leaves_neither_a_file_nor_a_remainder(place: str) -> None:
    uri = storage.join(place, "video.mp4")

    def fail_halfway() -> None:
        with storage.writing(uri) as path:
            path.write_bytes(b"half")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail_halfway()
    assert not storage.exists(uri)
    assert not storage.exists(place) or storage.find(place) == []
    assert storage.is_remote(place) or os.listdir(place) == []


def test_a_write_that_fails_keeps_the_file_of_before(place: str) -> None:
    uri = storage.join(place, "table.csv")
    storage.write_text(uri, "good")
    with pytest.raises(ZeroDivisionError), storage.writing(uri) as path:
        path.write_text(f"bad {1 / 0}")
    assert storage.read_text(uri) == "good"


def test_a_file_appears_under_its_name_only_when_it_is_whole(place: str) -> None:
    uri = storage.join(place, "video.mp4")
    with storage.writing(uri) as path:
        path.write_bytes(b"first half, ")
        assert path.suffix == ".mp4"
        assert not storage.exists(uri)
        assert not storage.exists(place) or storage.find(place) == []
        path.write_bytes(b"whole")
    assert storage.read_bytes(uri) == b"whole"


def test_of_two_writers_of_a_new_object_the_first_wins(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"{s3}/video.mp4"
    with storage.writing(uri, new=True) as path:
        path.write_bytes(b"first")
    monkeypatch.setattr("s3fs.core.calculate_chunksize", lambda *_, **__: 6 << 20)
    for other in (b"other", bytes(12 << 20)):  # in one request, and in several
        with (
            pytest.raises(StorageExistsError, match="was written by another process"),
            storage.writing(uri, new=True) as path,
        ):
            path.write_bytes(other)
    assert storage.read_bytes(uri) == b"first"
    assert storage.size(uri) == 5
    with storage.writing(uri) as path:
        path.write_bytes(b"instead")
    assert storage.read_bytes(uri) == b"instead", "unless it is to be replaced"


def test_without_conditional_writes_the_last_writer_wins_and_that_is_logged_once(
    watched_s3, s3: str, caplog: pytest.LogCaptureFixture
) -> None:
    watched_s3.conditional = False
    for content in (b"first", b"second", b"third"):
        with storage.writing(f"{s3}/video.mp4", new=True) as path:
            path.write_bytes(content)
    assert storage.read_bytes(f"{s3}/video.mp4") == b"third"
    assert [record.getMessage() for record in caplog.records if "conditional" in record.getMessage()] == [
        f"{s3} has no conditional writes: of two writers of a file, the last one wins"
    ]


def test_a_name_as_long_as_a_disk_allows_can_be_written(place: str) -> None:
    uri = storage.join(place, "ü" * 125 + ".mp4")
    storage.write_bytes(uri, b"long")
    assert storage.read_bytes(uri) == b"long"


def test_find_gives_the_files_below_a_folder_sorted_without_hidden_and_unfinished_ones(place: str) -> None:
    left_out = (".hidden.mp4", ".thumbs/x.mp4", "sub/.y/z.mp4", f"e{mark()}.mp4", "f.tmp-17-1795816847000000000.mp4")
    kept = ("_x.mp4", "a.mp4", "b.MP4", "sub/c.mp4", "take.tmp-1-2.mp4", "x.tmp-final.mp4")
    for name in (*left_out, *kept, "d.wav", ".hidden.txt"):
        storage.write_text(storage.join(place, *name.split("/")), name)
    storage.write_text(place + "_beside/f.mp4", "of another folder")
    found = storage.listing(place, (".mp4",))
    assert [file.uri.removeprefix(place + "/") for file in found.files] == list(kept)
    assert (found.hidden, found.unfinished, found.unreadable) == (3, 2, ())
    assert len(storage.find(place)) == len(kept) + 1


def test_a_listing_tells_what_asking_for_each_file_tells(place: str) -> None:
    storage.write_text(storage.join(place, "a.txt"), "four")
    (file,) = storage.listing(place).files
    assert (file.size, file.version) == (4, storage.version(file.uri))
    assert storage.listing(file.uri).files == (file,), "a file is listed as itself"
    assert storage.find(storage.join(place, "missing")) == []


def test_what_is_found_can_be_read(place: str) -> None:
    storage.write_text(storage.join(place, "a b#c.txt"), "text")
    assert [storage.read_text(uri) for uri in storage.find(place)] == ["text"]


def test_files_and_folders_are_told_apart(place: str) -> None:
    uri = storage.join(place, "sub", "file")
    assert not storage.exists(place)
    assert not storage.is_folder(place)
    storage.write_text(uri, "")
    assert storage.exists(uri)
    assert storage.exists(storage.join(place, "sub"))
    assert storage.is_folder(storage.join(place, "sub"))
    assert not storage.is_folder(uri)


def test_the_version_changes_with_the_content_and_only_then(place: str) -> None:
    uri = storage.join(place, "song.wav")
    storage.write_text(uri, "one")
    before = storage.version(uri)
    assert storage.version(uri) == before
    storage.write_text(uri, "two")
    assert storage.version(uri) != before


def test_the_content_hash_is_the_same_everywhere(place: str, tmp_path: Path) -> None:
    content = os.urandom(3 * storage.CHUNK_BYTES + 17)
    here, there = str(tmp_path / "x.bin"), storage.join(place, "y.bin")
    storage.write_bytes(here, content)
    storage.copy(here, there)
    assert storage.content_hash(there) == storage.content_hash(here)
    assert storage.read_bytes(there) == content


def test_a_folder_is_deleted_with_all_below_it_and_nothing_beside_it(place: str) -> None:
    doomed, kept = storage.join(place, "take [1]"), storage.join(place, "take 1")
    for folder in (doomed, kept):
        storage.write_text(storage.join(folder, "deep", "file"), "x")
    storage.delete(doomed)
    storage.delete(doomed)
    assert not storage.exists(doomed)
    assert storage.exists(storage.join(kept, "deep", "file"))


@pytest.mark.parametrize("read", [storage.read_bytes, storage.version, storage.content_hash, storage.read_text])
def test_reading_what_does_not_exist_names_the_uri_and_what_to_do(read: Callable[[str], object], place: str) -> None:
    uri = storage.join(place, "missing.wav")
    with pytest.raises(StorageError) as error:
        read(uri)
    assert error.value.subject == uri
    assert "does not exist" in str(error.value)


def test_reading_a_path_that_does_not_exist_names_the_uri(place: str) -> None:
    uri = storage.join(place, "missing.wav")
    with pytest.raises(StorageError, match=r"missing\.wav: does not exist"), storage.reading(uri):
        pass


def test_a_folder_is_not_read_as_a_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is not a file"), storage.reading(str(tmp_path)):
        pass
    with pytest.raises(StorageError):
        storage.read_bytes(str(tmp_path))


def test_text_that_is_not_utf8_is_told_as_such(place: str) -> None:
    uri = storage.join(place, "songs.txt")
    storage.write_bytes(uri, "Müsik.mp3".encode("latin-1"))
    with pytest.raises(StorageError, match="UTF-8"):
        storage.read_text(uri)


def test_a_bucket_that_does_not_exist_is_told_as_such(s3: str) -> None:
    uri = "s3://no-such-bucket-here/folder/file.txt"
    for attempt in (lambda: storage.read_bytes(uri), lambda: storage.write_bytes(uri, b"x")):
        with pytest.raises(StorageError, match="no-such-bucket-here"):
            attempt()
    assert not storage.exists(uri)


def test_a_path_through_a_file_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="file/below"):
        storage.write_text(str(tmp_path / "file" / "below"), "y")


def test_a_place_that_may_not_be_written_is_told_as_such(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="permission"):
        storage.write_text(str(tmp_path / "x"), "y")


def test_absolute_makes_paths_full_and_leaves_s3_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/someone")
    assert storage.absolute("songs/a.wav") == str(tmp_path / "songs/a.wav")
    assert storage.absolute("~/songs") == "/home/someone/songs"
    assert storage.absolute("file:///songs/a.wav") == "/songs/a.wav"
    assert storage.absolute("s3://bucket/key") == "s3://bucket/key"
    assert storage.absolute("file:///songs/a%20b.wav") == "/songs/a b.wav"


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("https://example.org/a.wav", "https:// is not supported"),
        ("s3:/bucket/key", "is not a valid S3 URI"),
        ("s3:bucket/key", "is not a valid S3 URI"),
        ("s3:///key", "is not a valid S3 URI"),
        ("s3a://bucket/key", "is not a valid S3 URI"),
        ("s3://", "names no bucket"),
        ("s3:///", "names no bucket"),
        ("s3://my bucket/key", "'my bucket' is not a valid bucket name"),
        ("  ", "is empty"),
    ],
)
def test_a_slip_in_an_address_is_told_with_what_to_write(uri: str, told: str) -> None:
    with pytest.raises(ValueError, match=f"{told}.*give .*s3://bucket/key"):
        storage.absolute(uri)


def test_a_bucket_is_not_taken_for_a_song() -> None:
    with pytest.raises(ConfigError, match=r"song='s3://bucket': names a bucket without a key: give s3://bucket/key"):
        config.validate(DanceConfig, {"song": "s3://bucket", "video": "a.mp4"})


def test_the_scheme_may_be_written_in_capitals() -> None:
    assert storage.absolute("S3://bucket/My Song.MP3") == "s3://bucket/My Song.MP3"
    assert storage.absolute("FILE:///songs/a.wav") == "/songs/a.wav"


def test_a_bucket_is_no_file(s3: str) -> None:
    for act in (storage.read_bytes, storage.version, storage.content_hash, lambda uri: storage.write_bytes(uri, b"x")):
        with pytest.raises(StorageError, match=rf"{s3}: names a bucket without a key\. Use s3://bucket/key\."):
            act(s3)
    assert storage.exists(s3), "also while it is empty"
    assert not storage.exists("s3://no-such-bucket-here")
    storage.write_bytes(f"{s3}/a.wav", b"x")
    assert storage.is_folder(s3)
    assert storage.find(s3) == [f"{s3}/a.wav"]


def test_parts_of_a_uri() -> None:
    uri = "s3://bucket/songs/My Song.final.MP3"
    assert (storage.name(uri), storage.stem(uri), storage.suffix(uri)) == ("My Song.final.MP3", "My Song.final", ".mp3")
    assert storage.join("s3://bucket/songs/", "a", "b.mp3") == "s3://bucket/songs/a/b.mp3"
    assert storage.join("/songs/", "a", "b.mp3") == "/songs/a/b.mp3"


def test_an_error_survives_the_way_between_processes() -> None:
    import pickle

    error = StorageError("s3://b/k", "does not exist.", "Correct the path.")
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, DanceGenError)
    assert str(again) == str(error) == "s3://b/k: does not exist. Correct the path."


def test_a_folder_appears_whole_in_place_of_an_earlier_one(tmp_path):
    target = tmp_path / "a" / "frames"
    for names in (("1.json", "2.json"), ("3.json",)):
        with storage.writing_folder(str(target)) as folder:
            for name in names:
                (folder / name).write_text(name)
            assert not (target / names[0]).exists()
        assert [path.name for path in sorted(target.iterdir())] == list(names)
    assert list(target.parent.iterdir()) == [target]


def test_a_folder_that_fails_leaves_the_earlier_one_and_nothing_else(tmp_path):
    target = tmp_path / "frames"
    target.mkdir()
    (target / "kept.json").write_text("{}")
    with pytest.raises(ZeroDivisionError), storage.writing_folder(str(target)) as folder:
        (folder / "new.json").write_text(f"{1 / 0}")
    assert [path.name for path in tmp_path.rglob("*")] == ["frames", "kept.json"]
