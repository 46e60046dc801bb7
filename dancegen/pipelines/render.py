"""songs -> dance videos, on Ray Data: one mp4 a song, and the table of renders beside them"""

import hashlib
from collections import Counter
from typing import Any

from dancegen import outputs, schema, storage, tables
from dancegen.models import checkpoint
from dancegen.pipelines.table_job import Summary, TableJob, run_table_job
from dancegen.settings.render import RENDERS, PictureConfig, RenderConfig
from dancegen.stages.inputs import SONG_SUFFIXES, list_media
from dancegen.stages.render import RenderSongs

VIDEO = ".mp4"


def run(config: RenderConfig) -> Summary:
    """Render the songs that are new, have changed, or failed before.

    A video is left as it is when it exists and was made from the same song by the same checkpoint,
    with the same seed, look, rate and size.
    """
    table = config.output.rstrip("/") + RENDERS
    picture = PictureConfig(**{name: getattr(config, name) for name in PictureConfig.model_fields})
    device = "cuda" if config.gpus_per_actor else "cpu"
    job = TableJob("songs", table, schema.RENDERS, RenderSongs, (picture, device), {}, unit="frames")
    return run_table_job(job, _rows(config), config)


def _rows(config: RenderConfig) -> list[dict[str, Any]]:
    """The input of RenderSongs: one row a song."""
    songs = list_media(config.songs, SONG_SUFFIXES)
    uris = [song["uri"] for song in songs]
    videos = output_uris(uris, config.output)
    outputs.check(config, uris)
    outputs.check_apart(videos, uris)
    there = set(storage.find(config.output, (VIDEO,))) if storage.exists(config.output) else set()
    if not config.overwrite:
        _check_ours(config, there & set(videos))
    model = _model_hash(config.checkpoint)
    rows = []
    for song, output in zip(songs, videos, strict=True):
        rows.append(
            {
                "uri": song["uri"],
                "version": f"{song['version']} {_choice(config, model)}",
                "gone": output not in there,
                "output_uri": output,
                "checkpoint_hash": model,
            }
        )
    return rows


def _check_ours(config: RenderConfig, videos: set[str]) -> None:
    """Raise for a file that is in a video's place and neither in the table of renders nor marked as dancegen's."""
    table = config.output.rstrip("/") + RENDERS
    known = tables.read(table, schema.RENDERS, ["output_uri"]) if tables.parts(table) else None
    for video in sorted(videos - set(known["output_uri"].to_pylist() if known else ())):
        outputs.check_ours(video, "Move it away, give overwrite=true to replace it, or name another output.")


def output_uris(songs: list[str], folder: str) -> list[str]:
    """The video of each song: named by its stem, and by a short hash of its URI too where several share the stem."""
    stems = [storage.stem(song) for song in songs]
    shared = Counter(stem.casefold() for stem in stems)  # some file systems do not tell A from a
    names = [
        f"{stem}-{hashlib.sha256(song.encode()).hexdigest()[:8]}" if shared[stem.casefold()] > 1 else stem
        for song, stem in zip(songs, stems, strict=True)
    ]
    return [storage.join(folder, name + VIDEO) for name in names]


def _model_hash(uri: str | None) -> str:
    return storage.content_hash(str(checkpoint.shipped()) if uri is None else uri)


def _choice(config: RenderConfig, model: str) -> str:
    """What, besides the song, decides about a video's content."""
    return f"{model[:16]} {config.seed} {config.look} {config.width_px}x{config.height_px} {config.fps:g}"
