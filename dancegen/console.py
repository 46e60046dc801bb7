"""Shared by all commands: exit codes, error handling and option types."""

import logging
import os
import select
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from dancegen import logs, stopping
from dancegen.errors import DanceGenError

HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 120}
WRONG, UNREAD = 2, 141  # exit codes: an error that the user can fix; closed pipe (128 + SIGPIPE)


STREAMS, OUTPUTS = ("stdin", "stdout", "stderr"), (1, 2)  # file descriptors


def open_closed_streams() -> None:
    """Redirect streams that the shell closed (`2>&-`) to /dev/null: the next opened file would reuse the descriptor."""
    for number, name in enumerate(STREAMS):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, os.fdopen(number, "w" if number else "r"))


def reader_is_gone() -> bool:
    """Whether the reader of the output has closed the pipe, as in `dancegen ... | head`."""
    poll = select.poll()
    for number in OUTPUTS:
        poll.register(number, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


class ErrorBoundary:
    """Ends the process with one message on an error that the user can fix, on Ctrl-C and on SIGTERM.

    When the reader of the output has closed the pipe, the process exits with code 141 and prints nothing.
    """

    def __enter__(self) -> None:
        stopping.handle_sigterm()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if (code := stopping.exit_code(error)) is not None:
            _end("Stopped.", code)
        if isinstance(error, BrokenPipeError) and reader_is_gone():
            _end("", UNREAD)
        if error is not None and (wrong := _fixable(error)) is not None:
            _end(str(wrong), WRONG)


def _end(text: str, code: int) -> None:
    """End the process with an exit code, after printing the message unless the pipe is closed."""
    try:
        if text:
            logs.notify(text, logging.ERROR, exit_code=code)
    except BrokenPipeError:
        pass
    if reader_is_gone():
        null = os.open(os.devnull, os.O_WRONLY)
        for number in OUTPUTS:  # flushing the buffers at exit would fail
            os.dup2(null, number)
    sys.exit(code)


def _fixable(error: BaseException, outer: tuple[BaseException, ...] = ()) -> DanceGenError | None:
    """The DanceGenError itself, or the one that Ray wrapped in its own errors (as `cause`, or one per worker)."""
    if isinstance(error, DanceGenError):
        return getattr(error, "cause", error)
    if error in outer:  # cycle: Ray raises an error from itself when its dashboard does not start
        return None
    failures = getattr(error, "worker_failures", None)
    inside = [
        getattr(error, "cause", None),
        error.__cause__,
        *(failures.values() if isinstance(failures, dict) else ()),
    ]
    found = (_fixable(inner, (*outer, error)) for inner in inside if isinstance(inner, BaseException))
    return next((wrong for wrong in found if wrong is not None), None)


class Place(click.ParamType):
    """An address, path or URI. Empty text is rejected: it comes from an unset variable and would read as not given."""

    name = "TEXT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text. Fails when it is empty."""
        if not str(value).strip():
            self.fail("is empty. Check for an unset variable, give a value, or omit an optional one.", param, ctx)
        return str(value)


class LocalFile(Place):
    """A path on this machine."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path. Fails when it is empty."""
        return Path(super().convert(value, param, ctx))


PLACE, FILE = Place(), LocalFile()
