"""What dead processes left is swept away; what a live one writes is never touched."""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from dancegen import storage
from dancegen.storage.unfinished import UNTOUCHED_S, mark

ANOTHER_MACHINE = "0123abcd"
HALF = """
import sys
from dancegen import storage
with storage.writing(sys.argv[1]) as path, storage.writing_folder(sys.argv[1] + "_frames") as folder:
    path.write_text("half")
    (folder / "1.json").write_text("{}")
    print("begun", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def writer(tmp_path: Path):
    """A process that is in the middle of writing video.mp4 and a folder beside it."""
    target = str(tmp_path / "video.mp4")
    process = subprocess.Popen([sys.executable, "-c", HALF, target], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    yield process
    process.kill()
    process.communicate()


def unfinished(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if ".tmp-" in name)


def test_a_live_process_is_left_alone_and_a_killed_one_swept(writer: subprocess.Popen, tmp_path: Path) -> None:
    assert len(unfinished(tmp_path)) == 2
    assert storage.sweep(str(tmp_path)) == 0
    writer.kill()
    time.sleep(0.1)  # it is not waited for: a zombie writes no more
    assert storage.sweep(str(tmp_path)) == 2
    assert os.listdir(tmp_path) == []


def test_who_writes_into_a_folder_sweeps_it(writer: subprocess.Popen, tmp_path: Path) -> None:
    writer.kill()
    writer.wait()
    storage.write_text(str(tmp_path / "other.txt"), "x")
    assert os.listdir(tmp_path) == ["other.txt"]


def leave(path: Path, age_s: float = 0.0) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def of_another_machine(name: str) -> str:
    return re.sub(r"tmp-[0-9a-f]{8}", f"tmp-{ANOTHER_MACHINE}", name)


def test_of_other_machines_only_what_is_untouched_for_a_day_is_swept(tmp_path: Path) -> None:
    theirs = of_another_machine(f"a{mark()}.mp4")
    fresh, old = leave(tmp_path / theirs), leave(tmp_path / "sub" / theirs, UNTOUCHED_S + 60)
    assert storage.sweep(str(tmp_path)) == 1
    assert (fresh.exists(), old.exists()) == (True, False)


def test_what_an_older_release_left_is_swept_after_a_day(tmp_path: Path) -> None:
    name = "a.tmp-17-1795816847000000000.mp4"
    fresh, old = leave(tmp_path / name), leave(tmp_path / "sub" / name, UNTOUCHED_S + 60)
    assert storage.sweep(str(tmp_path)) == 1
    assert (fresh.exists(), old.exists()) == (True, False)


@pytest.mark.parametrize("name", ["a.mp4", "take.tmp-1-2.mp4", "x.tmp-final.mp4", "tmp-1", ".tmp-"])
def test_no_file_of_a_person_is_swept(tmp_path: Path, name: str) -> None:
    theirs = leave(tmp_path / name, 10 * UNTOUCHED_S)
    assert storage.sweep(str(tmp_path)) == 0
    storage.write_text(str(tmp_path / "b.txt"), "x")
    assert theirs.exists()


def test_copies_of_remote_files_that_a_killed_process_left_are_swept(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = (
        "import os, sys\nfrom dancegen import storage\nwith storage.reading(sys.argv[1]):\n    os.kill(os.getpid(), 9)"
    )
    storage.write_text(f"{s3}/a.txt", "x")
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", reads, f"{s3}/a.txt"], env=environment, check=False)
    assert len(unfinished(tmp_path)) == 1
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with storage.reading(f"{s3}/a.txt"):
        assert len(unfinished(tmp_path)) == 1
    assert os.listdir(tmp_path) == []


def test_uploads_that_were_killed_are_ended_on_s3_below_the_folder_only(s3: str, s3_endpoint: str) -> None:
    import boto3

    client, bucket = boto3.client("s3", endpoint_url=s3_endpoint), s3.removeprefix("s3://")
    for key in ("videos/a.mp4", "other/b.mp4"):  # the server says of every upload that it began years ago
        client.create_multipart_upload(Bucket=bucket, Key=key)
    assert storage.sweep(f"{s3}/videos") == 1
    assert [left["Key"] for left in client.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["other/b.mp4"]
    assert storage.sweep("s3://no-such-bucket/videos") == 0, "the work does not depend on it"
