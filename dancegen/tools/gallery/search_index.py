"""Titles -> files of an index by the first letters of words, each a script that calls `shard(prefix, more, songs)`.

Scripts can be loaded from a folder that is opened as a file, where pages may not fetch data. A prefix with more than
MOST songs has files for longer prefixes too, and its own file has the first MOST of them.
"""

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

FOLDER = "search"
FIRST_LETTERS = 2
MOST = 1000


class Found(NamedTuple):
    """A song as a result of a search."""

    title: str
    link: str
    failed: bool


Words = list[tuple[str, int]]  # word and index of the song


def words(text: str) -> list[str]:
    """The words of a text in lower case, without accents."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return re.findall(r"[^\W_]+", plain.lower())


def file_name(prefix: str) -> str:
    """Name of the file of a prefix: the bytes of its letters in hex, which every file system accepts."""
    return f"{prefix.encode().hex()}.js"


def shards(songs: list[Found]) -> Iterator[tuple[str, str]]:
    """Name and content of each file."""
    by_prefix: dict[str, Words] = defaultdict(list)
    for index, song in enumerate(songs):
        for word in dict.fromkeys(words(song.title)):
            by_prefix[word[:FIRST_LETTERS]].append((word, index))
    for prefix, found in by_prefix.items():
        yield from _files(prefix, found, songs)


def _files(prefix: str, found: Words, songs: list[Found]) -> Iterator[tuple[str, str]]:
    """The file of a prefix, and those of longer prefixes. Songs with the prefix as a word come first."""
    ordered = dict.fromkeys(index for _, index in sorted(found, key=lambda one: one[0] != prefix))
    more = len(ordered) > MOST
    kept = [songs[index] for index in [*ordered][:MOST]]
    yield file_name(prefix), f"shard({json.dumps(prefix)}, {json.dumps(more)}, {json.dumps(kept)});\n"
    if more:
        longer: dict[str, Words] = defaultdict(list)
        for word, index in found:
            if len(word) > len(prefix):
                longer[word[: len(prefix) + 1]].append((word, index))
        for next_prefix, some in longer.items():
            yield from _files(next_prefix, some, songs)
