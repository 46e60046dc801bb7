"""How a table step is spread over a cluster, and what one row may cost. Each table step's settings start from these."""

from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from dancegen.config import Config


class Parallel(Config):
    """Settings that all table steps share: extract-poses, cut-clips, render, make-corpus."""

    actors: PositiveInt = 2
    """Rows worked on at the same time at most, each in its own process; the pool grows to this."""
    min_actors: PositiveInt = 1
    """The pool shrinks to this when there is little left to do."""
    cpus_per_actor: PositiveFloat = 1.0
    """Processor cores that Ray sets aside for each."""
    gpus_per_actor: NonNegativeFloat = 0.0
    """GPUs that Ray sets aside for each; 0.25 lets four share one."""
    max_bad_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    """The step fails at its end when more than this share of the rows ended with an error; what is done is kept."""
    max_seconds_per_row: PositiveFloat = 3600.0
    """A row that takes longer is stopped and set aside."""
    max_memory_gb_per_row: PositiveFloat = 6.0
    """A row whose process grows beyond this is stopped and set aside."""
    storage_attempts: PositiveInt = 4
    """Times that a row is tried when storage does not answer, after a second, two, four ..."""
    quarantine_after: PositiveInt = 3
    """A row that failed in so many runs is not tried again, unless its file changes or `retry_quarantined` is given."""
    retry_quarantined: bool = False
    """Try the rows in quarantine again."""
    price_per_cpu_hour: NonNegativeFloat = 0.0
    """Money for a core set aside for an hour. Above 0, the summary says what the step cost."""
    price_per_gpu_hour: NonNegativeFloat = 0.0
    """Money for a GPU set aside for an hour."""
    overwrite: bool = False
    """Delete what the table holds and start again, rather than go on with it."""

    @model_validator(mode="after")
    def _room_to_shrink(self) -> "Parallel":
        if self.min_actors > self.actors:
            raise ValueError(f"min_actors={self.min_actors} is more than actors={self.actors}")
        return self
