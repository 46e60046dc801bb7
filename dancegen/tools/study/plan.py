"""Definition of a study, and its order and sides for each participant"""

import hashlib
import json
import random
from dataclasses import asdict, dataclass
from typing import Literal

from dancegen import storage
from dancegen.errors import ConfigError

FILE, CLIPS, DATABASE = "study.json", "clips", "answers.db"  # names in the study's folder
VERSION = 1
BACKGROUNDS = ("Expert", "Non-Expert")
QUESTIONS = {
    "realistic": "Which dance is more realistic, regardless of the music?",
    "music": "Which dance matches the music better?",
}
Set = Literal["a", "b"]


@dataclass(frozen=True)
class Pair:
    """Two clips with the same music. Their file names do not reveal their content."""

    id: str
    a: str
    """File from the first set; in a catch trial, the dance."""
    b: str
    """File from the second set; in a catch trial, the still."""
    video: str
    """Common name of the two source videos."""
    start_s: float
    catch: bool = False
    """Whether this is a catch trial, whose correct answer is `a`."""


@dataclass(frozen=True)
class Study:
    """The content of study.json."""

    names: tuple[str, str]
    seed: int
    seconds: float
    pairs: tuple[Pair, ...]

    @property
    def id(self) -> str:
        """Hash of the content, 16 hex digits."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Shown:
    """A pair as presented to one participant."""

    pair: Pair
    left: Set
    """The set on the left side."""

    @property
    def clips(self) -> tuple[str, str]:
        """Files of the left and the right side."""
        return (self.pair.a, self.pair.b) if self.left == "a" else (self.pair.b, self.pair.a)

    def chosen(self, side: str) -> Set:
        """The set on a side."""
        other: Set = "b" if self.left == "a" else "a"
        return self.left if side == "left" else other


def read(folder: str) -> Study:
    """The study in a folder. Raises ConfigError when it is missing, damaged, or of another format version."""
    place = storage.join(folder, FILE)
    if not storage.exists(place):
        raise ConfigError(folder, "contains no study.", "Create one: dancegen study make A B -o FOLDER.")
    try:
        found = json.loads(storage.read_text(place))
        if found.pop("version") != VERSION:
            raise ConfigError(place, "was written by another release.", "Use that release, or create the study again.")
        pairs = tuple(Pair(**pair) for pair in found.pop("pairs"))
        return Study(**{**found, "names": tuple(found["names"])}, pairs=pairs)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(place, f"is damaged ({error}).", "Create the study again.") from error


def write(folder: str, study: Study) -> None:
    """Write study.json to the study's folder."""
    storage.write_text(storage.join(folder, FILE), json.dumps({"version": VERSION, **asdict(study)}, indent=1))


def order(study: Study, person: str) -> list[Shown]:
    """All pairs in a random order per participant, each set on the left for half of the pairs."""
    draw = random.Random(f"{study.seed} {person}")
    pairs = list(study.pairs)
    draw.shuffle(pairs)
    sides: list[Set] = ["a" if number % 2 else "b" for number in range(len(pairs))]
    draw.shuffle(sides)
    return [Shown(pair, side) for pair, side in zip(pairs, sides, strict=True)]
