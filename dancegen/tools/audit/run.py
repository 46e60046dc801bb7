"""Rows against files.

A row is written after its file (`steps.render.stage`), so a job that was killed leaves files without a row, never a row
without its file. A difference of another kind was made by something else: a file was deleted, cut off or written over.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from dancegen import schema, storage, tables
from dancegen.errors import ConfigError, StorageError
from dancegen.media import marks
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
    rows = list(_rows(config.table, KINDS[kind], FILES[kind]))
    places = {uri.rpartition("/")[0] for _, uri, *_ in rows}
    audit = Audit(rows=len(rows))
    found = {place: storage.listing(place, (SUFFIX,)) for place in sorted(_outermost(places))}
    sizes = {file.uri: file.size for listing in found.values() for file in listing.files}
    audit.files, audit.unfinished = len(sizes), sum(listing.unfinished for listing in found.values())
    audit.problems = [problem for row in rows if (problem := _problem(*row, sizes, config.content))]
    audit.problems += _doubled(rows)
    audit.strays = sorted(sizes.keys() - {uri for _, uri, *_ in rows})
    if config.sweep:
        _sweep(audit, list(found))
    return audit


Row = tuple[str, str, int | None, str | None]
"""uri of the row, URI of its file, and the file's size and hash where they are known."""


def _rows(table: str, kind: pa.Schema, column: str) -> Iterator[Row]:
    """The rows with a file."""
    known = [name for name in (SIZE, HASH) if name in kind.names]
    found = tables.read(table, kind, list(dict.fromkeys(["uri", column, "error", *known])))
    for batch in found.to_batches():
        for row in batch.to_pylist():
            if row["error"] is None and row[column] is not None:
                yield row["uri"], row[column], row.get(SIZE), row.get(HASH)


def _outermost(folders: set[str]) -> set[str]:
    """The folders that lie in none of the others."""
    return {one for one in folders if not any(one != other and one.startswith(f"{other}/") for other in folders)}


def _problem(uri: str, file: str, size: int | None, digest: str | None, sizes: dict[str, int], content: bool) -> str:
    """What is wrong with the file of a row; empty when nothing is."""
    if file not in sizes:
        return f"{file}: is missing; the row of {uri} names it. Run the step again."
    if size is not None and sizes[file] != size:
        return f"{file}: has {sizes[file]:,} bytes; the row of {uri} says {size:,}. Delete it and run the step again."
    if content and digest is not None and storage.content_hash(file) != digest:
        return f"{file}: has other content than the row of {uri} says. Delete it and run the step again."
    return ""


def _doubled(rows: list[Row]) -> Iterator[str]:
    """Keys, and files, of more than one row."""
    for uri, count in Counter(uri for uri, *_ in rows).items():
        if count > 1:
            yield f"{uri}: has {count} rows. Run the step again."
    for file, count in Counter(file for _, file, *_ in rows).items():
        if count > 1:
            yield f"{file}: is the file of {count} rows. Delete it and run the step again."


def _sweep(audit: Audit, places: list[str]) -> None:
    """Delete what belongs to nobody. Files of other programs are never deleted."""
    ours = [uri for uri in audit.strays if _is_ours(uri)]
    storage.delete_files(ours)
    audit.strays = sorted(set(audit.strays).difference(ours))
    for place in places:
        audit.deleted += storage.sweep(place)
    audit.deleted += len(ours)
    audit.unfinished = sum(storage.listing(place, (SUFFIX,)).unfinished for place in places)


def _is_ours(uri: str) -> bool:
    try:
        with storage.reading(uri) as path:
            return marks.is_ours(Path(path))
    except StorageError:
        return False
