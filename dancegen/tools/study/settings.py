"""Settings of `dancegen study`: two sets of videos -> a blind comparison by people, and what came of it."""

from typing import Annotated, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from dancegen.config import Config, InputUri, Output, Uri


class MakeStudyConfig(Config):
    """Two sets of videos -> a folder that `dancegen study serve` shows to people."""

    a: InputUri
    """A folder of videos, a list (.txt), a table (.csv, .parquet) or one video: one set."""
    b: InputUri
    """The other set. Videos of the same file name are a pair."""
    output: Annotated[Uri, Output(inside=("study.json", "clips"))]
    """Folder of the study."""
    names: tuple[str, str] = ("A", "B")
    """What the two sets are called when the answers are counted. People never see it."""
    pairs: PositiveInt = 20
    """Pairs at most, chosen by the seed (the paper showed 20)."""
    seconds: PositiveFloat = Field(default=5.0, le=60)
    """Of each video, from a moment that the seed chooses: the same one of both (the paper showed 5)."""
    catch: NonNegativeInt = 2
    """Pairs whose answer is known, to find out who does not look: a dance, and the same dance as a still picture."""
    seed: int = 0
    """Decides pairs, moments, and the order and the sides that each person gets."""

    @model_validator(mode="after")
    def _two_names(self) -> Self:
        if self.names[0] == self.names[1]:
            raise ValueError(f"names: both sets are called {self.names[0]!r}")
        return self


class AnalyseStudyConfig(Config):
    """Answers -> preferences by group, with intervals."""

    study: InputUri
    """The study's folder."""
    output: Annotated[Uri, Output(inside=("index.html", "preferences.csv", "preferences.md"))]
    """Folder for index.html, preferences.csv and preferences.md."""
    databases: tuple[InputUri, ...] = ()
    """Databases of answers, such as those of several servers. None: the one in the study's folder."""
    max_caught: float = Field(default=0.25, ge=0, le=1)
    """Who gives a larger share of wrong answers to the pairs whose answer is known is left out."""
    resamples: PositiveInt = 2000
    """Times that the people are drawn anew, for the interval over people."""
    seed: int = 0
    """Of these draws."""
    overwrite: bool = False
    """Replace files that are there and were not written by dancegen."""
