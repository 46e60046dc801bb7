"""One run at a time in a folder; a dead one does not hold it."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dancegen import stopping, storage
from dancegen.cli import main
from dancegen.errors import ConfigError
from dancegen.storage import lease

ELSEWHERE = {"run": "1", "what": "dancegen render", "host": "far", "machine": "far", "pid": 7, "started": 0.0}


@pytest.fixture(params=["local", "s3"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{tmp_path}/out" if request.param == "local" else f"{request.getfixturevalue('s3')}/out"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"RENEW_S": 0.05, "EXPIRES_S": 0.6, "LOOK_S": 0.1}.items():
        monkeypatch.setattr(lease, name, seconds)


def write(folder: str, **about: object) -> None:
    storage.write_text(storage.join(folder, lease.NAME), json.dumps({**ELSEWHERE, **about}))


def test_a_second_run_is_told_who_is_there_until_the_first_one_has_ended(folder: str):
    with lease.held([folder], "dancegen render"):
        with pytest.raises(ConfigError, match=r"out: is in use by `dancegen render`"), lease.held([folder], "b"):
            pass
        assert storage.exists(storage.join(folder, lease.NAME))
    assert not storage.exists(folder)
    with lease.held([folder], "dancegen search"):
        pass


def test_of_several_folders_none_is_kept_when_one_is_taken(tmp_path: Path):
    one, other = f"{tmp_path}/one", f"{tmp_path}/other"
    with lease.held([other], "a"), pytest.raises(ConfigError, match="other"), lease.held([one, other], "b"):
        pass
    assert not storage.exists(one)


def test_a_killed_run_of_this_machine_holds_nothing(folder: str):
    code = f"""
import time
from dancegen.storage import lease
with lease.held([{folder!r}], "dancegen render"):
    print("there", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"there\n"
        with pytest.raises(ConfigError, match=f"process {first.pid}"), lease.held([folder], "b"):
            pass
        first.kill()
    with lease.held([folder], "b"):
        pass


@pytest.mark.usefixtures("impatient")
def test_a_run_of_another_machine_that_is_not_heard_of_holds_nothing(folder: str, capsys: pytest.CaptureFixture[str]):
    write(folder)
    with lease.held([folder], "b"):
        pass
    assert (
        "waiting up to 0.6 s to check whether `dancegen render` (process 7 on far) is still running"
        in capsys.readouterr().err
    )


@pytest.mark.usefixtures("impatient")
def test_a_run_of_another_machine_that_renews_its_lease_lives(tmp_path: Path):
    write(str(tmp_path))
    renewal = threading.Timer(0.2, write, [str(tmp_path)], {"renewed": 1.0})
    renewal.start()
    with pytest.raises(ConfigError, match="process 7 on far"), lease.held([str(tmp_path)], "b"):
        pass
    renewal.join()


@pytest.fixture
def hears_sigterm() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    stopping.handle_sigterm()
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("impatient", "hears_sigterm")
def test_a_run_whose_lease_was_taken_over_stops(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def work() -> None:
        with lease.held([str(tmp_path)], "a"):
            write(str(tmp_path))
            time.sleep(30)

    with pytest.raises(stopping.Terminated):
        work()
    assert "has taken over this folder" in capsys.readouterr().err
    assert storage.exists(f"{tmp_path}/{lease.NAME}")  # it is the other's


@pytest.mark.usefixtures("impatient")
def test_a_lease_survives_that_its_folder_is_emptied(tmp_path: Path):
    with lease.held([f"{tmp_path}/out"], "a"):
        storage.delete(f"{tmp_path}/out")
        deadline = time.monotonic() + 30
        while not storage.exists(f"{tmp_path}/out/{lease.NAME}") and time.monotonic() < deadline:
            time.sleep(0.02)
        assert storage.exists(f"{tmp_path}/out/{lease.NAME}")


@pytest.mark.parametrize("text", ["", "[]", "{}", "no json"])
def test_a_damaged_lease_holds_nothing(text: str, tmp_path: Path):
    storage.write_text(f"{tmp_path}/{lease.NAME}", text)
    with lease.held([str(tmp_path)], "a"):
        pass


def test_of_many_who_create_a_file_at_once_one_is_told_so(folder: str):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: storage.create(f"{folder}/a", bytes([number])), range(8)))
    assert made.count(True) == 1
    assert storage.read_bytes(f"{folder}/a") == bytes([made.index(True)])


@pytest.mark.parametrize(
    "words",
    [
        ["render", "songs={0}/songs", "output={0}/out"],
        ["train-dance", "clips={0}/songs", "output={0}/out"],
        ["search", "train.clips={0}/songs", "output={0}/out"],
    ],
)
def test_a_second_command_ends_before_it_writes(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "songs").mkdir()
    with lease.held([f"{tmp_path}/out"], "dancegen render"), pytest.raises(SystemExit) as end:
        main([word.format(tmp_path) for word in words])
    assert end.value.code == 2
    assert "is in use by" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["songs"]
