import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dancegen.engine.table_jobs.row_folder import PREFIX, RowFolder

OWNER = """
import time
from dancegen.engine.table_jobs.row_folder import RowFolder
print(RowFolder().path, flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """The temporary folder of these tests."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_the_folder_is_for_its_user_alone_and_goes_away():
    folder = RowFolder()
    assert stat.S_IMODE(os.stat(folder.path).st_mode) == 0o700
    Path(folder.path, "file").write_text("left")
    folder.remove()
    assert not os.path.exists(folder.path)


def test_the_folder_of_a_process_that_was_killed_is_cleared_away_and_that_of_a_living_one_is_not(temporary):
    owners = [subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    killed, living = [owner.stdout.readline().strip() for owner in owners]
    owners[0].send_signal(signal.SIGKILL)
    owners[0].wait()
    folder = RowFolder()
    assert sorted(temporary.iterdir()) == sorted(map(Path, (folder.path, living)))
    assert not os.path.exists(killed)
    owners[1].kill()
    owners[1].wait()
    folder.remove()


def test_a_child_that_has_the_lock_keeps_the_folder_of_its_dead_parent(temporary):
    first = RowFolder()
    child = subprocess.Popen(["sleep", "60"], pass_fds=[first.lock])
    os.close(first.lock)  # as when the parent dies
    RowFolder().remove()
    assert os.path.exists(first.path)
    child.kill()
    child.wait()
    RowFolder().remove()
    assert list(temporary.iterdir()) == []


def test_what_others_have_put_there_is_left_alone_and_does_no_harm(temporary):
    elsewhere = temporary / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    (temporary / f"{PREFIX}file").touch()
    (temporary / f"{PREFIX}link").symlink_to(elsewhere)
    RowFolder().remove()
    assert {path.name for path in temporary.iterdir()} == {"elsewhere", f"{PREFIX}file", f"{PREFIX}link"}
    assert (elsewhere / "precious").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make another user's folder")
def test_another_users_folder_is_left_alone(temporary):
    foreign = temporary / f"{PREFIX}foreign"
    foreign.mkdir()
    os.chown(foreign, 12345, 12345)
    RowFolder().remove()
    assert foreign.exists()
