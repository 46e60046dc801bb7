"""SIGTERM ends a program like Ctrl-C: with an exception, so that unfinished files are cleaned up."""

import signal
import threading
import time
from types import FrameType

INTERRUPTED, TERMINATED = 130, 143  # exit codes: 128 + signal number
CLEANUP_S = 30.0
"""Time after SIGTERM in which another one does not interrupt the cleanup. A later one ends a program that still runs:
Python drops an exception that is raised in a destructor or in a callback of C code."""
_received = threading.Event()  # SIGTERM was received: Ray's calls raise KeyboardInterrupt in the place of Terminated
_since_s = 0.0  # when it was received


class Terminated(KeyboardInterrupt):
    """The process received SIGTERM."""


def handle_sigterm() -> None:
    """Raise Terminated on SIGTERM. Must be called again after Ray has started, which installs its own handler."""
    if threading.current_thread() is threading.main_thread():
        _received.clear()
        signal.signal(signal.SIGTERM, _terminate)


def exit_code(error: BaseException | None) -> int | None:
    """Exit code for an interrupt or SIGTERM; None for any other error."""
    if isinstance(error, KeyboardInterrupt) and _received.is_set():
        return TERMINATED
    if isinstance(error, SystemExit) and error.code == signal.SIGTERM:
        return TERMINATED  # Ray's own handler raises SystemExit
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else None


def _terminate(number: int, frame: FrameType | None) -> None:
    global _since_s
    if _received.is_set() and time.monotonic() - _since_s < CLEANUP_S:
        return
    _received.set()
    _since_s = time.monotonic()
    raise Terminated
