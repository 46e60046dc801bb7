"""Which videos are for training, which for testing: decided by ids and sounds, so that every run decides the same."""

import hashlib
import math
from collections import defaultdict
from typing import Any, Literal

from dancegen.errors import ConfigError
from dancegen.stages.inputs import UNKNOWN

TRAIN, TEST, LEFT_OUT = "train", "test", "left_out"
MAX_LEFT_OUT = 0.5  # of the training videos; more, and keeping dancers apart is not what is wanted
Apart = Literal["song", "song_and_dancer"]


def split(rows: list[dict[str, Any]], test_share: float, apart: Apart, groups: dict[str, int]) -> dict[str, str]:
    """Uri -> side, from rows with uri, song, dancer and category; `groups` are uris that sound like one song.

    All videos of a song id, and of songs that sound the same, are a unit and lie on one side. In each category the
    first `test_share` of the units, rounded up, are for testing, in the order of a hash of their ids; a category of one
    unit has none, as it could not be trained on. With "song_and_dancer" units are taken first whose dancers dance
    little else, and training videos of a dancer who is tested are left out.

    Raises ConfigError when that would leave out more than half of the training videos.
    """
    unit = _units(rows, groups)
    categories: dict[str, set[str]] = defaultdict(set)
    first_category = {}
    for row in sorted(rows, key=lambda row: (row["category"], row["song"])):
        first_category.setdefault(unit[row["uri"]], row["category"])
    for name, category in first_category.items():
        categories[category].add(name)
    tested: set[str] = set()
    for category in sorted(categories):
        tested |= _tested(categories[category], rows, unit, test_share, apart, tested)
    sides = {row["uri"]: TEST if unit[row["uri"]] in tested else TRAIN for row in rows}
    return _dancers_apart(rows, sides) if apart == "song_and_dancer" else sides


def leaks(rows: list[dict[str, Any]], sides: dict[str, str], apart: Apart, groups: dict[str, int]) -> list[str]:
    """What is on both sides, a sentence each: none, for what `split` gives."""
    kinds = {"song": lambda row: row["song"], "sound": lambda row: groups.get(row["uri"])}
    if apart == "song_and_dancer":
        kinds["dancer"] = lambda row: None if row["dancer"] == UNKNOWN else row["dancer"]
    found = []
    for kind, of in kinds.items():
        seen: dict[str, set[Any]] = {
            side: {of(row) for row in rows if sides[row["uri"]] == side} - {None} for side in (TRAIN, TEST)
        }
        found += [f"{kind} {each} is trained on and tested on" for each in sorted(seen[TRAIN] & seen[TEST], key=str)]
    return found


def _units(rows: list[dict[str, Any]], groups: dict[str, int]) -> dict[str, str]:
    """Uri -> name of its unit: the first song id of all that hang together by id or by sound."""
    parent = {row["song"]: row["song"] for row in rows}

    def root(song: str) -> str:
        while parent[song] != song:
            song = parent[song]
        return song

    first_of: dict[int, str] = {}
    for row in sorted(rows, key=lambda row: row["uri"]):
        group = groups.get(row["uri"])
        if group is not None:
            low, high = sorted((root(row["song"]), root(first_of.setdefault(group, row["song"]))))
            parent[high] = low
    return {row["uri"]: root(row["song"]) for row in rows}


def _tested(
    names: set[str],
    rows: list[dict[str, Any]],
    unit: dict[str, str],
    test_share: float,
    apart: Apart,
    tested_before: set[str],
) -> set[str]:
    """The units of a category that are for testing."""
    count = min(math.ceil(test_share * len(names) - 1e-9), len(names) - 1)
    tested: set[str] = set()
    while len(tested) < count:
        cost = _cost(rows, unit, tested_before | tested) if apart == "song_and_dancer" else {}
        tested.add(min(names - tested, key=lambda name: (cost.get(name, 0), _order(name))))
    return tested


def _cost(rows: list[dict[str, Any]], unit: dict[str, str], tested: set[str]) -> dict[str, int]:
    """Videos that testing on each unit would leave out, besides those that are lost already."""
    danced: dict[str, int] = defaultdict(int)
    dancers: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    gone = {row["dancer"] for row in rows if unit[row["uri"]] in tested}
    for row in rows:
        if row["dancer"] != UNKNOWN and row["dancer"] not in gone:
            danced[row["dancer"]] += 1
            dancers[unit[row["uri"]]][row["dancer"]] += 1
    return {name: sum(danced[dancer] - own for dancer, own in each.items()) for name, each in dancers.items()}


def _dancers_apart(rows: list[dict[str, Any]], sides: dict[str, str]) -> dict[str, str]:
    tested = {row["dancer"] for row in rows if sides[row["uri"]] == TEST} - {UNKNOWN}
    left_out = [row["uri"] for row in rows if sides[row["uri"]] == TRAIN and row["dancer"] in tested]
    trained = sum(side == TRAIN for side in sides.values())
    if len(left_out) > MAX_LEFT_OUT * trained:
        problem = (
            f"would leave out {len(left_out)} of {trained} videos, because {len(tested)} dancers dance most songs."
        )
        raise ConfigError("apart=song_and_dancer", problem, "Give apart=song, or label more dancers.")
    return {**sides, **dict.fromkeys(left_out, LEFT_OUT)}


def _order(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
