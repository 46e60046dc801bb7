"""Ray's job client for a cluster's dashboard, after checks that answer within seconds."""

import importlib.metadata
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from dancegen.console import reader_is_gone
from dancegen.engine.cluster.internals import JOB_LOGGERS, cluster_version
from dancegen.errors import ClusterError

CONNECT_S = 10.0
ANSWER_S = 15.0
NOT_FOUND = 404
MODE = "/api/authentication_mode"
UNREACHABLE = "Check the address, that the head runs, and that its port is open."
OVERRIDING = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")  # Ray prefers these to the address it is given


def connect(address: str) -> Any:
    """Ray's job client for the dashboard at exactly this address, regardless of environment variables.

    Raises ClusterError when nothing answers there, when it is no dashboard of Ray or has another version of Ray, when
    our token is wrong, and when the cluster is on another machine and requires no token.
    """
    with explained(address):
        return _client(address if "://" in address else f"http://{address}")


def _client(address: str) -> Any:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ClusterError(address, "is not the address of a dashboard.", "Use an address like http://head:8265.")
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    with socket.create_connection((parts.hostname, port), CONNECT_S) as connection:  # Ray itself would wait for minutes
        here = ip_address(connection.getpeername()[0].partition("%")[0]).is_loopback
    _check_dashboard(address, here)
    from ray.job_submission import JobSubmissionClient

    for talker in JOB_LOGGERS:
        logging.getLogger(talker).setLevel(logging.ERROR)
    hidden = {name: os.environ.pop(name) for name in OVERRIDING if name in os.environ}
    try:
        client = JobSubmissionClient(address)
    finally:
        os.environ.update(hidden)
    ours, theirs = importlib.metadata.version("ray"), cluster_version(client)
    if ours != theirs:
        raise ClusterError(address, f"runs Ray {theirs}; this machine has {ours}.", "Use the same version on both.")
    return client


def _check_dashboard(address: str, here: bool) -> None:
    """Ask what authentication is required, which every client may. Ray's own client has no time limit."""
    import requests  # as Ray's client: the same certificates and proxies

    with requests.get(f"{address.rstrip('/')}{MODE}", timeout=ANSWER_S, allow_redirects=False) as answer:
        if answer.status_code == NOT_FOUND:
            raise ClusterError(address, f"is not a dashboard of Ray 2.60: it has no {MODE}.", UNREACHABLE)
        if answer.ok and not here and answer.json().get("authentication_mode") == "disabled":
            remedy = "Start it with RAY_AUTH_MODE=token on every node (cluster/README.md, Security)."
            raise ClusterError(address, "runs the code of anyone who can reach it: it requires no token.", remedy)


@contextmanager
def explained(address: str, remedy: str = UNREACHABLE) -> Iterator[None]:
    """Convert the exceptions of Ray's client into ClusterError."""
    from ray.exceptions import AuthenticationError

    try:
        yield
    except AuthenticationError as error:
        token = "Set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH, to the cluster's token."
        raise ClusterError(address, "asks for a token, and ours is missing or wrong.", token) from error
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, BrokenPipeError) and reader_is_gone():
            raise  # the reader of the log is gone, not the cluster
        raise ClusterError(address, f"cannot be used ({_first_line(error)}).", remedy) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
