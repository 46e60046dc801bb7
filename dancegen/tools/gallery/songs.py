"""The rows of a table of renders in the order of their titles, in a temporary database: only some are in memory."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from dancegen import storage
from dancegen.pages.reasons import kind
from dancegen.storage import scratch
from dancegen.tools.gallery import previews

Row = dict[str, Any]


class Songs(scratch.Database):
    """Rows, and the files of earlier previews. A context manager: it deletes the database."""

    def __init__(self, rows: Iterable[Row], media: str) -> None:
        """`media` is the folder of the previews."""
        super().__init__("""
            create table song (title text, uri text, failed integer, key text, row text);
            create table media (name text primary key) without rowid;
        """)
        self._db.executemany("insert into song values (?, ?, ?, ?, ?)", map(_stored, rows))
        files = ((storage.name(file.uri),) for file in storage.walk(media))
        self._db.executemany("insert or ignore into media values (?)", files)
        self._db.executescript("""
            create index song_order on song(failed, title, uri);
            create index song_key on song(key);
        """)

    def rows(self, failed: bool) -> Iterator[Row]:
        """The rows with or without a video, by title."""
        query = "select row from song where failed = ? order by title, uri"
        return (json.loads(row) for (row,) in self._db.execute(query, (failed,)))

    def count(self, failed: bool) -> int:
        """Number of the rows with or without a video."""
        return self._db.execute("select count(*) from song where failed = ?", (failed,)).fetchone()[0]

    def reasons(self) -> list[tuple[str, int]]:
        """Kinds of reasons of the failures with their numbers, the most frequent first."""
        return Counter(kind(reason_of(row)) for row in self.rows(failed=True)).most_common()

    def has_key(self, key: str) -> bool:
        """Whether a row has a key."""
        return self._db.execute("select 1 from song where key = ?", (key,)).fetchone() is not None

    def has_media(self, name: str) -> bool:
        """Whether a file existed in the folder of the previews."""
        return self._db.execute("select 1 from media where name = ?", (name,)).fetchone() is not None


def title(row: Row) -> str:
    """Title of a song."""
    return storage.stem(row["uri"])


def reason_of(row: Row) -> str:
    """Why a song has no video."""
    return row["error"].removeprefix(f"{row['uri']}: ")


def _stored(row: Row) -> tuple[Any, ...]:
    return title(row).casefold(), row["uri"], row["error"] is not None, previews.key(row), json.dumps(row)
