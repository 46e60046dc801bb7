"""Files that are being written, and how those are told that nobody writes any more.

An unfinished file is named `NAME.tmp-MACHINE-PID-TIME`, and keeps its ending. On the machine that it names, the process
either lives or it does not: a file of one that is gone is deleted at once. Of another machine's process nothing can be
known from here, nor whether a process number was given to another program since: such a file is left alone until it
has not grown for a day. Clocks, reboots and containers that share a disk then make no difference.

S3 shows an object only when it is whole. What a killed upload leaves are parts that nobody sees and somebody pays for.
Nothing tells whose they are, so a day decides there too.
"""

import functools
import hashlib
import os
import platform
import re
import shutil
import stat
import time
from datetime import UTC, datetime
from pathlib import Path

from dancegen.errors import StorageError
from dancegen.storage import s3

MARK = ".tmp-"  # in the name of every unfinished file
NAME = re.compile(r"\.tmp-(?:(?P<machine>[0-9a-f]{8})-)?(?P<pid>\d+)-\d{16,}(?=\.|$)")  # no machine: of older releases
UNTOUCHED_S = 24 * 3600.0  # and a file is nobody's, where its process cannot be looked for
_swept: set[tuple[int, str]] = set()  # folders, by process


def mark() -> str:
    """What the name of a file that this process begins to write ends with."""
    return f"{MARK}{_machine()}-{os.getpid()}-{time.time_ns()}"


def is_unfinished(name: str) -> bool:
    """Whether a file's name says that it is being written by dancegen, or was."""
    return NAME.search(name) is not None


def sweep_local(folder: Path) -> int:
    """Delete what dead processes left below a folder. Returns how many files and folders."""
    gone = 0
    for root, folders, files in os.walk(folder):
        gone += sum(_sweep(Path(root, name)) for name in (*folders, *files))
        folders[:] = [name for name in folders if not is_unfinished(name)]
    return gone


def sweep_once(folder: Path) -> None:
    """Delete what dead processes left in a folder, and not below it, when this process first writes there."""
    known = (os.getpid(), str(folder))
    if known in _swept:
        return
    _swept.add(known)
    with os.scandir(folder) as entries:
        found = [Path(entry.path) for entry in entries]
    for path in found:
        _sweep(path)


def sweep_remote(uri: str, older_than_s: float = UNTOUCHED_S) -> int:
    """End the uploads below a folder on S3 that began longer ago. Returns how many."""
    ended = 0
    try:
        for key, upload, begun in s3.unfinished(uri):
            if (datetime.now(UTC) - begun).total_seconds() > older_than_s:
                s3.abort(uri, key, upload)
                ended += 1
    except StorageError:
        return ended  # who may write may not be permitted to list uploads; the work does not depend on it
    return ended


def _sweep(path: Path) -> bool:
    """Delete a file or folder if it is unfinished and nobody's; whether it was."""
    found = NAME.search(path.name)
    try:
        if found is None or not _is_nobodys(found, path):
            return False
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
    except OSError:
        return False  # another process was faster, or it is somebody else's file
    return True


def _is_nobodys(found: re.Match[str], path: Path) -> bool:
    if found["machine"] == _machine() and not _runs(int(found["pid"])):
        return True
    return path.lstat().st_mtime < time.time() - UNTOUCHED_S


def _runs(pid: int) -> bool:
    import psutil  # late: it is needed where something is left

    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


@functools.cache
def _machine() -> str:
    """This machine since it was started, and the container: where a process number means one process."""
    told = [platform.node()]
    for place in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        if os.path.exists(place):
            told.append(Path(place).read_text() if place.endswith("boot_id") else str(os.stat(place).st_ino))
    return hashlib.sha256(" ".join(told).encode()).hexdigest()[:8]
