"""Settings of rendering: one song (`dancegen dance`) or a whole library (`render`)."""

import shlex
from typing import Annotated, Self

from pydantic import AfterValidator, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, model_validator

from dancegen import storage
from dancegen.checkpoints.header import DANCE, SHIPPED, SHIPPED_PEOPLE, person_checkpoint
from dancegen.config import Input, InputFile, InputUri, Output, Uri
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.exports.settings import ExportsConfig
from dancegen.gan.styles import AUTO
from dancegen.media.settings import Side

RENDERS = "_renders"  # suffix of the table, which is beside the folder of videos
EXPORTS = "_exports"  # suffix of the folder of files of other formats
MOTIONS = "_motions"  # suffix of the table of dances
DANCED = "_danced"  # suffix of the table of dances that are made before the pictures, while a run needs it
SEGMENTS = "_segments"  # suffix of the folder of segments of long songs
DRAWN = ("avatar", "skeleton", "skeleton-light")  # keys of drawing.draw.LOOKS
EXTERNAL = "external"
NAMED = (*DRAWN, *SHIPPED_PEOPLE, EXTERNAL)
PERSON_SUFFIX = ".safetensors"


def _look(value: str) -> str:
    """A drawn look, the name of a shipped person, `external`, or the absolute URI of a person's checkpoint."""
    if value in NAMED:
        return value
    if storage.suffix(value) != PERSON_SUFFIX:
        known = ", ".join(map(repr, NAMED))
        raise ValueError(f"is no look: give {known}, or the checkpoint of a person ({PERSON_SUFFIX})")
    return storage.absolute(value)


Look = Annotated[str, AfterValidator(_look), Input(names=NAMED)]


def _animator(command: str) -> str:
    """A command with the placeholders of what it reads and writes."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ValueError(f"is no command: {str(error).lower()}") from error
    missing = [name for name in ("{poses}", "{video}") if not any(name in word for word in words[1:])]
    if missing:
        raise ValueError(f"does not contain {' and '.join(missing)}")
    return command


Animator = Annotated[str, AfterValidator(_animator)]


Energy = Annotated[float, Field(ge=0.5, le=2.0)]


class PictureConfig(ExportsConfig):
    """Format of a video, and its dance."""

    checkpoint: InputUri | None = None
    """Checkpoint of the dance model; null uses the one shipped with dancegen."""
    seed: int = 0
    """Seed of the noise: each seed gives a different dance to the same song."""
    style: str = AUTO
    """Style of the dance: one of the model's styles; `auto`, the one that fits the music best; or `none`. With a model
    that has no styles, `auto` and `none` change nothing."""
    energy: Energy | None = None
    """Speed of the dance in proportion to the mean of its style in the training clips, 0.5 to 2; null leaves it to the
    music."""
    candidates: Annotated[int, Field(ge=1, le=64)] = 1
    """Number of dances per song, with different seeds, of which the best one is rendered: by beat alignment, jerk,
    freezes and foot skate, and for a person by the share of poses that the footage does not have."""
    look: Look = "avatar"
    """Figure in the video: `avatar`; an OpenPose skeleton on black (`skeleton`) or on white (`skeleton-light`); `mia`,
    a person that is shipped with dancegen; the checkpoint of a person, as a path or URI; or `external`: what the
    program `animator` makes of it."""
    animator: Animator | None = None
    """With look=external, the command that makes the video: `animate --poses {poses} --image {picture} --out {video}`.
    It is run for each song, without a shell. `{poses}` is a pose video of the size and rate of the result, in the
    colours that image animators take; `{picture}` a copy of `animator_picture`; `{video}` the file to write."""
    animator_picture: InputUri | None = None
    """With look=external, the picture of the person."""
    fps: Annotated[float, Field(ge=25, le=60)] = 30.0
    """Frames per second. The poses of the dance model, 10 to 20 per second, are interpolated."""
    width_px: Side | None = None
    """Width of the video in pixels, even; null is 1280, or that of the person's pictures."""
    height_px: Side | None = None
    """Height of the video in pixels, even; null is 720, or that of the person's pictures."""

    @property
    def dance_model(self) -> str:
        """Checkpoint of the dance model, the shipped one if none is given."""
        return self.checkpoint or str(SHIPPED[DANCE])

    @property
    def person(self) -> str | None:
        """Checkpoint of the person; None for a drawn look or an external one."""
        if self.look in (*DRAWN, EXTERNAL):
            return None
        return person_checkpoint(self.look)

    @model_validator(mode="after")
    def _external_look(self) -> Self:
        if self.look == EXTERNAL and self.animator is None:
            raise ValueError("look=external requires the command of the program: animator=...")
        if "{picture}" in (self.animator or "") and self.animator_picture is None:
            raise ValueError("the animator takes {picture}: give animator_picture=...")
        return self


class DanceConfig(PictureConfig):
    """Render the dance video of one song, without Ray."""

    song: InputFile
    """Audio file, or video with an audio track."""
    video: Annotated[Uri, Output(file=True, endings=(".mp4",))]
    """The mp4 to write."""
    dance: InputFile | None = None
    """A saved dance to this song (.npz, from `--export npz`), to render it again; null generates one."""
    section: tuple[NonNegativeFloat, PositiveFloat] | None = None
    """Start and end in seconds of the section of `dance` that is danced anew, with `seed`; all else stays as it is."""
    overwrite: bool = False
    """Replace an existing file that dancegen did not write."""

    @model_validator(mode="after")
    def _section_of_a_dance(self) -> Self:
        if self.section is not None and self.dance is None:
            raise ValueError("a section is one of a saved dance: give that too")
        if self.section is not None and self.section[0] >= self.section[1]:
            raise ValueError(f"the section {self.section[0]:g}:{self.section[1]:g} does not end after its start")
        return self


class RenderConfig(PictureConfig, Parallel):
    """Render a dance video of each song of a library."""

    songs: InputUri
    """A folder, a list of URIs (.txt), or a table with a column uri (.csv, .parquet). Columns `seed`, `style`,
    `energy`, `look`, `checkpoint`, `start_s` and `end_s` of a table are settings of single songs."""
    output: Annotated[Uri, Output(beside=(RENDERS, EXPORTS, MOTIONS, DANCED, SEGMENTS), inside=())]
    """Folder of the videos, named after the songs. The table of results is beside it: `<output>_renders`; so are the
    files of `exports`: `<output>_exports`."""
    motions: Annotated[Uri, Output(shared=True)] | None = None
    """Table of dances, such as that of an earlier run with another `output`; null is `<output>_motions`. A dance in it
    is reused for another look, person or size, with the same song, checkpoint, seed and style. Several jobs may use one
    table at once. `overwrite` dances again and replaces the rows."""
    motion_actors: NonNegativeInt = 0
    """Actors without a GPU that make dances ahead of the actors that make the pictures, so that no GPU waits for a
    dance. 0: each actor makes the dances of its songs; so does it in a sample (`estimate`) and with `overwrite`."""
    segment_s: Annotated[float, Field(ge=10)] | None = 300.0
    """Length in seconds above which a song is rendered in segments, on several workers at once, which are then joined
    without encoding them again; null renders all songs whole. A person's song is always rendered whole, since each
    frame of a person depends on the one before it; so is every song of a sample (`estimate`)."""
    max_cost: PositiveFloat | None = None
    """Cost of this run, by `machine` or the prices per hour, above which no further song is started; those in progress
    are finished. The same command goes on later."""
    estimate: NonNegativeInt = 0
    """Render only a sample of so many of the songs that are left, and report time and cost of the others; 0: all."""
