"""How a table step is spread over a cluster, and what one row may cost. Each table step's settings start from these."""

from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from dancegen.config import Config


class Parallel(Config):
    """Settings that all table steps share: extract_poses, cut_clips, render, make_corpus."""

    actors: PositiveInt = 2
    """Rows worked on at the same time, each in its own process."""
    cpus_per_actor: PositiveFloat = 1.0
    """Processor cores that Ray sets aside for each."""
    gpus_per_actor: NonNegativeFloat = 0.0
    """GPUs that Ray sets aside for each; 0.25 lets four share one."""
    max_bad_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The step fails at its end when more than this share of the rows ended with an error."""
    max_seconds_per_row: PositiveFloat = 3600.0
    """A row that takes longer is stopped and set aside."""
    max_memory_gb_per_row: PositiveFloat = 6.0
    """A row whose process grows beyond this is stopped and set aside."""
    overwrite: bool = False
    """Delete what the table holds and start again, rather than go on with it."""
