"""Settings of `dancegen study`: two sets of videos -> a blind comparison by participants, and its analysis."""

from typing import Annotated, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from dancegen.config import Config, InputUri, Output, Uri


class MakeStudyConfig(Config):
    """Make a study folder for `dancegen study serve` from two sets of videos."""

    a: InputUri
    """A folder of videos, a list (.txt), a table (.csv, .parquet) or one video: the first set."""
    b: InputUri
    """The second set. Videos with the same file name are a pair."""
    output: Annotated[Uri, Output(inside=("study.json", "clips"))]
    """Folder of the study."""
    names: tuple[str, str] = ("A", "B")
    """Names of the two sets in the analysis. They are not shown to participants."""
    pairs: PositiveInt = 20
    """Maximum number of pairs, sampled with the seed (20 in the paper)."""
    seconds: PositiveFloat = Field(default=5.0, le=60)
    """Length of the excerpt of each video, in seconds (5 in the paper). Its start is sampled with the seed and the same
    for both videos of a pair."""
    catch: NonNegativeInt = 2
    """Catch trials, pairs with a known answer that detect inattentive participants: a dance, and the same dance as a
    still image."""
    seed: int = 0
    """Seed of the pairs, the excerpts, and each participant's order and sides."""

    @model_validator(mode="after")
    def _two_names(self) -> Self:
        if self.names[0] == self.names[1]:
            raise ValueError(f"names: both sets are called {self.names[0]!r}; give two different names")
        return self


class AnalyseStudyConfig(Config):
    """Analyse the answers: preferences by group, with confidence intervals."""

    study: InputUri
    """Folder of the study."""
    output: Annotated[Uri, Output(inside=("index.html", "preferences.csv", "preferences.md"))]
    """Folder of index.html, preferences.csv and preferences.md."""
    databases: tuple[InputUri, ...] = ()
    """Databases of answers, such as those of several servers; empty uses the one in the study's folder."""
    max_caught: float = Field(default=0.25, ge=0, le=1)
    """Maximum fraction of wrong answers to the catch trials; participants above it are left out."""
    resamples: PositiveInt = 2000
    """Bootstrap resamples over participants."""
    seed: int = 0
    """Seed of the bootstrap."""
    overwrite: bool = False
    """Replace existing files that dancegen did not write."""
