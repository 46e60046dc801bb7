"""A table of renders -> static pages of its videos, which need no server and work from a folder or from S3."""

import posixpath
import re
from collections.abc import Iterator
from importlib.resources import files
from itertools import islice
from typing import Any
from urllib.parse import quote

from dancegen import schema, storage, tables
from dancegen.pages.reasons import kind
from dancegen.pages.template import template
from dancegen.tools.gallery import previews, search_index
from dancegen.tools.gallery.previews import POSTER, PREVIEW, make_previews
from dancegen.tools.gallery.search_index import Found, shards
from dancegen.tools.gallery.settings import GalleryConfig
from dancegen.tools.gallery.songs import Songs, reason_of, title

SONGS_A_PAGE = 200
STATIC = ("gallery.css", "gallery.js")
FACTS = ["seconds", "look", "style", "energy", "seed", "counted_bpm", "meter"]
COLUMNS = ["uri", "version", "output_uri", *FACTS, "note", "wall_s", "error"]
PAGE = re.compile(r"(page|failures)-\d+\.html")

Row = dict[str, Any]


def run(config: GalleryConfig) -> Iterator[str]:
    """Write the pages, and the posters and previews that are missing; yields lines that tell what was done.

    Raises TableError when there is no table of renders, StorageError when the output cannot be written.
    """
    listed = (row for some in tables.batches(config.renders, schema.RENDERS, COLUMNS) for row in some.to_pylist())
    rows = (row for row in listed if row["output_uri"] or row["error"])  # without long songs that wait for their video
    with Songs(rows, storage.join(config.output, previews.FOLDER)) as songs:
        without = set()
        made = make_previews(songs.rows(failed=False), config.output, config.workers, songs.has_media)
        for row, reason in made:
            if reason is not None:
                without.add(row["uri"])
                yield reason
        pages: set[str] = set()
        found = (
            Found(entry["title"], f"{page}#{entry['key']}", entry.get("error") is not None)
            for page, entry in _write_pages(config, songs, without, pages)
        )
        index = set()
        for name, text in shards(found):
            storage.write_text(storage.join(config.output, search_index.FOLDER, name), text)
            index.add(name)
        for name in STATIC:
            text = files("dancegen.tools.gallery").joinpath(name).read_text("utf-8")
            storage.write_text(storage.join(config.output, name), text)
        _sweep(config.output, {*pages, *index}, songs)
        counts = f"{songs.count(failed=False):,} videos and {songs.count(failed=True):,} failures"
    yield f"{counts}: {storage.join(config.output, 'index.html')}"


def _write_pages(
    config: GalleryConfig, songs: Songs, without: set[str], written: set[str]
) -> Iterator[tuple[str, Row]]:
    """Write all pages, and add their names to `written`. Yields the name of the page of each song and failure."""
    counts = {"songs": songs.count(failed=False), "failures": songs.count(failed=True)}
    reasons = songs.reasons()
    for name, first, failed in (("page", "index.html", False), ("failures", "failures.html", True)):
        number_of_pages = max(1, -(-songs.count(failed) // SONGS_A_PAGE))
        names = [first, *(f"{name}-{number:04}.html" for number in range(2, number_of_pages + 1))]
        page, rows = template(f"{name}.html", "dancegen.tools.gallery"), songs.rows(failed)
        for number, file in enumerate(names):
            some = islice(rows, SONGS_A_PAGE)
            part = [_failure(row) if failed else _song(row, config.output, row["uri"] not in without) for row in some]
            around = {"names": names, "number": number}
            text = page.render(title=config.title, entries=part, counts=counts, reasons=reasons, **around)
            storage.write_text(storage.join(config.output, file), text)
            written.add(file)
            yield from ((file, entry) for entry in part)


def _song(row: Row, folder: str, shown: bool) -> Row:
    """Template values of a video."""
    name = previews.key(row)
    return {
        "key": name,
        "title": title(row),
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
    yield row["style"]
    yield f"energy {row['energy']:g}" if row["energy"] else None
    yield f"seed {row['seed']}"
    yield f"{row['counted_bpm']:.0f} bpm" if row["counted_bpm"] else None
    yield row["meter"]


def _failure(row: Row) -> Row:
    """Template values of a song without a video."""
    reason = reason_of(row)
    return {"key": previews.key(row), "title": title(row), "uri": row["uri"], "error": reason, "kind": kind(reason)}


def link(uri: str, folder: str) -> str | None:
    """The relative URL of a file from a page in the folder; None when they are on different storages or buckets."""
    if storage.is_remote(uri) != storage.is_remote(folder) or _bucket(uri) != _bucket(folder):
        return None
    return quote(posixpath.relpath(storage.local_path(uri) if not storage.is_remote(uri) else uri, folder))


def _bucket(uri: str) -> str | None:
    return uri.removeprefix("s3://").partition("/")[0] if storage.is_remote(uri) else None


def _sweep(folder: str, kept: set[str], songs: Songs) -> None:
    """Delete the files of an earlier gallery in the folder that this one does not have."""
    old = []
    for file in storage.walk(folder):
        above, name = storage.below(file.uri, folder).rpartition("/")[::2]
        ours = (above == "" and PAGE.fullmatch(name)) or above == search_index.FOLDER
        gone = above == previews.FOLDER and not songs.has_key(storage.stem(file.uri))
        if gone or (ours and name not in kept):
            old.append(file.uri)
    storage.delete_files(old)
