"""Storage that refuses for a while is waited for, a while; a full disk is told as one."""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dancegen import schema, storage
from dancegen.errors import DanceGenError, StorageDeniedError, StorageFullError, StorageUnreachableError
from dancegen.storage import s3 as s3_module


def credentials(path: Path, key: str) -> None:
    path.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = secret\n")


def deny(watched_s3, requests: int) -> None:
    """Denies the next requests, whoever sends them."""
    begun = len(watched_s3.requests)
    watched_s3.refuses = lambda key: len(watched_s3.requests) - begun <= requests


def test_a_denial_that_passes_is_survived_by_all_that_asks_s3(watched_s3, s3: str) -> None:
    uri = f"{s3}/a.txt"
    storage.write_text(uri, "x")
    for act in (lambda: storage.read_text(uri) == "x", lambda: storage.write_text(uri, "x") is None):
        deny(watched_s3, 2)
        assert act()


def test_a_bucket_that_never_answered_is_told_at_once(watched_s3, s3: str) -> None:
    watched_s3.refuses = lambda key: True
    with pytest.raises(StorageDeniedError, match=rf"{s3}/a\.txt: access is denied .*Check the credentials"):
        storage.read_text(f"{s3}/a.txt")
    assert len(watched_s3.requests) == 2, "once more with credentials as they are now"


def test_patience_with_denials_ends(watched_s3, s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_module, "PATIENCE_S", 1.5)
    storage.write_text(f"{s3}/a.txt", "x")
    watched_s3.refuses = lambda key: True
    with pytest.raises(StorageDeniedError):
        storage.read_text(f"{s3}/a.txt")
    asked = len(watched_s3.requests)
    with pytest.raises(StorageDeniedError):
        storage.read_text(f"{s3}/a.txt")
    assert len(watched_s3.requests) - asked == 2, "and is not begun again before the bucket has answered"


def test_a_row_is_tried_again_after_a_denial_as_after_silence() -> None:
    assert issubclass(StorageDeniedError, StorageUnreachableError)


def test_credentials_that_were_replaced_are_read_again(
    watched_s3, s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    valid = ["old"]
    watched_s3.refuses = lambda key: key not in valid
    credentials(tmp_path / "credentials", "old")
    storage.s3.forget()
    storage.write_text(f"{s3}/a.txt", "x")
    credentials(tmp_path / "credentials", "new")
    assert storage.read_text(f"{s3}/a.txt") == "x", "the old ones still do"
    valid[:] = ["new"]
    assert storage.read_text(f"{s3}/a.txt") == "x"


def test_no_credentials_at_all_are_told(watched_s3, s3: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    storage.s3.forget()
    with pytest.raises(StorageDeniedError, match="Unable to locate credentials"):
        storage.read_text(f"{s3}/a.txt")


def fill(path: Path) -> None:
    """Writes to a path behind which the kernel has no space left."""
    path.symlink_to("/dev/full")
    path.write_bytes(bytes(1 << 20))


def fill_with_parquet(path: Path) -> None:
    path.symlink_to("/dev/full")
    pq.write_table(schema.table(schema.SONGS, [{"uri": "a"}] * 1000), path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("write", [fill, fill_with_parquet])
@pytest.mark.parametrize("remote", [False, True])
def test_a_full_disk_is_told_as_one(write, remote: bool, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    uri = request.getfixturevalue("s3") + "/a.bin" if remote else str(tmp_path / "a.bin")
    with pytest.raises(StorageFullError, match="the disk is full") as error, storage.writing(uri) as path:
        write(path)
    text = str(error.value)
    assert "Free some space" in text
    assert "network" not in text
    assert error.value.subject == uri or remote
    assert not storage.exists(uri)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_a_video_fills_is_told_as_full(tmp_path: Path) -> None:
    import numpy as np

    from dancegen.media.writer import VideoWriter

    random = np.random.default_rng(0)

    def film() -> None:
        with storage.writing(str(tmp_path / "a.mp4")) as path:
            path.symlink_to("/dev/full")
            with VideoWriter(path, 320, 240, 25.0) as writer:
                for _ in range(60):
                    writer.write(random.integers(0, 255, (240, 320, 3), dtype=np.uint8))

    with pytest.raises(StorageFullError, match=r"a\.mp4: cannot be written: the disk is full"):
        film()


def test_other_errors_of_who_writes_pass(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), storage.writing(str(tmp_path / "a")) as path:
        shutil.copyfile(tmp_path / "missing", path)


def test_a_disk_is_not_told_to_be_a_network(tmp_path: Path) -> None:
    with pytest.raises(DanceGenError, match="File name too long") as error:
        storage.read_bytes(str(tmp_path / ("a" * 300)))
    assert "network" not in str(error.value)
