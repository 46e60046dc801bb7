"""Progress of a job: lines on a terminal, events with JSON lines."""

import os
import sys
import time
from typing import Any, TextIO

from dancegen import logs

EVENT_EVERY_S = 30.0


def interval_s() -> float:
    """Seconds between two updates of a progress line: a log file needs fewer than a terminal."""
    return 0.2 if sys.stderr.isatty() else 5.0


def progress_file() -> TextIO | None:
    """File of a progress line: None is standard error. With JSON lines there are events instead of a progress line."""
    return open(os.devnull, "w") if logs.job().json else None


class ProgressEvents:
    """Events of progress for JSON lines, at most one every EVENT_EVERY_S."""

    def __init__(self) -> None:
        self._told_at = time.monotonic()

    def tell(self, **values: Any) -> None:
        """Log how far the job is, unless that was logged a moment ago."""
        if time.monotonic() - self._told_at >= EVENT_EVERY_S:
            self._told_at = time.monotonic()
            logs.event("progress", **values)
