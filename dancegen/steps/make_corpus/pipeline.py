"""seeds -> songs and videos, on Ray: one row per video, and the tables that later steps and tests read"""

import csv
import io
from typing import Any

import numpy as np
import pyarrow.dataset as pads

from dancegen import __version__, schema, storage, tables
from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.human.film import check_installed
from dancegen.corpus.human.wardrobe import PEOPLE, check_assets
from dancegen.corpus.structure import BEATS_PER_BAR, CATEGORIES, SongStructure, compose
from dancegen.engine.table_jobs.stage_at import LazyStage
from dancegen.engine.table_jobs.summary import Summary
from dancegen.engine.table_jobs.table_job import TableJob, run_table_job
from dancegen.steps.make_corpus.recorded import load_moves
from dancegen.steps.make_corpus.settings import SEEDS, MakeCorpusConfig

MAKE_CORPUS = LazyStage("dancegen.steps.make_corpus.stage:MakeCorpus")
SONGS, SONGS_TABLE = "songs", "songs_table"
VIDEOS, VIDEOS_TABLE, VIDEOS_LIST = "videos", "videos_table", "videos.csv"
DECIDING = ("seconds", "seed", "look", "fps", "width_px", "height_px")  # settings that are the same for a whole corpus
LABELS = ("uri", "category", "song", "dancer")


def run(config: MakeCorpusConfig) -> Summary:
    """Generate the missing videos, and write the list of all videos."""
    songs = _songs(config)
    deciding = DECIDING
    if config.look == "human":
        check_installed()
        for name in config.people if config.human_assets else ():
            check_assets(PEOPLE[name], str(config.human_assets))
        deciding = (*DECIDING, "people", "moves")
    if config.recordings is not None:
        load_moves(config.recordings)  # an error now, not in every row
        deciding = (*deciding, "recordings")
    if config.other_styles:
        deciding = (*deciding, "other_styles", "categories")
    settings = {name: getattr(config, name) for name in deciding}
    table = storage.join(config.output, VIDEOS_TABLE)
    _write_songs_table(config, songs, settings)
    job = TableJob("videos", table, schema.VIDEOS, MAKE_CORPUS, (config,), settings, unit="frames")
    storage.sweep(config.output)
    summary = run_table_job(job, _rows(config, songs), config)
    _write_list(config.output, table)
    return summary


def _songs(config: MakeCorpusConfig) -> list[SongStructure]:
    """The songs, one of each category in turn."""
    numbers = range(config.songs_per_category)
    return [
        compose(category, config.seed * SEEDS + number, config.seconds)
        for number in numbers
        for category in config.categories
    ]


def _rows(config: MakeCorpusConfig, songs: list[SongStructure]) -> list[dict[str, Any]]:
    """The input of MakeCorpus: one row per video."""
    videos = storage.join(config.output, VIDEOS)
    there = set(storage.find(videos, (".mp4",)))
    rows = []
    for song in songs:
        # consecutive songs, and categories, have different dancers
        first = song.seed % SEEDS * config.dancers_per_song + CATEGORIES.index(song.category)
        for turn in range(config.dancers_per_song):
            number = (first + turn) % config.dancers
            dancer = Dancer.from_seed(config.seed * SEEDS + number)
            style = style_of(config, song, dancer)
            uri = storage.join(videos, style, f"{song.song}_{dancer.name}.mp4")
            row = {"uri": uri, "version": __version__, "gone": uri not in there, "song_uri": song_uri(config, song)}
            seeds = {"song_seed": song.seed, "dancer_seed": dancer.seed}
            rows.append({**row, "category": song.category, "style": style, **seeds})
    return rows


def style_of(config: MakeCorpusConfig, song: SongStructure, dancer: Dancer) -> str:
    """The category whose moves a dancer dances to a song: in `other_styles` of the videos another than the song's."""
    others = [
        category
        for category in CATEGORIES
        if category in config.categories and category != song.category and song.beats_per_bar in BEATS_PER_BAR[category]
    ]
    random = np.random.default_rng([song.seed, CATEGORIES.index(song.category), dancer.seed])
    return str(random.choice(others)) if random.random() < config.other_styles and others else song.category


def song_uri(config: MakeCorpusConfig, song: SongStructure) -> str:
    """URI of a song's audio."""
    return storage.join(config.output, SONGS, f"{song.song}.wav")


def _write_songs_table(config: MakeCorpusConfig, songs: list[SongStructure], settings: dict[str, Any]) -> None:
    uri = storage.join(config.output, SONGS_TABLE)
    tables.begin(uri, schema.SONGS, settings, overwrite=config.overwrite)
    for song in songs:
        row = {
            "uri": song_uri(config, song),
            "song": song.song,
            "category": song.category,
            "seconds": song.seconds,
            "bpm": song.bpm,
            "beats": song.beats,
            "downbeats": song.downbeats,
        }
        tables.write_part(uri, schema.table(schema.SONGS, [row]), key=song.song)


def _write_list(output: str, table: str) -> None:
    """Write the list of all videos of the corpus, with paths relative to the list's folder."""
    good = tables.read(table, schema.VIDEOS, list(LABELS), where=pads.field("error").is_null())
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(LABELS)
    for row in good.sort_by("uri").to_pylist():
        writer.writerow([row["uri"].removeprefix(output.rstrip("/") + "/"), *(row[label] for label in LABELS[1:])])
    storage.write_text(storage.join(output, VIDEOS_LIST), text.getvalue())
