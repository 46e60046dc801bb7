"""Settings of single songs, from the columns of the table of songs: a value in a row replaces that of the job."""

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, Field, NonNegativeFloat, ValidationError, model_validator

from dancegen import storage
from dancegen.checkpoints import header
from dancegen.checkpoints.identity import identity
from dancegen.config import Config, InputUri
from dancegen.errors import ConfigError, DanceGenError, StorageUnreachableError
from dancegen.gan import styles
from dancegen.steps.render.looks.sizes import drawn_size, person_size
from dancegen.steps.render.settings import EXTERNAL, Energy, Look, PictureConfig

Row = dict[str, Any]


def _finite(seconds: float) -> float:
    if not math.isfinite(seconds):
        raise ValueError("is not a finite number")
    return seconds


Seconds = Annotated[NonNegativeFloat, AfterValidator(_finite)]


class SongSettings(Config):
    """Settings of one song; null where those of the job apply."""

    seed: int | None = None
    """Seed of the noise."""
    style: str | None = None
    """Style of the dance: a style of the model, auto or none."""
    energy: Energy | None = None
    """Speed of the dance in proportion to the mean of its style."""
    look: Look | None = None
    """Figure in the video."""
    checkpoint: InputUri | None = None
    """Checkpoint of the dance model."""
    start_s: Seconds | None = Field(default=None)
    """Where the video starts in the song, in seconds; null: at its beginning."""
    end_s: Seconds | None = Field(default=None)
    """Where the video ends in the song, in seconds; null, or more than the song has: at its end."""

    @model_validator(mode="after")
    def _in_order(self) -> "SongSettings":
        if self.end_s is not None and self.end_s <= (self.start_s or 0.0):
            raise ValueError(f"end_s={self.end_s:g} is not after start_s={self.start_s or 0.0:g}")
        return self

    def picture(self, picture: PictureConfig) -> PictureConfig:
        """The settings of the job with those of the song."""
        own = self.model_dump(include={"seed", "style", "energy", "look", "checkpoint"}, exclude_none=True)
        return picture.model_copy(update=own)


COLUMNS = tuple(SongSettings.model_fields)


@dataclass(frozen=True)
class Choice:
    """What, besides the song, determines a video, its dance and the files of other formats."""

    settings: str
    """The song's SongSettings as JSON."""
    stamp: str
    """Changes when the result does: model, seed, style, energy, look, size, rate, part of the song, formats."""
    checkpoint_hash: str | None
    """Hash of the dance model; None with a problem."""
    problem: str | None = None
    """Why the settings of the row cannot be used."""


class Choices:
    """The choices of a job. Each checkpoint is read once."""

    def __init__(self, picture: PictureConfig) -> None:
        self._picture = picture
        self._identities: dict[str, str] = {}
        self._looks: dict[str, str] = {}
        self._header = cache(lambda model: header.read(model, header.DANCE))
        self._takes_energy = cache(lambda model: header.takes_energy(self._header(model), model))
        self.of({})  # an error in the settings of the job ends it, and is not the problem of a song

    def of(self, song: Row) -> Choice:
        """The choice of a song. Raises the error of the job's settings for a song without settings of its own."""
        given = {name: value for name in COLUMNS if not _missing(value := song.get(name))}
        if not given:
            return self._choice(SongSettings())
        try:
            return self._choice(SongSettings.model_validate(given))
        except StorageUnreachableError:
            raise
        except ValidationError as error:
            problem = _told(error, given)
        except DanceGenError as error:
            problem = str(error)
        remedy = f"Correct the row of {song['uri']} in the table of songs."
        return Choice("{}", f"invalid {json.dumps(given, default=str)}", None, f"{song['uri']}: {problem} {remedy}")

    def stamp(self, own: SongSettings, model: str) -> str:
        """What, besides the song, determines the result, with the hash of the dance model."""
        picture = own.picture(self._picture)
        parts = [f"{model[:16]} {picture.seed} {self._look(picture)} {picture.fps:g}"]
        if own.start_s is not None or own.end_s is not None:
            parts.append(f"{own.start_s or 0.0:g}-{'' if own.end_s is None else f'{own.end_s:g}'}")
        if self._styles(picture):
            parts.append(f"style {picture.style}")
        if picture.energy is not None:
            parts.append(f"energy {picture.energy:g}")
        if picture.candidates > 1:
            parts.append(f"best of {picture.candidates}")
        if picture.exports:
            sizes = [picture.pose_video_size] if "pose-video" in picture.exports else []
            parts.append(",".join([*picture.exports, *sizes]))
        return " ".join(parts)

    def _choice(self, own: SongSettings) -> Choice:
        picture = own.picture(self._picture)
        model = self._identity(picture.dance_model)
        styles.check(picture.style, self._styles(picture))
        if picture.energy is not None:
            styles.check_energy(picture.energy, self._takes_energy(picture.dance_model))
        return Choice(own.model_dump_json(exclude_none=True), self.stamp(own, model), model)

    def _styles(self, picture: PictureConfig) -> tuple[str, ...]:
        """The styles among which the settings choose: the model's; none for `auto`, which follows from the song."""
        if picture.style == styles.AUTO:
            return ()
        return header.dance_styles(self._header(picture.dance_model), picture.dance_model)

    def _look(self, picture: PictureConfig) -> str:
        """The look and the size; a person is identified by the content of the checkpoint."""
        if picture.person is None:
            size = drawn_size(picture)
            return f"{self._animator(picture) or picture.look} {size[0]}x{size[1]}"
        if picture.look not in self._looks:
            about = header.read(picture.person, header.PERSON)
            size = person_size(picture, (about["width_px"], about["height_px"]))
            self._looks[picture.look] = f"{self._identity(picture.person)[:16]} {size[0]}x{size[1]}"
        return self._looks[picture.look]

    def _animator(self, picture: PictureConfig) -> str | None:
        if picture.look != EXTERNAL:
            return None
        if picture.animator is None:
            raise ConfigError("look=external", "requires the command of a program.", "Give the job animator=....")
        if EXTERNAL not in self._looks:
            image = None if picture.animator_picture is None else storage.read_bytes(picture.animator_picture)
            self._looks[EXTERNAL] = f"{EXTERNAL} {animator_identity(picture.animator, image)[:16]}"
        return self._looks[EXTERNAL]

    def _identity(self, checkpoint: str) -> str:
        if checkpoint not in self._identities:
            self._identities[checkpoint] = identity(storage.read_bytes(checkpoint))
        return self._identities[checkpoint]


def animator_identity(command: str, picture: bytes | None) -> str:
    """Changes with the command and with the content of the picture."""
    return hashlib.sha256(command.encode() + b"\0" + (picture or b"")).hexdigest()


def _missing(value: Any) -> bool:
    """Whether a cell of the table is empty."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _told(error: ValidationError, given: Row) -> str:
    """The first problem in one sentence, with the value."""
    detail = error.errors()[0]
    message = detail["msg"].removeprefix("Value error, ").rstrip(".")
    name = str(detail["loc"][0]) if detail["loc"] else ""
    return f"{name}={given[name]!r}: {message[0].lower()}{message[1:]}." if name else f"{message}."
