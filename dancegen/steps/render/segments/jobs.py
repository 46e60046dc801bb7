"""The table jobs over segments of long songs, and over the songs that they are joined to."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from dancegen import schema, storage, tables
from dancegen.engine.table_jobs.cost import Budget
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.engine.table_jobs.stage_at import LazyStage
from dancegen.engine.table_jobs.summary import Summary
from dancegen.engine.table_jobs.table_job import TableJob, run_table_job
from dancegen.steps.render.segments.folder import segments_in
from dancegen.steps.render.settings import PictureConfig
from dancegen.steps.render.video_names import VIDEO

RENDER_SEGMENTS = LazyStage("dancegen.steps.render.segments.drawing:RenderSegments")
JOIN_SEGMENTS = LazyStage("dancegen.steps.render.segments.joining:JoinSegments")
TIMES = ("wall_s", "compute_s", "pictures_s", "encoding_s")  # columns that both tables have
HEX_DIGITS = 16  # of the hash in a name

Row = dict[str, Any]


@dataclass(frozen=True)
class LongSongs:
    """Renders the songs that wait for their video."""

    renders: str
    """Table of renders."""
    motions: str
    """Table of motions."""
    folder: str
    """Of the segments and their table."""
    picture: PictureConfig
    device: str
    parallel: Parallel

    def finish(self, rows: Iterable[Row], budget: Budget, before: Summary) -> None:
        """Render segments, join those of each song, and delete them. `rows` are the input of RenderSongs.

        `before` has spent a part of the budget. Raises TooManyBadRowsError when too many songs cannot be joined.
        """
        waiting = self._waiting()
        songs = [self._song(row) for row in rows if waiting.get(row["uri"]) == row["version"]] if waiting else []
        segments = {song["uri"]: list(self._segments(song)) for song in songs}
        if songs:
            rest = budget_after(budget, before)
            rendered = self._render([segment for some in segments.values() for segment in some], rest)
            self._join(songs, segments, budget_after(rest, rendered))
        self._sweep(segments)

    def _render(self, segments: list[Row], budget: Budget) -> Summary:
        given = (self.picture, self.device, self.motions)
        job = TableJob(
            *("segments", self.folder, schema.RENDER_SEGMENTS, RENDER_SEGMENTS, given, {}),
            **{"unit": "frames", "times": TIMES[1:], "tolerant": True},
        )
        there = self._videos()
        rows = ({**segment, "gone": segment["output_uri"] not in there} for segment in segments)
        return run_table_job(job, rows, self.parallel, budget)

    def _join(self, songs: list[Row], segments: dict[str, list[Row]], budget: Budget) -> None:
        """Join the songs whose segments have all ended; a budget may have left some."""
        ended, rows = self._ended(), []
        for song in songs:
            parts = segments[song["uri"]]
            results = [ended[part["uri"], part["version"]] for part in parts if (part["uri"], part["version"]) in ended]
            if len(results) == len(parts):
                rows.append({**song, "gone": True, **_found(parts, results)})
        if rows:
            job = TableJob("long songs", self.renders, schema.RENDERS, JOIN_SEGMENTS, (self.picture,), {})
            run_table_job(job, rows, self.parallel.model_copy(update={"overwrite": False}), budget)

    def _ended(self) -> dict[tuple[str, str], Row]:
        """The rows of segments that have a video or an error, by uri and version."""
        if not tables.parts(self.folder):
            return {}
        there, columns = self._videos(), ["uri", "version", "output_uri", "frames", "error", *TIMES]
        rows = tables.read(self.folder, schema.RENDER_SEGMENTS, columns).to_pylist()
        return {(row["uri"], row["version"]): row for row in rows if row["error"] or row["output_uri"] in there}

    def _videos(self) -> set[str]:
        """URIs of the segments that are rendered."""
        return set(storage.find(self.folder, (VIDEO,)))

    def _song(self, row: Row) -> Row:
        """What is known of a song: its row in the table of renders, and the input of RenderSongs."""
        return {**tables.read_part(self.renders, schema.RENDERS, row["uri"]), **row}

    def _segments(self, song: Row) -> Iterator[Row]:
        """The input of RenderSegments."""
        count, version = song["segments"], f"{song['version']} {song['motion']} {song['segments']}"
        name = hashlib.sha256(f"{song['uri']} {version}".encode()).hexdigest()[:HEX_DIGITS]
        for number in range(count):
            yield {
                "uri": f"{song['uri']}@{number}",
                "version": version,
                "song": song["uri"],
                "output_uri": storage.join(self.folder, f"{name}-{number:04d}{VIDEO}"),
                "number": number,
                "count": count,
                "motion": song["motion"],
                "settings": song["settings"],
            }

    def _waiting(self) -> dict[str, str]:
        """Versions of the songs that wait for their video, by uri."""
        if not tables.parts(self.renders):
            return {}
        found: dict[str, str] = {}
        for rows in tables.batches(self.renders, schema.RENDERS, ["uri", "version", "segments", "output_uri", "error"]):
            long = rows.filter(rows["segments"].is_valid()).to_pylist()
            found |= {row["uri"]: row["version"] for row in long if row["output_uri"] is None and row["error"] is None}
        return found

    def _sweep(self, segments: dict[str, list[Row]]) -> None:
        """Delete the segments of joined songs, and with the last one their table."""
        if not segments_in(self.folder):
            return
        done = {uri for uri in segments if self._has_video(uri)}
        kept = {row["output_uri"] for uri, rows in segments.items() if uri not in done for row in rows}
        if kept:
            storage.delete_files([uri for uri in self._videos() if uri not in kept])
        else:
            storage.delete(self.folder)

    def _has_video(self, song: str) -> bool:
        return tables.read_part(self.renders, schema.RENDERS, song)["output_uri"] is not None


def _found(parts: list[Row], results: list[Row]) -> Row:
    """What the segments of a song are, for its join: columns of the input of JoinSegments."""
    return {
        "segment_uris": [part["output_uri"] for part in parts],
        "segment_frames": [result["frames"] for result in results],
        "segment_times": {name: sum(result[name] or 0.0 for result in results) for name in TIMES},
        "problem": next((result["error"] for result in results if result["error"] is not None), None),
    }


def budget_after(budget: Budget, spent: Summary) -> Budget:
    """The budget of the job after this one."""
    return replace(budget, spent=budget.spent + spent.cost())
