"""songs -> dance videos, on Ray: one mp4 per song, and the table of renders beside them"""

from typing import Any

import numpy as np

from dancegen import outputs, schema, storage, tables
from dancegen.engine.table_jobs.notes import print_notes
from dancegen.engine.table_jobs.stage_at import LazyStage
from dancegen.engine.table_jobs.summary import Summary
from dancegen.engine.table_jobs.table_job import TableJob, run_table_job
from dancegen.errors import StorageError, TableError
from dancegen.exports import formats
from dancegen.logs import notify
from dancegen.media.inputs import SONG_SUFFIXES, list_media
from dancegen.steps.render.settings import EXPORTS, RENDERS, PictureConfig, RenderConfig
from dancegen.steps.render.song_settings import COLUMNS, Choice, Choices, SongSettings
from dancegen.steps.render.video_names import VIDEO, video_names
from dancegen.tables.shards import delete_rows

RENDER_SONGS = LazyStage("dancegen.steps.render.stage:RenderSongs")
REPLACE = "Move it away, set overwrite=true to replace it, or set another output."

Row = dict[str, Any]


def run(config: RenderConfig) -> Summary:
    """Render the songs that are new, have changed, or failed before.

    A video is kept when it exists and was made from the same song by the same checkpoint, with the
    same seed, look, rate and size, of the same part of the song. A person is the same whose checkpoint has
    the same content. A song that was moved keeps its video.
    """
    picture = PictureConfig(**{name: getattr(config, name) for name in PictureConfig.model_fields})
    device = "cuda" if config.gpus_per_actor else "cpu"
    job = TableJob("songs", _table(config), schema.RENDERS, RENDER_SONGS, (picture, device), {}, unit="frames")
    rows = input_rows(config)
    for folder in (config.output, _exports(config)):
        storage.sweep(folder)
    try:
        return run_table_job(job, rows, config)
    finally:
        print_notes(job, rows)
        _print_ranges(job, rows)


def _print_ranges(job: TableJob, rows: list[Row]) -> None:
    """Print the shares of poses that are unlike the person's footage."""
    if not tables.parts(job.table):
        return
    uris = {row["uri"] for row in rows}
    known = tables.read(job.table, job.schema, ["uri", "out_of_range_share"]).to_pylist()
    found = {row["uri"]: share for row in known if (share := row["out_of_range_share"]) is not None}
    shares = {uri: share for uri, share in found.items() if uri in uris}
    if shares:
        most = max(shares, key=lambda uri: shares[uri])
        text = f"poses unlike the person's footage: {np.median([*shares.values()]):.1%} of a song (median), at most "
        notify(f"{text}{shares[most]:.1%}: {most} ({job.table}, column out_of_range_share)")


def _has_table(config: RenderConfig) -> bool:
    return bool(tables.parts(_table(config)))


def _table(config: RenderConfig) -> str:
    return config.output.rstrip("/") + RENDERS


def _exports(config: RenderConfig) -> str:
    return config.output.rstrip("/") + EXPORTS


def input_rows(config: RenderConfig) -> list[Row]:
    """The input of RenderSongs: one row per song."""
    songs = list_media(config.songs, SONG_SUFFIXES, COLUMNS)
    uris = [song["uri"] for song in songs]
    outputs.check(config, uris)
    past = _moved(config, songs, _past(config))
    given = {row["uri"]: name for row in past if (name := _name(row))}
    videos = {song: storage.join(config.output, name) for song, name in video_names(uris, given).items()}
    exports = {
        song: [*formats.places(config.exports, _exports(config), storage.stem(video)).values()]
        for song, video in videos.items()
    }
    there = {*storage.find(config.output, (VIDEO,)), *(storage.find(_exports(config)) if config.exports else ())}
    _check_files(config, videos, exports, there, _known(past, given))
    choices = Choices(config)
    made, chosen = _made_by_file(choices, past), {song["uri"]: choices.of(song) for song in songs}
    return [
        {
            "uri": song["uri"],
            "version": _version(song, chosen[song["uri"]], made),
            "gone": not there.issuperset((videos[song["uri"]], *exports[song["uri"]])),
            "name": storage.name(videos[song["uri"]]),
            "output_uri": videos[song["uri"]],
            "exports": exports[song["uri"]] or None,
            "checkpoint_hash": chosen[song["uri"]].checkpoint_hash,
            "settings": chosen[song["uri"]].settings,
            "problem": chosen[song["uri"]].problem,
        }
        for song in songs
    ]


def _past(config: RenderConfig) -> list[Row]:
    """The rows of the table of renders."""
    try:
        return tables.read(_table(config), schema.RENDERS).to_pylist() if _has_table(config) else []
    except TableError:
        if config.overwrite:
            return []
        raise


def _name(row: Row) -> str | None:
    """The name of a song's video; a table of an earlier release has it in the video's URI only."""
    return row["name"] or (row["output_uri"] and storage.name(row["output_uri"]))


def _moved(config: RenderConfig, songs: list[Row], past: list[Row]) -> list[Row]:
    """The table's rows; those of moved songs, identified by content, are written under the new URI."""
    listed, known = {song["uri"] for song in songs}, {row["uri"] for row in past}
    missing = [row for row in past if row["uri"] not in listed and row["error"] is None]
    new = [song for song in songs if missing and song["uri"] not in known and song["version"] is not None]
    as_it_was = {
        row["version"].partition(" ")[0] for row in missing
    }  # a moved file keeps its time, a copy has a new one
    for song in sorted(new, key=lambda song: song["version"] not in as_it_was):
        if (row := _same_song(song, missing)) is not None:
            missing.remove(row)
            version = f"{song['version']} {row['version'].partition(' ')[2]}"
            moved = {**row, "uri": song["uri"], "version": version, "name": _name(row)}
            tables.write_part(_table(config), schema.table(schema.RENDERS, [moved]), song["uri"])
            delete_rows(_table(config), schema.RENDERS, {row["uri"]})
            past = [*(other for other in past if other is not row), moved]
    return past


def _same_song(song: Row, missing: list[Row]) -> Row | None:
    """The row of a moved song with the same content. A song is read only when its size matches one."""
    size = song["version"].partition("-")[0]
    rows = [row for row in missing if row["version"].partition("-")[0] == size]
    try:
        content = storage.content_hash(song["uri"]) if rows else ""
        return next((row for row in rows if row["content_hash"] == content and not storage.exists(row["uri"])), None)
    except StorageError:
        return None  # the stage reports the error


def _known(past: list[Row], names: dict[str, str]) -> set[str]:
    """Names of the files that earlier runs wrote."""
    return {*names.values(), *(storage.name(uri) for row in past for uri in row["exports"] or ())}


def _check_files(
    config: RenderConfig, videos: dict[str, str], exports: dict[str, list[str]], there: set[str], ours: set[str]
) -> None:
    """Raise ConfigError for a file that would replace a song, or a file not in the table and not from dancegen."""
    places = [*videos.values(), *(uri for uris in exports.values() for uri in uris)]
    outputs.check_apart(places, videos)
    if not config.overwrite:
        for uri in sorted(there.intersection(places)):
            if storage.name(uri) not in ours:
                outputs.check_ours(uri, REPLACE)


def _version(song: Row, choice: Choice, made: dict[tuple[str, str], Row]) -> str:
    """Version of a song's row; that of an earlier release where its video is the same."""
    row = made.get((song["uri"], song["version"]))
    return (
        row["version"]
        if row and choice.settings == "{}" and not choice.problem
        else f"{song['version']} {choice.stamp}"
    )


def _made_by_file(choices: Choices, past: list[Row]) -> dict[tuple[str, str], Row]:
    """(song, file version) -> row, for videos of earlier releases, which used the hash of the model's file."""
    old = choices.stamp(SongSettings(), storage.content_hash(choices.dance_checkpoint()))
    stamped = ((row, *row["version"].partition(" ")[::2]) for row in past if row["error"] is None)
    return {(row["uri"], file): row for row, file, stamp in stamped if stamp == old}
