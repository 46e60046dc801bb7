"""Which songs are for training and which for testing: decided by their ids, so that every run decides the same."""

import hashlib
import math
from collections import defaultdict
from typing import Any


def split_songs(rows: list[dict[str, Any]], test_share: float) -> dict[str, str]:
    """Song -> "train" or "test", from rows with `song` and `category`.

    In each category the songs are ordered by a hash of their id, and the first `test_share` of them,
    rounded up, are for testing. A category of one song has none for testing: it could not be trained on.
    A song that appears in two categories counts in the first one by name, so that it has one side only.
    """
    category: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: (row["category"], row["song"])):
        category.setdefault(row["song"], row["category"])
    songs: dict[str, list[str]] = defaultdict(list)
    for song in sorted(category, key=_order):
        songs[category[song]].append(song)
    tests = {song for named in songs.values() for song in named[: _tests(len(named), test_share)]}
    return {song: "test" if song in tests else "train" for song in category}


def _order(song: str) -> str:
    return hashlib.sha256(song.encode()).hexdigest()


def _tests(songs: int, test_share: float) -> int:
    return min(math.ceil(test_share * songs - 1e-9), songs - 1)
