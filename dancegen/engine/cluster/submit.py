"""Runs a step on a Ray cluster as a Ray job, and follows its log to the end.

The upload is a copy of `jobs/` and `dancegen/` with the *resolved* settings beside them as
`submitted.yaml`, so the job runs `python -m jobs.STEP submitted.yaml` whatever the name and content
of the settings file: no name needs quoting, no file outside the folder is missed, and nothing else
in the folder (data, environments, media) is uploaded. `python` on the head must be the one with
dancegen's requirements.
"""

import asyncio
import logging
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dancegen
from dancegen import config, stopping, tracking
from dancegen.config import Config
from dancegen.console import reader_is_gone
from dancegen.engine.cluster import secrets as in_clear
from dancegen.engine.cluster.internals import JOB_LOG_FOLLOWS, JOB_LOGGERS
from dancegen.errors import ClusterError, ConfigError

SETTINGS = "submitted.yaml"
PACKAGES = ("jobs", "dancegen")
LEFT_HERE = (
    "__pycache__",
    "*.tmp-*",
    ".*",
    "*.pem",
    "*.key",
    "*.p12",
    "*credentials*",
    "*secret*",
)  # as in .rayignore
CONNECT_S = 10.0
RETRY_S = 1.0
UNREACHABLE = "Check the address, that the head runs, and that its port is open."
LOST = "If it is lost, run the same command again once there is a cluster: the job resumes from what is done."
OVERRIDING = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")  # Ray prefers these to the address it is given


def submit(
    step: str, settings: Config, address: str, env: Sequence[str] = (), referred: Iterable[str] | None = None
) -> int:
    """Run a step on the cluster whose dashboard is at `address`. Returns 0 when it succeeded, 1 when it failed.

    `env` names variables of this process that are passed to the job, and `referred` those that the settings refer to;
    None skips the check for secrets. Raises ConfigError for a secret, when a variable is not set or the project folder
    is not available, and ClusterError when the cluster cannot be reached.
    """
    variables = _variables(env)
    if referred is not None:
        in_clear.check(variables, referred, settings.model_dump(mode="json"))
    folder = _project(step)
    client = connect(address)
    with _explained(address), tempfile.TemporaryDirectory(prefix="dancegen-") as packed:
        _pack(folder, Path(packed), settings)
        _say(f"{step}: sending {_size_mb(Path(packed)):.1f} MB of code and settings to {address}")
        job = client.submit_job(
            entrypoint=f"python -m jobs.{step} {SETTINGS}",
            runtime_env={"working_dir": packed, "env_vars": variables},
        )
    _say(f"{step}: job {job} on {address}")
    return _follow(client, address, job)


def _variables(names: Sequence[str]) -> dict[str, str]:
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise ConfigError(f"--env {missing[0]}", "is not set in this environment.", "Export it first, or leave it out.")
    return {name: os.environ[name] for name in names}


def _project(step: str) -> Path:
    """The folder that holds jobs/ and dancegen/."""
    folder = Path(dancegen.__file__).parents[1]
    if not (folder / "jobs" / f"{step}.py").is_file():
        remedy = "Run from a checkout: `pip install -e .` in it, then the same command."
        raise ConfigError("--submit", f"requires jobs/{step}.py beside the package, but {folder} has none.", remedy)
    return folder


def _pack(folder: Path, packed: Path, settings: Config) -> None:
    for package in PACKAGES:
        shutil.copytree(folder / package, packed / package, ignore=shutil.ignore_patterns(*LEFT_HERE))
    (packed / SETTINGS).write_text(config.to_yaml(settings))
    commit = tracking.code_version().partition("+")[2]
    (packed / "dancegen" / tracking.COMMIT).write_text(commit)  # the copy has no .git


def _size_mb(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def connect(address: str) -> Any:
    """Ray's job client for the dashboard at exactly this address, regardless of environment variables."""
    with _explained(address):
        return _client(address if "://" in address else f"http://{address}")


def _client(address: str) -> Any:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ClusterError(address, "is not the address of a dashboard.", "Use an address like http://head:8265.")
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    socket.create_connection((parts.hostname, port), CONNECT_S).close()  # Ray itself would wait for minutes
    from ray.job_submission import JobSubmissionClient

    for talker in JOB_LOGGERS:
        logging.getLogger(talker).setLevel(logging.ERROR)
    hidden = {name: os.environ.pop(name) for name in OVERRIDING if name in os.environ}
    try:
        return JobSubmissionClient(address)
    finally:
        os.environ.update(hidden)


def _follow(client: Any, address: str, job: str) -> int:
    try:
        following = f"ray job logs --follow --address {address} {job}"
        with _explained(address, f"If the head is running, so is the job: {following}. {LOST}"):
            status = asyncio.run(_tail(client, job))
            details = client.get_job_info(job)
    except KeyboardInterrupt as stop:
        _say(f"Stopped following the log. The job continues; to stop it: ray job stop --address {address} {job}")
        return stopping.exit_code(stop) or stopping.INTERRUPTED
    if status == "SUCCEEDED":
        return 0
    reason = (details.message or "").split("\n")[0].removesuffix(JOB_LOG_FOLLOWS)
    _say(f"{address}: job {job} ended with status {status}. {reason}")
    return 1


async def _tail(client: Any, job: str) -> str:
    """Write the job's log as it arrives, until the job has ended. Returns the status: "SUCCEEDED" or another."""
    from aiohttp import ClientError

    written = 0  # characters: after a broken connection the log starts again
    while True:
        seen = 0
        try:
            async for text in client.tail_job_logs(job):
                seen += len(text)
                if seen > written:
                    sys.stdout.write(text[written - seen :])
                    sys.stdout.flush()
                    written = seen
        except (RuntimeError, ClientError):
            pass  # the status is checked next
        status = client.get_job_status(job)
        if status.is_terminal():
            return status.value
        await asyncio.sleep(RETRY_S)


@contextmanager
def _explained(address: str, remedy: str = UNREACHABLE) -> Iterator[None]:
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


def _say(text: str) -> None:
    sys.stderr.write(text.rstrip() + "\n")
