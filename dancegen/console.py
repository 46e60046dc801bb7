"""What all commands share: how they end, and what their options take."""

import os
import select
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from dancegen import stopping
from dancegen.errors import DanceGenError

HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 120}
WRONG, UNREAD = 2, 141  # exit codes: something to correct; output that nobody reads


STREAMS, OUTPUTS = ("stdin", "stdout", "stderr"), (1, 2)  # by their numbers


def open_closed_streams() -> None:
    """Let a stream that the shell closed (`2>&-`) lead nowhere: the next file to be opened would get its number."""
    for number, name in enumerate(STREAMS):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, os.fdopen(number, "w" if number else "r"))


def nobody_reads() -> bool:
    """Whether the reader of our output has ended, as in `dancegen ... | head`."""
    poll = select.poll()
    for number in OUTPUTS:
        poll.register(number, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


class ErrorBoundary:
    """Ends the process with one message when a person can do something about the error, on Ctrl-C and on SIGTERM.

    When nobody reads our output any more there is nothing to say, and the process ends as others do then.
    """

    def __enter__(self) -> None:
        stopping.hear_sigterm()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if (code := stopping.exit_code(error)) is not None:
            _end("Stopped.", code)
        if isinstance(error, BrokenPipeError) and nobody_reads():
            _end("", UNREAD)
        if error is not None and (wrong := _fixable(error)) is not None:
            _end(str(wrong), WRONG)


def _end(text: str, code: int) -> None:
    """End the process, with a message if anybody reads it."""
    try:
        if text:
            click.echo(text, err=True)
    except BrokenPipeError:
        pass
    if nobody_reads():
        null = os.open(os.devnull, os.O_WRONLY)
        for number in OUTPUTS:  # what is left in the buffers has nowhere to go
            os.dup2(null, number)
    sys.exit(code)


def _fixable(error: BaseException, outer: tuple[BaseException, ...] = ()) -> DanceGenError | None:
    """The DanceGenError itself, or the one that Ray wrapped in its own errors (as `cause`, or one a worker)."""
    if isinstance(error, DanceGenError):
        return getattr(error, "cause", error)
    if error in outer:  # Ray raises an error from itself when its dashboard does not start
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
    """An address, a path or a URI. An unset variable makes it empty, which would look like an option not given."""

    name = "TEXT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text, which is not empty."""
        if not str(value).strip():
            self.fail("is empty. Is a variable unset? Give a value, or leave it out where it is optional.", param, ctx)
        return str(value)


class LocalFile(Place):
    """A path on this machine."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, which is not empty."""
        return Path(super().convert(value, param, ctx))


PLACE, FILE = Place(), LocalFile()
