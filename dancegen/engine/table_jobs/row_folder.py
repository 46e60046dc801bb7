"""A folder for the temporary files of one process, that goes away with it however it ends.

Whoever uses the folder holds a lock on it, which the kernel takes back when the last of them dies. So a folder without
a lock belongs to nobody any more, in whatever container or session its process ran, and anyone may clear it away.
"""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

NEW, PREFIX = f"dancegen-new-{os.getuid()}-", f"dancegen-row-{os.getuid()}-"


class RowFolder:
    """A new folder below the temporary one, for this user alone; folders that nobody uses any more are cleared away."""

    def __init__(self) -> None:
        """`lock` is a descriptor: a child that is given it keeps the folder when its parent dies."""
        for left in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
            _clear(left)
        new = tempfile.mkdtemp(prefix=NEW)  # not a known name, which somebody else could have taken
        self.lock = os.open(new, os.O_RDONLY | os.O_DIRECTORY)
        with suppress(OSError):  # some network file systems have no locks: there nobody else can clear it away either
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.path = new.replace(NEW, PREFIX)
        os.rename(new, self.path)  # only now does it look like one that others may clear away

    def remove(self) -> None:
        """Delete it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.lock)


def _clear(folder: Path) -> None:
    """Delete a folder unless somebody uses it, or it is another user's, or a link, or a file."""
    with suppress(OSError):  # somebody else clears it away in this moment
        if folder.lstat().st_uid != os.getuid():
            return
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(descriptor)
