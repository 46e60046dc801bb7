"""Unfinished files, and the detection and deletion of abandoned ones.

An unfinished file is named `NAME.tmp-MACHINE-PID-TIME`, with the suffix of the file. On the machine that it names, the
process can be looked up, and the file of a dead process is deleted at once. A process of another machine cannot be
looked up, and a process id may have been reused: such a file is deleted when it has not been modified for a day. The
result does not depend on clocks, reboots or containers that share a disk.

S3 lists an object only when it is complete. A killed upload leaves parts that are not listed but are billed. Their
owner is unknown, so they too are deleted after a day.
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

MARK = ".tmp-"  # part of the name of every unfinished file
NAME = re.compile(r"\.tmp-(?:(?P<machine>[0-9a-f]{8})-)?(?P<pid>\d+)-\d{16,}(?=\.|$)")  # no machine: earlier releases
UNTOUCHED_S = 24 * 3600.0  # a file is then abandoned, if its process cannot be looked up
_swept: set[tuple[int, str]] = set()  # process id and folder


def mark() -> str:
    """Suffix for the name of an unfinished file of this process."""
    return f"{MARK}{_machine()}-{os.getpid()}-{time.time_ns()}"


def is_unfinished(name: str) -> bool:
    """Whether a file name is that of an unfinished file of dancegen."""
    return NAME.search(name) is not None


def sweep_local(folder: Path) -> int:
    """Delete abandoned files below a folder. Returns the number of deleted files and folders."""
    gone = 0
    for root, folders, files in os.walk(folder):
        gone += sum(_sweep(Path(root, name)) for name in (*folders, *files))
        folders[:] = [name for name in folders if not is_unfinished(name)]
    return gone


def sweep_once(folder: Path) -> None:
    """Delete abandoned files in a folder, not recursively, on the first call of this process for the folder."""
    known = (os.getpid(), str(folder))
    if known in _swept:
        return
    _swept.add(known)
    with os.scandir(folder) as entries:
        found = [Path(entry.path) for entry in entries]
    for path in found:
        _sweep(path)


def sweep_remote(uri: str, older_than_s: float = UNTOUCHED_S) -> int:
    """Abort the uploads below an S3 folder that are older than `older_than_s`. Returns the number of uploads."""
    ended = 0
    try:
        for key, upload, begun in s3.unfinished(uri):
            if (datetime.now(UTC) - begun).total_seconds() > older_than_s:
                s3.abort(uri, key, upload)
                ended += 1
    except StorageError:
        return ended  # write permission does not imply permission to list uploads; cleanup is optional
    return ended


def _sweep(path: Path) -> bool:
    """Delete a file or folder if it is unfinished and abandoned. Returns whether it was deleted."""
    found = NAME.search(path.name)
    try:
        if found is None or not _is_nobodys(found, path):
            return False
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
    except OSError:
        return False  # deleted by another process, or owned by another user
    return True


def _is_nobodys(found: re.Match[str], path: Path) -> bool:
    if found["machine"] == _machine() and not _runs(int(found["pid"])):
        return True
    return path.lstat().st_mtime < time.time() - UNTOUCHED_S


def _runs(pid: int) -> bool:
    import psutil  # imported late: needed only for unfinished files

    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


@functools.cache
def _machine() -> str:
    """Identifier of this machine, boot and container: the scope in which a process id is unique."""
    parts = [platform.node()]
    for place in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        if os.path.exists(place):
            parts.append(Path(place).read_text() if place.endswith("boot_id") else str(os.stat(place).st_ino))
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:8]
