"""What a person is told when the head of the cluster is lost.

Without its head's global control store Ray ends the driver after a minute, in C++: no exception, no message. So the
driver asks by itself whether the head still answers, and ends before Ray does.
"""

import os
import shlex
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from tqdm import tqdm

from dancegen.engine.cluster import internals as ray_internals
from dancegen.errors import ClusterError

LOST = 2  # exit code: something to correct
POLL_S = 5.0
ANSWER_S = 5.0
MARGIN_S = 25.0  # before Ray itself ends the driver; a call that is not answered takes ten seconds to notice
SUBMITTED = "submitted.yaml"


@contextmanager
def watching_head(done: Callable[[], str]) -> Iterator[None]:
    """While the block runs, and the head is lost: say so, with what is `done` and how to go on; end the process.

    Ray has been started or joined. The exit code is that of an error that a person can fix. A head that answers again
    in time (`RAY_gcs_rpc_server_reconnect_timeout_s`) is as if nothing had been.
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
    silent_since = None  # the first of the calls in a row that were not answered
    while not ended.wait(POLL_S):
        if _answers(host, port):
            silent_since = None
        elif silent_since is None:
            silent_since = time.monotonic()
        elif time.monotonic() - silent_since > patience_s and not ended.is_set():
            problem = f"is lost: it has not answered for {time.monotonic() - silent_since:.0f} s; {done()}."
            remedy = f"To go on from there: {command}"
            error = ClusterError(f"the head of the Ray cluster ({host}:{port})", problem, remedy)
            tqdm.write(str(error), file=sys.stderr)
            sys.stderr.flush()
            os._exit(LOST)  # whatever else asks Ray for something now would wait until Ray ends the process


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host.strip("[]"), port), ANSWER_S).close()
    except OSError:
        return False
    return True


def _command() -> str:
    """What a person types to go on: the command that runs, on a cluster that does."""
    context = click.get_current_context(silent=True)
    if context is None or SUBMITTED in sys.argv:
        return "give the same command again, once the cluster runs."
    return shlex.join([*shlex.split(context.find_root().command_path), *sys.argv[1:]])
