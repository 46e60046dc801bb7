"""Titles -> files of an index by the first letters of words, each a script that calls `shard(prefix, more, songs)`.

Scripts can be loaded from a folder that is opened as a file, where pages may not fetch data. A prefix with more than
MOST songs has files for longer prefixes too, and its own file has the first MOST of them.
"""

import json
import re
import sqlite3
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import NamedTuple

from dancegen.storage import scratch

FOLDER = "search"
FIRST_LETTERS = 2
MOST = 1000


class Found(NamedTuple):
    """A song as a result of a search."""

    title: str
    link: str
    failed: bool


Words = list[tuple[str, int]]  # word and number of the song


def words(text: str) -> list[str]:
    """The words of a text in lower case, without accents."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return re.findall(r"[^\W_]+", plain.lower())


def file_name(prefix: str) -> str:
    """Name of the file of a prefix: the bytes of its letters in hex, which every file system accepts."""
    return f"{prefix.encode().hex()}.js"


def shards(songs: Iterable[Found]) -> Iterator[tuple[str, str]]:
    """Name and content of each file. The songs are kept in a temporary database, those of one prefix in memory."""
    layout = """
        create table song (title text, link text, failed integer);
        create table word (prefix text, word text, song integer);
    """
    with closing(scratch.database(layout)) as db:
        for number, song in enumerate(songs, start=1):
            db.execute("insert into song values (?, ?, ?)", song)
            found = ((word[:FIRST_LETTERS], word, number) for word in dict.fromkeys(words(song.title)))
            db.executemany("insert into word values (?, ?, ?)", found)
        db.execute("create index word_prefix on word(prefix)")
        for (prefix,) in db.execute("select distinct prefix from word").fetchall():
            query = "select word, song from word where prefix = ? order by rowid"
            yield from _files(prefix, db.execute(query, (prefix,)).fetchall(), db)


def _files(prefix: str, found: Words, db: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """The file of a prefix, and those of longer prefixes. Songs with the prefix as a word come first."""
    ordered = dict.fromkeys(number for _, number in sorted(found, key=lambda one: one[0] != prefix))
    more = len(ordered) > MOST
    query = "select title, link, failed from song where rowid = ?"
    kept = [db.execute(query, (number,)).fetchone() for number in [*ordered][:MOST]]
    songs = [Found(title, link, bool(failed)) for title, link, failed in kept]
    yield file_name(prefix), f"shard({json.dumps(prefix)}, {json.dumps(more)}, {json.dumps(songs)});\n"
    if more:
        longer: dict[str, Words] = defaultdict(list)
        for word, number in found:
            if len(word) > len(prefix):
                longer[word[: len(prefix) + 1]].append((word, number))
        for next_prefix, some in longer.items():
            yield from _files(next_prefix, some, db)
