"""Processes that live at the same time never share librosa's compiled code."""

import os
import subprocess
import sys

HOLD = "from dancegen.motion.compiled import own_compiled_code as own; print(own(), flush=True); input()"


def hold(cache, **more):
    """A process that takes a folder and keeps it until its input ends."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    return subprocess.Popen(
        [sys.executable, "-c", HOLD],
        env={**environment, "XDG_CACHE_HOME": str(cache), **more},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_two_living_processes_have_two_folders_and_the_next_one_takes_over(tmp_path):
    with hold(tmp_path) as one, hold(tmp_path) as other:
        folders = {process.stdout.readline().strip() for process in (one, other)}
        assert len(folders) == 2
        one.communicate("")
        other.communicate("")
    with hold(tmp_path) as later:
        assert later.stdout.readline().strip() in folders
        later.communicate("")


def test_a_new_folder_starts_from_what_is_compiled(tmp_path):
    with hold(tmp_path) as one:
        folder = one.stdout.readline().strip()
        with open(f"{folder}/code.nbc", "w") as file:
            file.write("compiled")
        with hold(tmp_path) as other:
            with open(f"{other.stdout.readline().strip()}/code.nbc") as file:
                assert file.read() == "compiled"
            other.communicate("")
        one.communicate("")


def test_a_folder_that_the_user_named_is_kept(tmp_path):
    with hold(tmp_path, NUMBA_CACHE_DIR="/somewhere") as process:
        assert process.stdout.readline().strip() == "/somewhere"
        process.communicate("")


def test_processes_that_it_starts_have_their_own(tmp_path, monkeypatch):
    with hold(tmp_path) as one:
        first = one.stdout.readline().strip()
        nested = "import subprocess, sys; from dancegen.motion.compiled import own_compiled_code as own; own();"
        nested += f"subprocess.run([sys.executable, '-c', {HOLD.replace('; input()', '')!r}])"
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        third = subprocess.run(
            [sys.executable, "-c", nested], capture_output=True, text=True, check=True
        ).stdout.strip()
        assert third.endswith("/2")
        assert third != first
        one.communicate("")
