"""Settings of make-corpus: how many songs, dancers and videos there are, and what they look like."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from dancegen.config import Output, Uri
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.media.settings import Side

SEEDS = 10_000  # songs or dancers of one corpus at most: corpora of different seeds share none

Category = Literal["kpop", "ballet", "popping"]
Count = Annotated[int, Field(ge=1, le=SEEDS)]


class MakeCorpusConfig(Parallel):
    """A synthetic corpus. What is there is kept: more songs or dancers can be added later."""

    output: Annotated[Uri, Output(inside=("songs", "songs_table", "videos", "videos.csv", "videos_table"))]
    """Folder of the corpus: songs/, videos/, videos.csv, and the tables songs_table/ and videos_table/."""
    categories: Annotated[tuple[Category, ...], Field(min_length=1)] = ("kpop", "ballet", "popping")
    """Kinds of music and dance."""
    songs_per_category: Count = 8
    """Songs of each kind of music."""
    dancers: Count = 12
    """People who dance in the corpus, each with a body and a style of their own."""
    dancers_per_song: PositiveInt = 2
    """Each song is danced by so many of them, in a video each."""
    seconds: Annotated[float, Field(ge=4, le=600)] = 60.0
    """Length of a song, to half a bar."""
    seed: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Another seed, other songs and other dancers."""
    look: Literal["avatar", "skeleton", "skeleton-light"] = "avatar"
    """The figure that dances: a person, or OpenPose's sticks on black or on white."""
    fps: Annotated[float, Field(ge=5, le=60)] = 25.0
    """Pictures a second."""
    width_px: Side = 640
    """Width of the picture, even."""
    height_px: Side = 480
    """Height of the picture, even."""

    @model_validator(mode="after")
    def _enough_dancers(self) -> "MakeCorpusConfig":
        if self.dancers_per_song > self.dancers:
            raise ValueError(
                f"dancers_per_song={self.dancers_per_song} is more than there are (dancers={self.dancers})"
            )
        return self
