"""Each process has librosa's compiled code to itself.

librosa's loops are compiled by numba, 20 s the first time, and kept on disk. Two processes that write the same
folder can mix their entries up: the index of one then names the code of the other, and whoever loads it crashes,
today and on every later day. So a process takes a folder that no living process has, filled from another's.
"""

import fcntl
import os
import shutil
import tempfile
from functools import cache
from itertools import count
from pathlib import Path
from typing import IO, Any

_held: list[IO[bytes]] = []  # open for as long as the process lives: closing would give the folder up


@cache
def own_compiled_code() -> str:
    """The folder of this process; call before librosa is imported. NUMBA_CACHE_DIR, where it is set, is kept."""
    from numba.core import config

    numba: Any = config  # its settings have no types
    if not numba.CACHE_DIR:
        numba.CACHE_DIR = str(_take(_root()))  # not the variable: processes that we start would share the folder
    return numba.CACHE_DIR


def _root() -> Path:
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "dancegen" / "numba"
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="dancegen-numba-"))  # no home to write to: compile for this process alone
    return home


def _take(root: Path) -> Path:
    """The first folder that nobody has, from now on ours."""
    for number in count():
        lock = open(root / f"{number}.lock", "ab")  # noqa: SIM115 (held until the process ends)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        _held.append(lock)
        folder = root / str(number)
        if not folder.exists():
            _fill(folder, root / "0")
        return folder
    raise AssertionError("count() has no end")


def _fill(folder: Path, other: Path) -> None:
    """Start from what another process has compiled. What it is just writing is missing here, which numba notices."""
    if other.exists():
        shutil.copytree(other, folder, ignore_dangling_symlinks=True)
    else:
        folder.mkdir()
