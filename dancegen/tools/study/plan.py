"""What a study is, and what each person sees of it"""

import hashlib
import json
import random
from dataclasses import asdict, dataclass
from typing import Literal

from dancegen import storage
from dancegen.errors import ConfigError

FILE, CLIPS, DATABASE = "study.json", "clips", "answers.db"  # in the study's folder
VERSION = 1
BACKGROUNDS = ("Expert", "Non-Expert")
QUESTIONS = {
    "realistic": "Which dance is more realistic, regardless of the music?",
    "music": "Which dance matches the music better?",
}
Set = Literal["a", "b"]


@dataclass(frozen=True)
class Pair:
    """Two clips with the same music. Their files' names say nothing of what they are."""

    id: str
    a: str
    """File of the first set; of a catch trial, the dance."""
    b: str
    """File of the other set; of a catch trial, the still picture."""
    video: str
    """Name of the videos that they were cut from."""
    start_s: float
    catch: bool = False
    """Whether the right answer is known: `a`."""


@dataclass(frozen=True)
class Study:
    """A study as its folder has it."""

    names: tuple[str, str]
    seed: int
    seconds: float
    pairs: tuple[Pair, ...]

    @property
    def id(self) -> str:
        """Changes with the pairs."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Shown:
    """A pair as one person sees it."""

    pair: Pair
    left: Set
    """Which set is on the left."""

    @property
    def clips(self) -> tuple[str, str]:
        """Files, left and right."""
        return (self.pair.a, self.pair.b) if self.left == "a" else (self.pair.b, self.pair.a)

    def chosen(self, side: str) -> Set:
        """Which set a side is."""
        other: Set = "b" if self.left == "a" else "a"
        return self.left if side == "left" else other


def read(folder: str) -> Study:
    """The study in a folder. Raises ConfigError when there is none that this release knows."""
    place = storage.join(folder, FILE)
    if not storage.exists(place):
        raise ConfigError(folder, "holds no study.", "Make one: dancegen study make A B -o FOLDER.")
    try:
        found = json.loads(storage.read_text(place))
        if found.pop("version") != VERSION:
            raise ConfigError(place, "is of another release.", "Use that one, or make the study anew.")
        pairs = tuple(Pair(**pair) for pair in found.pop("pairs"))
        return Study(**{**found, "names": tuple(found["names"])}, pairs=pairs)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(place, f"is damaged ({error}).", "Make the study anew.") from error


def write(folder: str, study: Study) -> None:
    """Put the study's description beside its clips."""
    storage.write_text(storage.join(folder, FILE), json.dumps({"version": VERSION, **asdict(study)}, indent=1))


def order(study: Study, person: str) -> list[Shown]:
    """All pairs in a person's own random order, each set half of the times on the left."""
    draw = random.Random(f"{study.seed} {person}")
    pairs = list(study.pairs)
    draw.shuffle(pairs)
    sides: list[Set] = ["a" if number % 2 else "b" for number in range(len(pairs))]
    draw.shuffle(sides)
    return [Shown(pair, side) for pair, side in zip(pairs, sides, strict=True)]
