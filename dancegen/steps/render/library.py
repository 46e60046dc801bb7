"""The songs of a job beside what earlier runs made of them, in a temporary database on this machine's disk.

A catalogue may have millions of songs: only those that are compared are in memory.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from dancegen import outputs, schema, storage, tables
from dancegen.errors import ConfigError
from dancegen.steps.render.video_names import VIDEO, name_key, video_name
from dancegen.storage import scratch

Row = dict[str, Any]
PAST = ["uri", "version", "name", "output_uri", "content_hash", "exports", "error"]  # columns that are read
LAYOUT = """
create table songs (uri text primary key, version text, size text, settings text, name text, name_key text, place text);
create table past (uri text primary key, version text, size text, file text, name text, name_key text,
                   content_hash text, error text);
create table files (uri text primary key) without rowid;
create table ours (name text primary key) without rowid;
"""
INDICES = """
create index songs_key on songs(name_key);
create index songs_place on songs(place);
create index past_key on past(name_key);
create index past_size on past(size);
"""
MISSING = "from past where error is null and uri not in (select uri from songs)"


class Past(NamedTuple):
    """What is known of the row of a song in the table of renders."""

    uri: str
    version: str
    name: str | None
    content_hash: str | None
    error: str | None


class Song(NamedTuple):
    """A song of the job."""

    uri: str
    version: str | None
    settings: Row
    """Columns of the table of songs."""
    name: str
    """File name of its video."""
    past: Past | None


class Library(scratch.Database):
    """Songs, rows of earlier runs, and files. A context manager: it deletes the database."""

    def __init__(self, songs: Iterable[Row], table: str, folders: Iterable[str]) -> None:
        """`songs` are rows of stream_media. `table` is that of renders, or empty; `folders` have the files."""
        super().__init__(LAYOUT)
        self._db.executemany("insert or ignore into songs values (?, ?, ?, ?, null, ?, ?)", map(_song, songs))
        if table:
            for rows in tables.batches(table, schema.RENDERS, PAST):
                self._db.executemany(
                    "insert or replace into past values (?, ?, ?, ?, ?, ?, ?, ?)", map(_past, rows.to_pylist())
                )
                self._db.executemany("insert or ignore into ours values (?)", _names(rows.to_pylist()))
        for folder in folders:
            found = ((file.uri,) for file in storage.walk(folder))
            self._db.executemany("insert or ignore into files values (?)", found)
        self._db.executescript(INDICES)

    def __contains__(self, uri: object) -> bool:
        """Whether a song is in the job."""
        return self._has("select 1 from songs where uri = ?", uri)

    def moved(self) -> Iterator[tuple[str, str, list[Past]]]:
        """New songs that may be moved ones, with their version, and the rows of missing songs of the same size.

        First those whose file has the time of a missing one: a moved file keeps its time, a copy has a new one.
        """
        query = f"""select uri, version, size from songs
            where uri not in (select uri from past) and size in (select size {MISSING})
            order by version not in (select file {MISSING})"""
        same_size = f"select uri, version, name, content_hash, error {MISSING} and size = ?"
        for uri, version, size in self._db.execute(query).fetchall():
            yield uri, version, [Past(*row) for row in self._db.execute(same_size, (size,))]

    def move(self, past: Past, uri: str, version: str) -> None:
        """The row of a missing song is that of another one."""
        self._db.execute("update past set uri = ?, version = ? where uri = ?", (uri, version, past.uri))

    def songs(self) -> Iterator[Song]:
        """The songs in the order of the input, each with the name of its video.

        The name is the one of earlier runs, or that of the song, with a hash if another song has or gets that name.
        """
        self._db.execute("update songs set name = (select name from past where past.uri = songs.uri)")
        others = "select 1 from songs o where o.name_key = songs.name_key and o.name is null and o.uri <> songs.uri"
        taken = "select 1 from past where past.name_key = songs.name_key"
        shared = f"songs.name is null and (exists ({taken}) or exists ({others}))"
        query = f"""select songs.uri, songs.version, settings, songs.name, {shared},
            past.uri, past.version, past.name, past.content_hash, past.error
            from songs left join past on past.uri = songs.uri order by songs.rowid"""
        for uri, version, settings, name, is_shared, *past in self._db.execute(query):
            found = Past(*past) if past[0] is not None else None
            yield Song(uri, version, json.loads(settings), name or video_name(uri, bool(is_shared)), found)

    def exists(self, uri: str) -> bool:
        """Whether a file exists in the folders."""
        return self._has("select 1 from files where uri = ?", uri)

    def check(self, uri: str, overwrite: bool, remedy: str) -> None:
        """Raise ConfigError for an existing file that is a song, or that neither earlier runs nor dancegen wrote."""
        place = outputs.location(uri)
        if (song := self._db.execute("select uri from songs where place = ?", (place,)).fetchone()) is not None:
            raise ConfigError(uri, f"is both an output and an input: it is {song[0]}.", outputs.ELSEWHERE)
        if not overwrite and not self._has("select 1 from ours where name = ?", storage.name(uri)):
            outputs.check_ours(uri, remedy)

    def _has(self, query: str, value: object) -> bool:
        return self._db.execute(query, (value,)).fetchone() is not None


def _song(row: Row) -> tuple[str | None, ...]:
    uri, version = row["uri"], row["version"]
    known = {"uri", "version", "category", "song", "dancer"}
    settings = json.dumps(
        {name: value for name, value in row.items() if name not in known and value is not None}, default=str
    )
    return uri, version, _size(version), settings, name_key(storage.stem(uri) + VIDEO), outputs.location(uri)


def _past(row: Row) -> tuple[str | None, ...]:
    version, name = row["version"] or "", name_of(row)
    file = version.partition(" ")[0]
    key = name_key(name) if name else None
    return row["uri"], version, _size(file), file, name, key, row["content_hash"], row["error"]


def name_of(row: Row) -> str | None:
    """The name of a song's video; a table of an earlier release has it in the video's URI only."""
    return row["name"] or (row["output_uri"] and storage.name(row["output_uri"]))


def _names(rows: list[Row]) -> Iterator[tuple[str]]:
    """Names of the files that earlier runs wrote."""
    for row in rows:
        if (name := name_of(row)) is not None:
            yield (name,)
        yield from ((storage.name(uri),) for uri in row["exports"] or ())


def _size(version: str | None) -> str | None:
    """The size of a file, from its version."""
    return version.partition("-")[0] if version else None
