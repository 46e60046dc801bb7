"""Assigns videos to training, validation and test by ids and audio: the split is deterministic.

Settings and epochs are selected on the validation split; the test split is used for the final evaluation only.
"""

import hashlib
import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Any, Literal

from dancegen.errors import ConfigError
from dancegen.schema import UNKNOWN

TRAIN, VALIDATION, TEST, LEFT_OUT = "train", "validation", "test", "left_out"
SIDES = (TRAIN, VALIDATION, TEST)
MAX_LEFT_OUT = 0.5  # of the training videos; above this, separating dancers is not practicable
Apart = Literal["song", "song_and_dancer"]
Row = dict[str, Any]


def split(
    rows: list[Row], test_share: float, validation_share: float, apart: Apart, groups: dict[str, int]
) -> dict[str, str]:
    """Map of uri to split, from rows with uri, song, dancer and category; `groups` maps uri to its song's group number.

    All videos of a song id, and of songs with matching audio, form a unit and are in the same split. Of each category
    the given shares of units, rounded up, are held out for test and for validation: the first and the last in the order
    of a hash of their ids, so that a new song moves few others. At least one unit stays for training; see `_counts`.
    With "song_and_dancer" the units whose dancers have the fewest other videos are held out first, and the other videos
    of a held-out dancer are left out.

    Raises ConfigError when more than half of the training videos would be left out.
    """
    unit = _units(rows, groups)
    categories = _categories(rows, unit)
    counts = _counts({name: len(units) for name, units in categories.items()}, test_share, validation_share)
    sides = {row["uri"]: TRAIN for row in rows}
    left = rows
    for side in (TEST, VALIDATION):
        choice = _Choice(left, unit, by_dancer=apart == "song_and_dancer", from_end=side == VALIDATION)
        for category, units in categories.items():
            choice.take(units, counts[category][side])
        sides |= {row["uri"]: side for row in left if unit[row["uri"]] in choice.taken}
        sides |= {
            row["uri"]: LEFT_OUT for row in left if sides[row["uri"]] == TRAIN and row["dancer"] in choice.dancers
        }
        left = [row for row in left if sides[row["uri"]] == TRAIN]
    _check_left_out(rows, sides)
    return sides


def leaks(rows: list[Row], sides: dict[str, str], apart: Apart, groups: dict[str, int]) -> list[str]:
    """Leaks between splits, one sentence each; empty for a result of `split`."""
    kinds = {"song": lambda row: row["song"], "sound": lambda row: groups.get(row["uri"])}
    if apart == "song_and_dancer":
        kinds["dancer"] = lambda row: None if row["dancer"] == UNKNOWN else row["dancer"]
    found = []
    for kind, of in kinds.items():
        seen: dict[str, set[Any]] = {
            side: {of(row) for row in rows if sides[row["uri"]] == side} - {None} for side in SIDES
        }
        for one, other in combinations(SIDES, 2):
            found += [f"{kind} {each} is in {one} and in {other}" for each in sorted(seen[one] & seen[other], key=str)]
    return found


def _units(rows: list[Row], groups: dict[str, int]) -> dict[str, str]:
    """Uri -> name of its unit: the first song id of those connected by id or by audio."""
    parent = {row["song"]: row["song"] for row in rows}

    def root(song: str) -> str:
        while parent[song] != song:
            parent[song] = parent[parent[song]]
            song = parent[song]
        return song

    first_of: dict[int, str] = {}
    for row in sorted(rows, key=lambda row: row["uri"]):
        group = groups.get(row["uri"])
        if group is not None:
            low, high = sorted((root(row["song"]), root(first_of.setdefault(group, row["song"]))))
            parent[high] = low
    return {row["uri"]: root(row["song"]) for row in rows}


def _categories(rows: list[Row], unit: dict[str, str]) -> dict[str, set[str]]:
    """The units of each category, sorted by category; a unit with several categories belongs to the first."""
    first: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: (row["category"], row["song"])):
        first.setdefault(unit[row["uri"]], row["category"])
    found: dict[str, set[str]] = defaultdict(set)
    for name, category in first.items():
        found[category].add(name)
    return dict(sorted(found.items()))


def _counts(units: dict[str, int], test_share: float, validation_share: float) -> dict[str, dict[str, int]]:
    """Number of each category's units in each held-out split.

    One unit always stays for training. If there are too few, the larger split is reduced; of equal ones the one with
    more units from earlier categories, so that categories of two songs are used for test and validation in turn.
    """
    total: Counter[str] = Counter()
    found = {}
    for category, number in units.items():
        wanted = {
            side: math.ceil(share * number - 1e-9)
            for side, share in ((VALIDATION, validation_share), (TEST, test_share))
        }
        while sum(wanted.values()) > number - 1:
            wanted[max(wanted, key=lambda side: (wanted[side], total[side], side == TEST))] -= 1
        total.update(wanted)
        found[category] = wanted
    return found


class _Choice:
    """Selects units from rows, in order of increasing cost, then of a hash of their names.

    A unit's cost is the number of its dancers' videos outside it that are not excluded already.
    """

    def __init__(self, rows: list[Row], unit: dict[str, str], by_dancer: bool, from_end: bool) -> None:
        """Without `by_dancer` all costs are 0; `from_end` reverses the order of hashes."""
        self._sign = -1 if from_end else 1
        self.names = {unit[row["uri"]] for row in rows}
        self.taken: set[str] = set()
        self.dancers: set[str] = set()
        """Dancers of the selected units."""
        known = [row for row in rows if by_dancer and row["dancer"] != UNKNOWN]
        self._own: dict[str, Counter[str]] = defaultdict(Counter)  # by unit and dancer
        self._units: dict[str, set[str]] = defaultdict(set)
        for row in known:
            self._own[unit[row["uri"]]][row["dancer"]] += 1
            self._units[row["dancer"]].add(unit[row["uri"]])
        self._danced = Counter(row["dancer"] for row in known)
        self._cost = {
            name: sum(self._danced[dancer] - own for dancer, own in self._own[name].items()) for name in self.names
        }

    def take(self, names: Iterable[str], count: int) -> None:
        """Select `count` of these units, but always leave one."""
        there = self.names & set(names)
        waiting = [self._place(name) for name in there]
        heapq.heapify(waiting)
        for _ in range(min(count, len(there) - 1)):
            while waiting[0][0] != self._cost[waiting[0][2]] or waiting[0][2] in self.taken:
                heapq.heappop(waiting)  # outdated entry: the unit was pushed again at a lower cost
            for name in self._take(heapq.heappop(waiting)[2]):
                if name in there:
                    heapq.heappush(waiting, self._place(name))

    def _take(self, taken: str) -> Iterator[str]:
        """Select a unit. Yields each unit whose cost decreases, once per decrease."""
        self.taken.add(taken)
        for dancer in self._own[taken].keys() - self.dancers:
            self.dancers.add(dancer)
            for name in self._units[dancer]:
                self._cost[name] -= self._danced[dancer] - self._own[name][dancer]
                yield name

    def _place(self, name: str) -> tuple[int, int, str]:
        return self._cost[name], self._sign * int(hashlib.sha256(name.encode()).hexdigest(), 16), name


def _check_left_out(rows: list[Row], sides: dict[str, str]) -> None:
    left_out = sum(side == LEFT_OUT for side in sides.values())
    trained = left_out + sum(side == TRAIN for side in sides.values())
    if left_out > MAX_LEFT_OUT * trained:
        dancers = {row["dancer"] for row in rows if sides[row["uri"]] in (VALIDATION, TEST)} - {UNKNOWN}
        problem = f"would leave out {left_out} of {trained} videos, because {len(dancers)} dancers dance most songs."
        raise ConfigError("apart=song_and_dancer", problem, "Set apart=song, or label more dancers.")
