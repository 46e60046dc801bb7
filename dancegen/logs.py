"""Messages of a job: lines of text for its user, or with DANCEGEN_LOG_FORMAT=json one JSON object per line.

Text is printed by the driver only, above its progress line. JSON lines replace text and progress lines. The driver, the
actors of table jobs and the workers of trainings write them to standard error, which for actors and workers is a file
in the session folder of Ray on their node.
"""

import json
import logging
import math
import os
import socket
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dancegen.errors import ConfigError

VARIABLE = "DANCEGEN_LOG_FORMAT"
TEXT, JSON = "text", "json"
_logger = logging.getLogger("dancegen")


@dataclass(frozen=True)
class Job:
    """What all messages of a job have in common. The driver passes it to the job's actors and workers."""

    name: str = ""
    step: str = ""
    json: bool = False


_job = Job()


def begin(step: str, name: str | None = None) -> None:
    """Set up the messages of this process, the driver of a job.

    Without a `name`, the job is named after that of Slurm, or after this process.
    Raises ConfigError when the environment variable has another value than `text` and `json`.
    """
    wanted = os.environ.get(VARIABLE) or TEXT
    if wanted not in (TEXT, JSON):
        raise ConfigError(VARIABLE, f"is {wanted!r}.", f"Set {TEXT} or {JSON}, or unset it.")
    join(Job(name or _slurm_job() or f"{socket.gethostname()}-{os.getpid()}", step, wanted == JSON))
    if wanted == JSON:
        logging.getLogger().handlers = [_handler()]  # other libraries' warnings too
        _release_mlflow()
        logging.captureWarnings(True)
        sys.excepthook = _log_bug


def job() -> Job:
    """The job of this process, for its actors and workers."""
    return _job


def join(job: Job) -> None:
    """Set up the messages of this process, which works for a job."""
    global _job
    _job = job
    _logger.handlers = [_handler()] if job.json else []
    _logger.propagate = not job.json
    _logger.setLevel(logging.INFO if job.json else logging.NOTSET)


def notify(message: str, level: int = logging.INFO, **values: Any) -> None:
    """Give the user one message, above any progress line; with JSON lines, an event with these values."""
    if _job.json:
        event(message, level, **values)
        return
    from tqdm import tqdm  # late: `--help` and wrong settings must not wait for it

    tqdm.write(message, file=sys.stderr)


def event(message: str, level: int = logging.INFO, **values: Any) -> None:
    """Log an event with these values as a JSON line. Does nothing where messages are text."""
    if _job.json:
        _logger.log(level, "%s", message, extra={"values": values})


def _release_mlflow() -> None:
    """Let MLflow log through the root logger, whether it is imported before or later; by itself it prints text."""
    os.environ["MLFLOW_CONFIGURE_LOGGING"] = "false"
    logger = logging.getLogger("mlflow")
    logger.handlers, logger.propagate = [], True


def _slurm_job() -> str | None:
    """Id of the job of Slurm that this process is in, with the index of its task in an array."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    one = f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID")
    return one and f"slurm-{one}"


def _handler() -> logging.Handler:
    handler = _Stderr()
    handler.setFormatter(_JsonLine())
    return handler


class _Stderr(logging.Handler):
    """Writes to the present standard error: tests, and Ray's workers, replace it."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"{self.format(record)}\n")
        sys.stderr.flush()


class _JsonLine(logging.Formatter):
    """A record as one JSON object. The time is UTC; the node is the name of the host, which is that of the pod."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
            "job": _job.name,
            "step": _job.step,
            "node": socket.gethostname(),
            "process": record.process,
            **getattr(record, "values", {"logger": record.name}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(_plain({name: value for name, value in line.items() if value is not None}), default=str)


def _plain(value: Any) -> Any:
    """NaN and infinity, which JSON does not have, as text."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _log_bug(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """Log an exception that nothing caught, in place of Python's traceback."""
    _logger.critical("%s: %s", kind.__name__, error, exc_info=(kind, error, trace), extra={"values": {}})
