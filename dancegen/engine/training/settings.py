"""How a training is spread over workers, kept and told. The settings of each step that trains start from these."""

import os
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, NonNegativeFloat, PositiveFloat, PositiveInt

from dancegen.config import Config, InputUri, Output, Uri

SQLITE = "sqlite:///"
TRACKERS = ("http://", "https://", "postgresql", "mysql", "mssql", "databricks")


def _tracking_uri(uri: Any) -> Any:
    if uri == "":
        return None  # as settings files of earlier releases say it
    if not isinstance(uri, str):
        return uri  # None, or what pydantic refuses
    if uri.startswith(SQLITE):
        return SQLITE + os.path.abspath(uri.removeprefix(SQLITE))
    if not uri.startswith(TRACKERS):
        raise ValueError(
            f"MLflow keeps runs on a server or in a database: give http://... or {SQLITE}{os.path.abspath(uri)}.db"
        )
    return uri


TrackingUri = Annotated[str | None, BeforeValidator(_tracking_uri)]


class TrainingRun(Config):
    """Settings that all trainings share."""

    clips: InputUri = "data/clips"
    """The table that cut-clips made."""
    output: Annotated[Uri, Output(inside=("{name}",))] = "runs/training"
    """Folder for the run: its checkpoints below the name, and the finished model."""
    name: str = Field(default="train", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """The run. The same name in the same output goes on from the last checkpoint."""
    epochs: PositiveInt = 100
    """Times that every clip is seen."""
    batch_size: PositiveInt = 16
    """Clips of one update on each worker."""
    workers: PositiveInt = 2
    """Processes that train together, each on its share of the clips."""
    cpus_per_worker: PositiveFloat = 1.0
    """Processor cores that Ray sets aside for each worker."""
    use_gpu: bool = False
    """Give each worker a GPU."""
    seed: int = 0
    """Decides the first weights, the order of the clips and all noise."""
    checkpoint_every: PositiveInt = 1
    """Epochs from one checkpoint to the next; the last epoch always leaves one."""
    checkpoints_kept: PositiveInt = 2
    """Checkpoints that stay on storage: the newest."""
    validate_every: PositiveInt = 1
    """Epochs from one look at the validation clips to the next; the last epoch always has one."""
    max_failures: int = Field(default=3, ge=-1)
    """Times that lost workers are replaced before the run fails; -1 is without end."""
    max_wait_s: NonNegativeFloat = 0.0
    """Seconds to wait for a cluster that grows by itself to become large enough."""
    worker_environment: dict[str, str] = Field(default={})
    """Environment variables of the workers, such as GLOO_SOCKET_IFNAME or NCCL_SOCKET_IFNAME: eth0."""
    tracking_uri: TrackingUri = None
    """MLflow's server (http://...) or database (sqlite:///...); null is mlflow.db below `output`."""
    experiment: str = Field(default="dancegen", min_length=1)
    """MLflow's experiment."""

    @property
    def run_folder(self) -> str:
        """URI of the folder of this run's checkpoints."""
        return f"{self.output.rstrip('/')}/{self.name}"

    @property
    def cpus(self) -> float:
        """Processor cores of all workers, and one for what Ray runs beside them."""
        return self.workers * self.cpus_per_worker + 1

    @property
    def gpus(self) -> int:
        """GPUs of all workers."""
        return self.workers if self.use_gpu else 0
