"""Settings of make-corpus: numbers of songs, dancers and videos, and their format."""

from typing import Annotated, Literal, get_args

from pydantic import Field, PositiveInt, model_validator

from dancegen.config import InputUri, Output, Uri
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.media.settings import Side

SEEDS = 10_000  # maximum songs or dancers of one corpus: corpora of different seeds share none

Category = Literal["kpop", "ballet", "popping", "house", "krump", "hiphop"]
PersonName = Literal["ben", "mia"]
Count = Annotated[int, Field(ge=1, le=SEEDS)]


class MakeCorpusConfig(Parallel):
    """Make a synthetic corpus. Existing files are kept: more songs or dancers can be added later."""

    output: Annotated[Uri, Output(inside=("songs", "songs_table", "videos", "videos.csv", "videos_table"))]
    """Folder of the corpus: songs/, videos/, videos.csv, and the tables songs_table/ and videos_table/."""
    categories: Annotated[tuple[Category, ...], Field(min_length=1)] = get_args(Category)
    """Categories of music and dance."""
    songs_per_category: Count = 8
    """Songs per category."""
    dancers: Count = 12
    """Dancers in the corpus, each with its own body and style."""
    dancers_per_song: PositiveInt = 2
    """Dancers per song, with one video each."""
    seconds: Annotated[float, Field(ge=4, le=600)] = 60.0
    """Length of a song in seconds, rounded to half a bar. A song has at least two bars: 4.5 to 8 s."""
    seed: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Seed of the songs and dancers; corpora of different seeds share none."""
    look: Literal["avatar", "skeleton", "skeleton-light", "human"] = "avatar"
    """Figure in the video: an avatar, an OpenPose skeleton on black or on white, or a rendered person in a studio."""
    people: Annotated[tuple[PersonName, ...], Field(min_length=1)] = ("ben", "mia")
    """People of look=human; the dancers take turns with them."""
    moves: Literal["choreography", "lively"] = "choreography"
    """Moves of look=human: those of the category, or kicks, knee lifts, lunges, hops, turns and arms everywhere."""
    other_styles: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the videos with the choreography of another category than their song's, drawn from `categories`; their
    category is that of the dance. Songs in three, which some ballet is, keep a style that has bars of three. Up to
    about 0.7, most dances to the music of a category are in its own style, which a model's `style=auto` then finds."""
    recordings: InputUri | None = None
    """Table of poses of real dancers (import-poses or extract-poses with fps=30): dances are joined from their moves,
    retimed to the songs, instead of the choreography. docs/recordings.md lists data and their licences."""
    human_assets: InputUri | None = None
    """Clothes and hair of look=human: a copy of the folder makehuman/data of MakeHuman's repository (CC0). Null: plain
    clothes and short hair, made of the body's own mesh."""
    fps: Annotated[float, Field(ge=5, le=60)] = 25.0
    """Frames per second."""
    width_px: Side = 640
    """Width of the video in pixels, even."""
    height_px: Side = 480
    """Height of the video in pixels, even."""

    @model_validator(mode="after")
    def _enough_dancers(self) -> "MakeCorpusConfig":
        if self.dancers_per_song > self.dancers:
            raise ValueError(f"dancers_per_song={self.dancers_per_song} is more than dancers={self.dancers}")
        return self

    @model_validator(mode="after")
    def _other_styles_are_choreography(self) -> "MakeCorpusConfig":
        if not self.other_styles:
            return self
        given = f"other_styles={self.other_styles:g}"
        if self.look == "human" or self.recordings is not None:
            raise ValueError(f"{given} is of the drawn looks' choreography: not with look=human or recordings")
        if len(set(self.categories)) < 2:
            raise ValueError(f"{given} needs two categories or more")
        return self

    @model_validator(mode="after")
    def _drawn_in_two_dimensions(self) -> "MakeCorpusConfig":
        if self.look == "human" and self.recordings is not None:
            raise ValueError(
                "recordings are poses in the frame, and look=human needs bodies in space: set another look"
            )
        return self
