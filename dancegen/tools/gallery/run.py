"""A table of renders -> static pages of its videos, which need no server and work from a folder or from S3."""

import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from dancegen import schema, storage, tables
from dancegen.pages.reasons import kind
from dancegen.pages.template import template
from dancegen.tools.gallery import previews, search_index
from dancegen.tools.gallery.previews import POSTER, PREVIEW, make_previews
from dancegen.tools.gallery.search_index import Found, shards
from dancegen.tools.gallery.settings import GalleryConfig

SONGS_A_PAGE = 200
STATIC = ("gallery.css", "gallery.js")
COLUMNS = ["uri", "version", "output_uri", "seconds", "seed", "look", "counted_bpm", "meter", "note", "wall_s", "error"]
PAGE = re.compile(r"(page|failures)-\d+\.html")

Row = dict[str, Any]


def run(config: GalleryConfig) -> Iterator[str]:
    """Write the pages, and the posters and previews that are missing; yields lines that tell what was done.

    Raises TableError when there is no table of renders, StorageError when the output cannot be written.
    """
    rows = tables.read(config.renders, schema.RENDERS, COLUMNS).to_pylist()
    rows.sort(key=lambda row: (_title(row).casefold(), row["uri"]))
    good, failed = [row for row in rows if row["error"] is None], [row for row in rows if row["error"] is not None]
    without = {}
    for row, reason in make_previews(good, config.output, config.workers):
        if reason is not None:
            without[row["uri"]] = reason
            yield reason
    songs = [_song(row, config.output, row["uri"] not in without) for row in good]
    failures = [_failure(row) for row in failed]
    pages = _write_pages(config, songs, failures)
    found = [Found(song["title"], f"{page}#{song['key']}", song.get("error") is not None) for page, song in pages]
    index = dict(shards(found))
    for name, text in index.items():
        storage.write_text(storage.join(config.output, search_index.FOLDER, name), text)
    for name in STATIC:
        text = files("dancegen.tools.gallery").joinpath(name).read_text("utf-8")
        storage.write_text(storage.join(config.output, name), text)
    _sweep(config.output, {page for page, _ in pages}, set(index), {song["key"] for song in songs})
    yield f"{len(songs):,} videos and {len(failures):,} failures: {storage.join(config.output, 'index.html')}"


def _write_pages(config: GalleryConfig, songs: list[Row], failures: list[Row]) -> list[tuple[str, Row]]:
    """Write all pages. Returns the name of the page of each song and failure."""
    counts = {"songs": len(songs), "failures": len(failures)}
    reasons = Counter(failure["kind"] for failure in failures).most_common()
    placed = []
    for name, first, entries in (("page", "index.html", songs), ("failures", "failures.html", failures)):
        parts = [entries[start : start + SONGS_A_PAGE] for start in range(0, len(entries), SONGS_A_PAGE)] or [[]]
        names = [first, *(f"{name}-{number:04}.html" for number in range(2, len(parts) + 1))]
        page = template(f"{name}.html", "dancegen.tools.gallery")
        for number, (file, part) in enumerate(zip(names, parts, strict=True)):
            around = {"names": names, "number": number}
            text = page.render(title=config.title, entries=part, counts=counts, reasons=reasons, **around)
            storage.write_text(storage.join(config.output, file), text)
            placed += [(file, entry) for entry in part]
    return placed


def _song(row: Row, folder: str, shown: bool) -> Row:
    """Template values of a video."""
    name = previews.key(row)
    return {
        "key": name,
        "title": _title(row),
        "video": link(row["output_uri"], folder),
        "uri": row["output_uri"],
        "poster": f"{previews.FOLDER}/{name}{POSTER}" if shown else None,
        "preview": f"{previews.FOLDER}/{name}{PREVIEW}" if shown else None,
        "facts": [*filter(None, _facts(row))],
        "note": row["note"],
    }


def _facts(row: Row) -> Iterator[str | None]:
    seconds = round(row["seconds"] or 0)
    yield f"{seconds // 60}:{seconds % 60:02}"
    yield storage.stem(row["look"]) if row["look"] else None
    yield f"seed {row['seed']}"
    yield f"{row['counted_bpm']:.0f} bpm" if row["counted_bpm"] else None
    yield row["meter"]


def _failure(row: Row) -> Row:
    """Template values of a song without a video."""
    reason = row["error"].removeprefix(f"{row['uri']}: ")
    return {"key": previews.key(row), "title": _title(row), "uri": row["uri"], "error": reason, "kind": kind(reason)}


def _title(row: Row) -> str:
    return storage.stem(row["uri"])


def link(uri: str, folder: str) -> str | None:
    """The relative URL of a file from a page in the folder; None when they are on different storages or buckets."""
    if storage.is_remote(uri) != storage.is_remote(folder) or _bucket(uri) != _bucket(folder):
        return None
    return quote(posixpath.relpath(storage.local_path(uri) if not storage.is_remote(uri) else uri, folder))


def _bucket(uri: str) -> str | None:
    return uri.removeprefix("s3://").partition("/")[0] if storage.is_remote(uri) else None


def _sweep(folder: str, pages: set[str], index: set[str], keys: set[str]) -> None:
    """Delete the files of an earlier gallery in the folder that this one does not have."""
    kept = {*pages, *index}
    old = []
    for uri in storage.find(folder):
        above, name = storage.below(uri, folder).rpartition("/")[::2]
        ours = (above == "" and PAGE.fullmatch(name)) or above == search_index.FOLDER
        gone = above == previews.FOLDER and storage.stem(uri) not in keys
        if gone or (ours and name not in kept):
            old.append(uri)
    storage.delete_files(old)
