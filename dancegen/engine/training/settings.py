"""Settings of distributed training: workers, checkpoints, tracking. Base class of each training step's settings."""

import os
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, NonNegativeFloat, PositiveFloat, PositiveInt

from dancegen.config import Config, Output, Uri

SQLITE = "sqlite:///"
TRACKERS = ("http://", "https://", "postgresql", "mysql", "mssql", "databricks")


def _tracking_uri(uri: Any) -> Any:
    if uri == "":
        return None  # as in settings files of earlier releases
    if not isinstance(uri, str):
        return uri  # None, or a value that pydantic rejects
    if uri.startswith(SQLITE):
        return SQLITE + os.path.abspath(uri.removeprefix(SQLITE))
    if not uri.startswith(TRACKERS):
        raise ValueError(
            f"MLflow stores runs on a server or in a database: give http://... or {SQLITE}{os.path.abspath(uri)}.db"
        )
    return uri


TrackingUri = Annotated[str | None, BeforeValidator(_tracking_uri)]


class TrainingRun(Config):
    """Settings common to all training steps."""

    UNIT: ClassVar[str] = "clips"
    """Plural of what an update takes a batch of, in the progress line and the metrics."""
    FORMER: ClassVar = {"checkpoints_kept": "num_to_keep", "worker_environment": "env_vars"}

    output: Annotated[Uri, Output(inside=("{name}",))] = "runs/training"
    """Folder of the run: its checkpoints below the name, and the final model."""
    name: str = Field(default="train", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Name of the run. The same name in the same output resumes from the last checkpoint."""
    epochs: PositiveInt = 100
    """Training epochs."""
    batch_size: PositiveInt = 16
    """Batch size of an update on each worker."""
    workers: PositiveInt = 2
    """Data-parallel training processes, each on its own shard of the data."""
    cpus_per_worker: PositiveFloat = 1.0
    """CPU cores that Ray reserves for each worker."""
    use_gpu: bool = False
    """Give each worker a GPU."""
    seed: int = 0
    """Seed of the initial weights, the order of the data and all noise."""
    checkpoint_every: PositiveInt = 1
    """Epochs between checkpoints; the last epoch always saves one."""
    num_to_keep: PositiveInt = 2
    """Number of most recent checkpoints to keep."""
    validate_every: PositiveInt = 1
    """Epochs between validations; always run after the last epoch."""
    max_failures: int = Field(default=3, ge=-1)
    """Times that lost workers are replaced before the run fails; -1 is unlimited."""
    max_wait_s: NonNegativeFloat = 0.0
    """Seconds to wait for an autoscaling cluster to become large enough; 0 does not wait."""
    env_vars: dict[str, str] = Field(default={})
    """Environment variables of the workers, such as GLOO_SOCKET_IFNAME or NCCL_SOCKET_IFNAME: eth0."""
    tracking_uri: TrackingUri = None
    """MLflow tracking server (http://...) or database (sqlite:///...); null is mlflow.db below `output`."""
    experiment: str = Field(default="dancegen", min_length=1)
    """MLflow experiment."""

    @property
    def run_folder(self) -> str:
        """URI of the folder of this run's checkpoints."""
        return f"{self.output.rstrip('/')}/{self.name}"

    @property
    def cpus(self) -> float:
        """CPU cores of all workers, and one for Ray's own processes."""
        return self.workers * self.cpus_per_worker + 1

    @property
    def gpus(self) -> int:
        """GPUs of all workers."""
        return self.workers if self.use_gpu else 0
