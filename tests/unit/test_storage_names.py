"""A file name on Linux is bytes, of any kind: each is a file like any other, and its URI is text."""

import json
import os
from pathlib import Path

import pyarrow as pa
import pytest

from dancegen import storage
from dancegen.errors import StorageError
from dancegen.media import audio
from dancegen.media.container import SOUND_SUFFIXES
from dancegen.media.inputs import list_media

LATIN_1 = "Café 100%.wav".encode("latin-1")


@pytest.fixture
def song(tmp_path: Path, make_sound) -> Path:
    """A song whose name is not UTF-8, in a folder of songs."""
    folder = tmp_path / "songs" / "pop"
    folder.mkdir(parents=True)
    make_sound(folder / "plain.wav", [0.0] * 1600, 16_000).rename(path := folder / os.fsdecode(LATIN_1))
    return path


def test_a_name_that_is_not_utf8_is_listed_as_text_and_read(song: Path) -> None:
    folder = str(song.parents[1])
    (file,) = storage.listing(folder).files
    assert file.uri == f"file://{folder}/pop/Caf%E9 100%25.wav"
    assert json.loads(json.dumps(file.uri).encode()) == pa.array([file.uri]).to_pylist()[0] == file.uri
    assert storage.absolute(file.uri) == storage.absolute(str(song)) == file.uri
    assert storage.read_bytes(file.uri) == song.read_bytes()
    assert storage.version(file.uri) == file.version
    assert (storage.stem(file.uri), storage.suffix(file.uri)) == ("Caf%E9 100%25", ".wav")
    assert storage.exists(file.uri)
    assert storage.content_hash(file.uri) == storage.content_hash(str(song))
    with storage.reading(file.uri) as path:
        assert str(path).encode(), "libraries that know only UTF-8 open it"
        assert len(audio.load(path, file.uri)) == 1600
        left = path.parent
    assert not left.exists()
    assert song.exists()


def test_a_name_that_is_not_utf8_is_a_row_with_its_labels(song: Path) -> None:
    (row,) = list_media(str(song.parents[1]), SOUND_SUFFIXES)
    assert (row["category"], row["song"]) == ("pop", "Caf%E9 100%25")
    assert row["version"]
    pa.Table.from_pylist([row])


def test_a_folder_whose_name_is_not_utf8_is_listed(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"m\xfasica")
    (folder / "rock").mkdir(parents=True)
    (folder / "rock" / "a.wav").write_bytes(b"x")
    (row,) = list_media(storage.absolute(str(folder)), SOUND_SUFFIXES)
    assert row["uri"] == f"file://{tmp_path}/m%FAsica/rock/a.wav"
    assert row["category"] == "rock"
    (row,) = list_media(str(tmp_path), SOUND_SUFFIXES)
    assert row["category"] == "m%FAsica"


def test_a_list_may_name_it_by_its_uri(song: Path) -> None:
    (listed := song.parents[1] / "songs.txt").write_text(f"file://{song.parent}/Caf%E9%20100%25.wav\n")
    (row,) = list_media(str(listed), SOUND_SUFFIXES)
    assert storage.read_bytes(row["uri"]) == song.read_bytes()
    assert row["version"]


def test_it_is_deleted(song: Path) -> None:
    storage.delete(storage.absolute(str(song)))
    assert not song.exists()


def test_nothing_is_written_to_a_path_that_is_not_utf8(song: Path) -> None:
    uri = storage.absolute(str(song))
    before = song.read_bytes()
    with pytest.raises(StorageError, match=r"Caf%E9 100%25\.wav: is a path that is not UTF-8"):
        storage.write_bytes(uri, b"x")
    assert song.read_bytes() == before
