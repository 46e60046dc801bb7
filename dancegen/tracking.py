"""Runs in MLflow. An unavailable tracking server causes one warning and never fails the job."""

import hashlib
import logging
import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dancegen
from dancegen import storage
from dancegen.errors import ConfigError

KEY_TAG, PARENT_TAG, NAME_TAG = "dancegen.key", "mlflow.parentRunId", "mlflow.runName"
COMMIT = "commit.txt"  # file in the package
BATCH = 100  # parameters or tags per MLflow request
MAX_CHARACTERS = 5000  # per parameter value or tag
RETRY_AFTER_S = 60.0
WAITING_BYTES = 64 << 20  # of files not yet uploaded; beyond it the oldest are dropped
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}


@dataclass
class Run:
    """One run in MLflow; a resumed job with the same `key` continues the same run.

    Failures of MLflow never raise: values that could not be delivered are kept and sent again later.
    """

    uri: str
    experiment: str
    key: str
    """Identifies the run; a later process with the same key appends to it."""
    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    warn: Callable[[str], None] = warnings.warn
    parent: "Run | None" = None
    """The parent run of a nested run."""
    id: str | None = None
    """MLflow's run id; None until the run is created."""
    _client: Any = None
    _waiting: list[tuple[str, float, int, int]] = field(default_factory=list)  # name, value, step, milliseconds
    _files: list[tuple[str, bytes]] = field(default_factory=list)  # name, content
    _files_not_before: float = 0.0
    _not_before: float = 0.0
    _warned: bool = False

    def open(self) -> None:
        """Find the run by its key, or create it."""
        self._deliver()

    def log(self, metrics: dict[str, float], step: int, at_s: float | None = None) -> None:
        """Log the metrics of one step, computed at a Unix time (now). MLflow keeps equal ones of equal times once."""
        at = int(1000 * (time.time() if at_s is None else at_s))
        self._waiting += [(name, float(value), step, at) for name, value in metrics.items()]
        self._deliver()

    def artifact(self, name: str, content: bytes | Path) -> None:
        """Log a file under a name such as `pictures/epoch-0010.png`; the same name again replaces it.

        A path is read immediately, so the file may be deleted afterwards.
        """
        self._files.append((name, content.read_bytes() if isinstance(content, Path) else content))
        while len(self._files) > 1 and sum(len(waiting) for _, waiting in self._files) > WAITING_BYTES:
            self._files.pop(0)
        self._deliver()

    def close(self, status: str = "FINISHED", tags: dict[str, str] | None = None) -> None:
        """Send what is pending and end the run with a status: FINISHED, FAILED or KILLED."""
        self._first._not_before = self._files_not_before = 0.0
        if self._deliver():
            self._try(lambda: self._end(status, tags or {}))
        if self._waiting:
            self.warn(f"MLflow at {self.uri} is unavailable: {len(self._waiting)} values are only in the checkpoints.")
        if self._files:
            self.warn(f"MLflow at {self.uri} did not accept {len(self._files)} files.")

    @property
    def _first(self) -> "Run":
        """The root run, which stores whether MLflow is unavailable and whether a warning was printed."""
        return self.parent or self

    def _deliver(self) -> bool:
        """Send pending metrics and files. Returns whether the metrics were delivered."""
        if time.monotonic() < self._first._not_before or not self._try(self._send):
            return False
        if self._files and time.monotonic() >= self._files_not_before:
            self._send_files()
        return True

    def _send_files(self) -> None:
        """Send pending files. A failing artifact store has its own retry time and warning; metrics are not blocked."""
        try:
            with tempfile.TemporaryDirectory(prefix="dancegen-") as folder:
                while self._files:
                    name, content = self._files[0]
                    path = Path(folder, name)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
                    parent = path.parent.relative_to(folder).as_posix()
                    self._client.log_artifact(self.id, str(path), None if parent == "." else parent)
                    self._files.pop(0)
        except _failures() as error:
            if not self._files_not_before:
                self.warn(f"MLflow at {self.uri} accepts no files ({_reason(error)}). They are sent again later.")
            self._files_not_before = time.monotonic() + RETRY_AFTER_S

    def _try(self, send: Callable[[], None]) -> bool:
        try:
            send()
        except _failures() as error:
            self._first._not_before = time.monotonic() + RETRY_AFTER_S
            if not self._first._warned:
                later = "The job continues; metrics are sent again later."
                self.warn(f"MLflow at {self.uri} cannot be used ({_reason(error)}). {later}")
            self._first._warned = True
            return False
        return True

    def _send(self) -> None:
        from mlflow.entities import Metric

        if self.id is None:
            self._connect()
        while self._waiting:
            sent = self._waiting[: 10 * BATCH]
            self._client.log_batch(self.id, metrics=[Metric(name, value, at, step) for name, value, step, at in sent])
            self._waiting = self._waiting[len(sent) :]

    def _connect(self) -> None:
        self._client = self._client or connect(self.uri)
        experiment = _experiment(self._client, self.uri, self.experiment)
        key = hashlib.sha256(
            self.key.encode()
        ).hexdigest()  # a path may contain quotes, which the filter does not support
        found = self._client.search_runs([experiment], f"tags.`{KEY_TAG}` = '{key}'", max_results=1)
        if found:
            self._client.update_run(found[0].info.run_id, status="RUNNING")
            self._log_parameters(found[0].info.run_id, found[0].data.params)  # it may have been killed while it did
            self.id = found[0].info.run_id
            return
        if self.parent is not None:
            self.parent._send()
            self.tags[PARENT_TAG] = str(self.parent.id)
        tags = {KEY_TAG: key, NAME_TAG: self.name, "dancegen.version": code_version(), **self.tags}
        run = self._client.create_run(experiment, tags=_short(tags), run_name=self.name)
        self._log_parameters(run.info.run_id, {})
        self.id = run.info.run_id

    def _log_parameters(self, run_id: str, logged: Mapping[str, str]) -> None:
        """Log the parameters that are not logged yet: MLflow does not let one be changed."""
        from mlflow.entities import Param

        parameters = _short(flatten(self.parameters))
        values = [Param(name, value) for name, value in parameters.items() if name not in logged]
        for start in range(0, len(values), BATCH):
            self._client.log_batch(run_id, params=values[start : start + BATCH])

    def _end(self, status: str, tags: dict[str, str]) -> None:
        for name, value in _short(tags).items():
            self._client.set_tag(self.id, name, value)
        self._client.set_terminated(self.id, status)


def default_uri(output: str) -> str:
    """URI of the SQLite database in a folder; for a remote folder, in the working directory."""
    folder = os.getcwd() if storage.is_remote(output) else output
    return f"sqlite:///{os.path.abspath(folder)}/mlflow.db"


def connect(uri: str) -> Any:
    """A client for an MLflow server or database, with few retries, short timeouts and reduced logging."""
    os.environ.update({name: os.environ.get(name, value) for name, value in PATIENCE.items()})
    from mlflow import MlflowClient

    for noisy in ("alembic", "mlflow"):  # they log every step of creating a database
        logging.getLogger(noisy).setLevel(logging.ERROR)
    if uri.startswith("sqlite:///"):
        Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    return MlflowClient(tracking_uri=uri)


def flatten(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as `a.b.c` keys."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def check_is_kept(settings: Any) -> None:
    """Raise ConfigError when MLflow's database would lie in the working directory of a Ray job, which is deleted.

    `settings` are the settings of a step, with a `tracking_uri` of their own or in their group `train`.
    """
    holder, prefix = (settings.train, "train.") if hasattr(settings, "train") else (settings, "")
    if getattr(holder, "tracking_uri", "") is None and storage.is_remote(settings.output):
        problem = f"is not set: output={settings.output} cannot hold MLflow's database, and a job's folder is deleted."
        remedy = "Give a server (http://...) or a persistent database (sqlite:////shared/mlflow.db)."
        raise ConfigError(f"{prefix}tracking_uri", problem, remedy)


def code_version() -> str:
    """Version of dancegen, with the commit where it is known."""
    return f"{dancegen.__version__}+{commit}" if (commit := _commit()) else dancegen.__version__


def _commit() -> str:
    """Commit of the checkout, or from COMMIT, written by `git archive` or a submission; empty when unknown."""
    package = Path(dancegen.__file__).parent
    if (package.parent / ".git").exists():
        command = ["git", "-C", str(package.parent), "rev-parse", "--short", "HEAD"]
        try:
            answer = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            return ""
        return answer.stdout.strip() if answer.returncode == 0 else ""
    written = package / COMMIT
    commit = written.read_text().strip() if written.is_file() else ""
    return "" if commit.startswith("$") else commit  # placeholder that `git archive` replaces


def _experiment(client: Any, uri: str, name: str) -> str:
    from mlflow.exceptions import MlflowException

    if found := client.get_experiment_by_name(name):
        return found.experiment_id
    database = uri.removeprefix("sqlite:///") if uri.startswith("sqlite:///") else None
    try:
        return client.create_experiment(
            name, artifact_location=database and f"{Path(database).parent}/mlflow_artifacts"
        )
    except MlflowException:
        if found := client.get_experiment_by_name(name):  # another process created it concurrently
            return found.experiment_id
        raise


def _short(values: dict[str, Any]) -> dict[str, str]:
    return {name: str(value)[:MAX_CHARACTERS] for name, value in values.items()}


def _reason(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200]


def _failures() -> tuple[type[Exception], ...]:
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, RequestException, SQLAlchemyError, OSError
