"""SIGTERM ends a program as Ctrl-C does: by an exception, so that nothing unfinished stays behind."""

import signal
import threading
from types import FrameType

INTERRUPTED, TERMINATED = 130, 143  # exit codes: 128 and the number of the signal


class Terminated(KeyboardInterrupt):
    """The process was asked to end, by SIGTERM."""


def hear_sigterm() -> None:
    """Raise Terminated on SIGTERM. To be called again after Ray has started, which sets a handler of its own."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _terminate)


def exit_code(error: BaseException | None) -> int | None:
    """The exit code when the error is a request to end; None for any other."""
    if isinstance(error, Terminated) or (isinstance(error, SystemExit) and error.code == signal.SIGTERM):
        return TERMINATED  # the second is what Ray's own handler raises
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else None


def _terminate(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not cut off the clearing up
    raise Terminated
