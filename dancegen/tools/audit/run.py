"""Rows against files.

A row is written after its file (`steps.render.stage`), so a job that was killed leaves files without a row, never a row
without its file. A difference of another kind was made by something else: a file was deleted, cut off or written over.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from dancegen import schema, storage, tables
from dancegen.errors import ConfigError, StorageError
from dancegen.media import marks
from dancegen.steps.render.segments.folder import segments_in
from dancegen.steps.render.settings import RENDERS, SEGMENTS
from dancegen.storage import scratch
from dancegen.tools.audit.settings import AuditConfig

FILES = {"renders": "output_uri", "videos": "uri"}  # kind of table -> column with the URI of a row's file
KINDS = {"renders": schema.RENDERS, "videos": schema.VIDEOS}
SIZE, HASH = "output_bytes", "output_hash"  # columns with its size and SHA-256
SUFFIX = ".mp4"


@dataclass
class Audit:
    """What was compared and found."""

    rows: int = 0
    files: int = 0
    problems: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    """Files without a row."""
    unfinished: int = 0
    deleted: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing is left to do."""
        return not self.problems and not self.strays and not self.unfinished

    def lines(self) -> Iterator[str]:
        """The report."""
        yield from self.problems
        yield from (f"{uri}: belongs to no row." for uri in self.strays)
        if self.unfinished:
            yield f"{self.unfinished:,} unfinished files: a job is running, or --sweep deletes them."
        swept = f", {self.deleted:,} files deleted" if self.deleted else ""
        state = "every row has its file, and every file its row" if self.clean else "differences are listed above"
        yield f"{self.rows:,} rows, {self.files:,} files{swept}: {state}."


def run(config: AuditConfig) -> Audit:
    """Compare, and sweep if that is wanted. Run it while no job writes the table.

    Raises ConfigError for a table without files, StorageError when a URI cannot be read.
    """
    kind = tables.kind(config.table)
    if kind not in FILES:
        known = " or ".join(FILES)
        raise ConfigError(config.table, f"is a table of {kind}, whose rows have no files.", f"Name one of {known}.")
    with _Comparison() as compared:
        audit = Audit(rows=compared.take_rows(_rows(config.table, KINDS[kind], FILES[kind])))
        places, skipped = sorted(_outermost(compared.folders())), storage.Skipped()
        for place in places:
            audit.files += compared.take_files(storage.walk(place, (SUFFIX,), skipped))
        segments = _segments(config.table)
        audit.unfinished = skipped.unfinished + len(storage.find(segments, (SUFFIX,)) if segments else [])
        audit.problems = [text for row in compared.rows() if (text := _problem(row, config.content))]
        audit.problems += compared.doubled()
        audit.strays = compared.strays()
    if config.sweep:
        if segments:
            audit.deleted += len(storage.find(segments, (SUFFIX,)))
            storage.delete(segments)
        _sweep(audit, places)
    return audit


class Row(NamedTuple):
    """A row with a file."""

    uri: str
    file: str
    """URI of its file."""
    size: int | None
    digest: str | None
    """Size and hash of the file, where they are known."""


class Found(NamedTuple):
    """A row, and what there is of its file."""

    row: Row
    size: int | None
    """Size of the file; None without one."""


class _Comparison(scratch.Database):
    """Rows and files in a temporary database on disk: only differences are in memory."""

    def __init__(self) -> None:
        super().__init__("""
            create table row (uri text, file text, size integer, digest text);
            create table file (uri text primary key, size integer) without rowid;
        """)

    def take_rows(self, rows: Iterable[Row]) -> int:
        """Store the rows. Returns their number."""
        count = self._db.executemany("insert into row values (?, ?, ?, ?)", rows).rowcount
        self._db.executescript("create index row_uri on row(uri); create index row_file on row(file)")
        return max(count, 0)

    def take_files(self, files: Iterable[storage.File]) -> int:
        """Store the files. Returns their number."""
        found = ((file.uri, file.size) for file in files)
        return max(self._db.executemany("insert or ignore into file values (?, ?)", found).rowcount, 0)

    def folders(self) -> set[str]:
        """Folders of the files of all rows."""
        return {file.rpartition("/")[0] for (file,) in self._db.execute("select file from row")}

    def rows(self) -> Iterator[Found]:
        """The rows, each beside its file."""
        query = "select row.uri, file, row.size, digest, file.size from row left join file on file.uri = row.file"
        for *row, size in self._db.execute(f"{query} order by row.rowid"):
            yield Found(Row(*row), size)

    def strays(self) -> list[str]:
        """Files without a row."""
        query = "select uri from file where uri not in (select file from row) order by uri"
        return [uri for (uri,) in self._db.execute(query)]

    def doubled(self) -> Iterator[str]:
        """Keys, and files, of more than one row."""
        query = "select {0}, count(*) from row group by {0} having count(*) > 1"
        for uri, count in self._db.execute(query.format("uri")):
            yield f"{uri}: has {count} rows. Run the step again."
        for file, count in self._db.execute(query.format("file")):
            yield f"{file}: is the file of {count} rows. Delete it and run the step again."


def _rows(table: str, kind: pa.Schema, column: str) -> Iterator[Row]:
    """The rows with a file."""
    known = [name for name in (SIZE, HASH) if name in kind.names]
    for rows in tables.batches(table, kind, list(dict.fromkeys(["uri", column, "error", *known]))):
        for row in rows.to_pylist():
            if row["error"] is None and row[column] is not None:
                yield Row(row["uri"], row[column], row.get(SIZE), row.get(HASH))


def _segments(table: str) -> str:
    """The folder of segments of long songs that wait for their join; empty without one."""
    folder = table.removesuffix(RENDERS) + SEGMENTS
    return folder if table.endswith(RENDERS) and segments_in(folder) else ""


def _outermost(folders: set[str]) -> set[str]:
    """The folders that lie in none of the others."""
    return {one for one in folders if not any(one != other and one.startswith(f"{other}/") for other in folders)}


def _problem(found: Found, content: bool) -> str:
    """What is wrong with the file of a row; empty when nothing is."""
    uri, file, size, digest = found.row
    if found.size is None:
        return f"{file}: is missing; the row of {uri} names it. Run the step again."
    if size is not None and found.size != size:
        return f"{file}: has {found.size:,} bytes; the row of {uri} says {size:,}. Delete it and run the step again."
    if content and digest is not None and storage.content_hash(file) != digest:
        return f"{file}: has other content than the row of {uri} says. Delete it and run the step again."
    return ""


def _sweep(audit: Audit, places: list[str]) -> None:
    """Delete what belongs to nobody. Files of other programs are never deleted."""
    ours = [uri for uri in audit.strays if _is_ours(uri)]
    storage.delete_files(ours)
    audit.strays = sorted(set(audit.strays).difference(ours))
    for place in places:
        audit.deleted += storage.sweep(place)
    audit.deleted += len(ours)
    skipped = storage.Skipped()
    for place in places:
        for _ in storage.walk(place, (SUFFIX,), skipped):
            pass
    audit.unfinished = skipped.unfinished


def _is_ours(uri: str) -> bool:
    try:
        with storage.reading(uri) as path:
            return marks.is_ours(Path(path))
    except StorageError:
        return False
