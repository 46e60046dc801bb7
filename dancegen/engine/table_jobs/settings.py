"""Distribution of a table step over a cluster, and limits per row. Base class of each table step's settings."""

from typing import Annotated, ClassVar

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from dancegen.config import Config, InputFile


class Parallel(Config):
    """Settings common to all table steps: extract-poses, cut-clips, render, make-corpus."""

    FORMER: ClassVar = {"max_bad_share": "max_error_fraction", "quarantine_after": "max_attempts"}

    actors: PositiveInt = 2
    """Maximum size of the actor pool. Each actor processes one row at a time, in its own process."""
    min_actors: PositiveInt = 1
    """Minimum size of the actor pool, to which it shrinks when few rows are left."""
    cpus_per_actor: PositiveFloat = 1.0
    """CPU cores that Ray reserves for each actor."""
    gpus_per_actor: NonNegativeFloat = 0.0
    """GPUs that Ray reserves for each actor; with 0.25, four actors share a GPU, and torch may allocate
    a quarter of its memory in each."""
    max_error_fraction: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Maximum fraction of rows that end with an error; beyond it the step fails at its end. Finished rows are kept."""
    max_seconds_per_row: PositiveFloat = 3600.0
    """Time limit per row, in seconds; a row that exceeds it is stopped and set aside."""
    max_memory_gb_per_row: PositiveFloat = 6.0
    """Memory limit per row, in GB; a row whose process exceeds it is stopped and set aside."""
    storage_attempts: PositiveInt = 4
    """Attempts per row when storage does not respond, with pauses of 1, 2, 4, ... seconds."""
    max_attempts: PositiveInt = 3
    """Number of failed runs after which a row is not retried, unless its file changes or `retry_quarantined` is set."""
    retry_quarantined: bool = False
    """Retry the rows in quarantine."""
    price_per_cpu_hour: NonNegativeFloat = 0.0
    """Price of a reserved CPU core per hour. Above 0, the summary reports the cost of the step."""
    price_per_gpu_hour: NonNegativeFloat = 0.0
    """Price of a reserved GPU per hour."""
    machine: str | None = None
    """Type of the machines in the price list, such as g6.xlarge, instead of the two prices above: the summary then
    reports the cost. An actor costs the price of a machine, divided by the number of actors that fit on it."""
    prices: InputFile | None = None
    """A price list (.yaml) in the form of dancegen/engine/prices.yaml; null uses that list."""
    overwrite: bool = False
    """Delete the contents of the table and start from scratch instead of resuming."""

    @model_validator(mode="after")
    def _consistent(self) -> "Parallel":
        if self.min_actors > self.actors:
            raise ValueError(f"min_actors={self.min_actors} is more than actors={self.actors}")
        if self.machine is not None and (self.price_per_cpu_hour or self.price_per_gpu_hour):
            raise ValueError(f"machine={self.machine} and prices per hour are two ways to say what an actor costs")
        return self
