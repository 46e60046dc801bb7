"""songs -> dance videos, on Ray: one mp4 per song, and the table of renders beside them"""

from array import array
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from dancegen import schema, storage, tables
from dancegen.engine.table_jobs.cost import Budget
from dancegen.engine.table_jobs.notes import print_notes
from dancegen.engine.table_jobs.stage_at import LazyStage
from dancegen.engine.table_jobs.summary import Summary
from dancegen.engine.table_jobs.table_job import TableJob, run_table_job
from dancegen.errors import StorageError, TableError, TooManyBadRowsError
from dancegen.exports import formats
from dancegen.logs import notify
from dancegen.media.inputs import SONG_SUFFIXES, stream_media
from dancegen.steps.render.ahead import DancesAhead
from dancegen.steps.render.library import Library, Past, Song
from dancegen.steps.render.segments.jobs import LongSongs
from dancegen.steps.render.settings import DANCED, EXPORTS, MOTIONS, RENDERS, SEGMENTS, PictureConfig, RenderConfig
from dancegen.steps.render.song_settings import COLUMNS, Choice, Choices, SongSettings
from dancegen.tables.shards import delete_rows

RENDER_SONGS = LazyStage("dancegen.steps.render.stage:RenderSongs")
TIMES = ("motion_s", "pictures_s", "encoding_s", "compute_s")
REPLACE = "Move it away, set overwrite=true to replace it, or set another output."

Row = dict[str, Any]


def run(config: RenderConfig) -> Summary:
    """Render the songs that are new, have changed, or failed before.

    A video is kept when it exists and was made from the same song by the same checkpoint, with the
    same seed, style, look, rate and size, of the same part of the song. A person is the same whose checkpoint has
    the same content. A song that was moved keeps its video.

    With `motion_actors`, the dances are made ahead. Long songs get their dance with the others, and their video after
    them (`segments`); not in a run that ends early, by `max_cost` or because too many songs are bad.
    """
    picture = PictureConfig(**{name: getattr(config, name) for name in PictureConfig.model_fields})
    device = "cuda" if config.gpus_per_actor else "cpu"
    given = (picture, device, _motions(config), config.overwrite, None if config.estimate else config.segment_s)
    job = TableJob(
        *("songs", _table(config), schema.RENDERS, RENDER_SONGS, given, {}),
        **{"unit": "frames", "times": TIMES, "counted": {"motion_reused": "dances were reused"}},
    )
    for folder in (config.output, _exports(config)):
        storage.sweep(folder)
    with library(config) as songs:
        rows, budget = input_rows(config, songs), Budget(config.max_cost, config.estimate)
        tables.begin(_motions(config), schema.MOTIONS, {})
        try:
            with dances_ahead(config, picture, songs, budget) as ahead:
                summary = run_table_job(job, rows, config, replace(budget, beside=ahead.cost), ahead.start)
            budget = replace(budget, spent=budget.spent + ahead.cost())
            if not summary.left:
                long_songs = LongSongs(job.table, _motions(config), _segments(config), picture, device, config)
                long_songs.finish(input_rows(config, songs), budget, summary)
        except (TooManyBadRowsError, KeyboardInterrupt):
            _print_findings(job, songs)
            raise
        _print_findings(job, songs)
    return summary


def dances_ahead(config: RenderConfig, picture: PictureConfig, songs: Library, budget: Budget) -> DancesAhead:
    """The job that makes the dances of the songs without a video; of none where it is not wanted.

    A song that cannot be danced to is tried again with the pictures, which gives its row the reason.
    """
    job = TableJob(
        *("dances", _danced(config), schema.RENDERS, RENDER_SONGS),
        *((picture, "cpu", _motions(config), False, None, True), {}),
        **{"times": ("motion_s", "compute_s"), "counted": {"motion_reused": "dances were reused"}, "tolerant": True},
    )
    pool = {"actors": config.motion_actors, "min_actors": 1, "gpus_per_actor": 0.0, "overwrite": True}

    def rows() -> Iterator[Row]:
        if config.motion_actors and not config.estimate and not config.overwrite:
            yield from ({**row, "exports": None} for song, row in _songs(config, songs) if not _is_done(song, row))

    return DancesAhead(job, rows, config.model_copy(update=pool), budget)


def _is_done(song: Song, row: Row) -> bool:
    """Whether an earlier run made the video, or what is needed of a long song."""
    return song.past is not None and song.past.error is None and song.past.version == row["version"] and not row["gone"]


def _print_findings(job: TableJob, songs: Library) -> None:
    print_notes(job, songs)
    _print_ranges(job, songs)


def _print_ranges(job: TableJob, songs: Library) -> None:
    """Print the shares of poses that are unlike the person's footage."""
    if not tables.parts(job.table):
        return
    most, shares = (-1.0, ""), array("f")
    for rows in tables.batches(job.table, job.schema, ["uri", "out_of_range_share"]):
        for row in rows.filter(rows["out_of_range_share"].is_valid()).to_pylist():
            if row["uri"] in songs:
                shares.append(row["out_of_range_share"])
                most = max(most, (row["out_of_range_share"], row["uri"]))
    if shares:
        text = f"poses unlike the person's footage: {np.median(shares):.1%} of a song (median), at most "
        notify(f"{text}{most[0]:.1%}: {most[1]} ({job.table}, column out_of_range_share)")


def _has_table(config: RenderConfig) -> bool:
    return bool(tables.parts(_table(config)))


def _table(config: RenderConfig) -> str:
    return config.output.rstrip("/") + RENDERS


def _motions(config: RenderConfig) -> str:
    return config.motions or config.output.rstrip("/") + MOTIONS


def _exports(config: RenderConfig) -> str:
    return config.output.rstrip("/") + EXPORTS


def _danced(config: RenderConfig) -> str:
    return config.output.rstrip("/") + DANCED


def _segments(config: RenderConfig) -> str:
    return config.output.rstrip("/") + SEGMENTS


def library(config: RenderConfig) -> Library:
    """The songs, and what earlier runs made of them. Rows of moved songs are written under the new URI."""
    songs = stream_media(config.songs, SONG_SUFFIXES, COLUMNS)
    folders = (config.output, *([_exports(config)] if config.exports else []))
    try:
        found = Library(songs, _table(config) if _has_table(config) else "", folders)
    except TableError:
        if not config.overwrite:
            raise
        found = Library(stream_media(config.songs, SONG_SUFFIXES, COLUMNS), "", folders)
    for uri, version, rows in found.moved():
        if (past := _same_song(uri, rows)) is not None:
            version = f"{version} {past.version.partition(' ')[2]}"
            row = tables.read_part(_table(config), schema.RENDERS, past.uri)
            row = {**row, "uri": uri, "version": version, "name": past.name}
            tables.write_part(_table(config), schema.table(schema.RENDERS, [row]), uri)
            delete_rows(_table(config), schema.RENDERS, {past.uri})
            found.move(past, uri, version)
    return found


def input_rows(config: RenderConfig, songs: Library) -> Iterator[Row]:
    """The input of RenderSongs: one row per song.

    Raises ConfigError for a file that would replace a song, or a file not in the table and not from dancegen.
    """
    return (row for _, row in _songs(config, songs))


def _songs(config: RenderConfig, songs: Library) -> Iterator[tuple[Song, Row]]:
    """Each song with its row of the input. Raises ConfigError like `input_rows`."""
    choices = Choices(config)
    old_stamp = choices.stamp(SongSettings(), storage.content_hash(config.dance_model))
    for song in songs.songs():
        video = storage.join(config.output, song.name)
        exports = [*formats.places(config.exports, _exports(config), storage.stem(video)).values()]
        there = [uri for uri in (video, *exports) if songs.exists(uri)]
        for uri in there:
            songs.check(uri, config.overwrite, REPLACE)
        choice = choices.of({"uri": song.uri, **song.settings})
        row = {
            "uri": song.uri,
            "version": _version(song, choice, old_stamp),
            "gone": len(there) < 1 + len(exports),
            "new": video not in there,
            "name": song.name,
            "output_uri": video,
            "exports": exports or None,
            "checkpoint_hash": choice.checkpoint_hash,
            "settings": choice.settings,
            "problem": choice.problem,
        }
        yield song, row


def _same_song(uri: str, rows: list[Past]) -> Past | None:
    """The row of a missing song with the content of this one."""
    try:
        content = storage.content_hash(uri) if rows else ""
        return next((row for row in rows if row.content_hash == content and not storage.exists(row.uri)), None)
    except StorageError:
        return None  # the stage reports the error


def _version(song: Song, choice: Choice, old_stamp: str) -> str:
    """Version of a song's row; that of an earlier release, which used the hash of the model's file, if its video is the
    same."""
    plain = choice.settings == "{}" and not choice.problem
    if (
        plain
        and song.past is not None
        and song.past.error is None
        and song.past.version == f"{song.version} {old_stamp}"
    ):
        return song.past.version
    return f"{song.version} {choice.stamp}"
