"""A folder for the temporary files of one process, which is removed after the process, however it ends.

Each process that uses the folder holds a lock on it, which the kernel releases when the last of them dies. A folder
without a lock is therefore unused, in whatever container or session its process ran, and any process may delete it.
"""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

NEW, PREFIX = f"dancegen-new-{os.getuid()}-", f"dancegen-row-{os.getuid()}-"


class RowFolder:
    """A new folder in the temporary folder, for this user only. Unused folders of earlier processes are deleted."""

    def __init__(self) -> None:
        """`lock` is a file descriptor. A child process that inherits it keeps the folder when its parent dies."""
        for left in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
            _clear(left)
        new = tempfile.mkdtemp(prefix=NEW)  # not a known name, which another process could have taken
        self.lock = os.open(new, os.O_RDONLY | os.O_DIRECTORY)
        with suppress(OSError):  # some network file systems have no locks; there no process deletes it either
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.path = new.replace(NEW, PREFIX)
        os.rename(new, self.path)  # only from now on may other processes delete it

    def remove(self) -> None:
        """Delete the folder and its contents."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.lock)


def _clear(folder: Path) -> None:
    """Delete a folder, unless it is in use, belongs to another user, or is a link or a file."""
    with suppress(OSError):  # another process is deleting it
        if folder.lstat().st_uid != os.getuid():
            return
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(descriptor)
