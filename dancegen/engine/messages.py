"""Progress lines of a job."""

import os
import sys
from typing import TextIO

from dancegen import logs


def interval_s() -> float:
    """Seconds between two updates of a progress line: a log file needs fewer than a terminal."""
    return 0.2 if sys.stderr.isatty() else 5.0


def progress_file() -> TextIO | None:
    """File of a progress line: None is standard error. With JSON lines there are events instead of a progress line."""
    return open(os.devnull, "w") if logs.job().json else None
