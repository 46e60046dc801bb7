"""Error message for the loss of the cluster's head.

Without the head's global control store (GCS) Ray ends the driver after a minute, in C++, without an exception or a
message. The driver therefore checks by itself whether the head still answers, and exits before Ray ends it.
"""

import logging
import os
import shlex
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from dancegen.engine.cluster import internals as ray_internals
from dancegen.errors import ClusterError
from dancegen.logs import notify

LOST = 2  # exit code of an error that the user can fix
POLL_S = 5.0
ANSWER_S = 5.0
MARGIN_S = 25.0  # before Ray itself ends the driver; detecting an unanswered call takes ten seconds
SUBMITTED = "submitted.yaml"


@contextmanager
def watching_head(done: Callable[[], str]) -> Iterator[None]:
    """If the head is lost while the block runs, print what is `done` and how to resume, and end the process.

    Ray must be started or joined. The exit code is that of an error that the user can fix. There is no effect when the
    head answers again in time (`RAY_gcs_rpc_server_reconnect_timeout_s`).
    """
    import ray

    ended = threading.Event()
    host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
    arguments = (host, int(port), ended, done, _command())
    threading.Thread(target=_watch, args=arguments, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _watch(host: str, port: int, ended: threading.Event, done: Callable[[], str], command: str) -> None:
    patience_s = max(POLL_S, ray_internals.head_patience_s() - MARGIN_S)
    silent_since = None  # time of the first of the consecutive unanswered calls
    while not ended.wait(POLL_S):
        if _answers(host, port):
            silent_since = None
        elif silent_since is None:
            silent_since = time.monotonic()
        elif time.monotonic() - silent_since > patience_s and not ended.is_set():
            problem = f"is lost: it has not answered for {time.monotonic() - silent_since:.0f} s; {done()}."
            remedy = f"To resume: {command}"
            error = ClusterError(f"the head of the Ray cluster ({host}:{port})", problem, remedy)
            notify(str(error), logging.ERROR)
            sys.stderr.flush()
            os._exit(LOST)  # any other call to Ray would now block until Ray ends the process


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host.strip("[]"), port), ANSWER_S).close()
    except OSError:
        return False
    return True


def _command() -> str:
    """How to resume: the command that is running, or an instruction for a submitted job."""
    context = click.get_current_context(silent=True)
    if context is None or SUBMITTED in sys.argv:
        return "run the same command again once the cluster is up."
    return shlex.join([*shlex.split(context.find_root().command_path), *sys.argv[1:]])
