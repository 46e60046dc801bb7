"""people -> poses: tracks, selects and cleans the dancer of each video, checks the result and draws its image."""

import time
from typing import Any

import pyarrow as pa

from dancegen import schema, storage, tables
from dancegen.errors import BadMediaError, DanceGenError, StorageUnreachableError
from dancegen.pages.report import write_strip
from dancegen.pose.choose import choose
from dancegen.pose.track import track
from dancegen.pose.verdict import check_verdict, poses_columns
from dancegen.steps.extract_poses.detect import People, people_of
from dancegen.steps.extract_poses.settings import ExtractPosesConfig

SOUND = ("loudness_db", "tempo_bpm", "tempo_confidence", "fingerprint")


class SelectDancer:
    """Table of videos in, table of poses out, one row each.

    reads    uri, version, category, song, dancer, parts; its rows of schema.FILES and schema.PEOPLE
    writes   schema.POSES, and the video's image for the report
    on error the row stays, with `error` set; known columns stay too
    """

    def __init__(self, config: ExtractPosesConfig, files: str, people: str, report: str | None) -> None:
        self._config, self._files, self._people, self._report = config, files, people, report

    def __call__(self, videos: pa.Table) -> pa.Table:
        """The dancer of each video."""
        return schema.table(schema.POSES, [self.one(row) for row in videos.to_pylist()])

    def one(self, row: dict[str, Any]) -> dict[str, Any]:
        """The dancer of one video."""
        started = time.monotonic()
        made = {name: row[name] for name in ("uri", "version", "category", "song", "dancer")}
        try:
            self._follow(row, made)
        except StorageUnreachableError:
            raise
        except DanceGenError as error:
            made["error"] = str(error)
        return {**made, "wall_s": time.monotonic() - started}

    def _follow(self, row: dict[str, Any], made: dict[str, Any]) -> None:
        """Fill `made` step by step, so that known columns are kept when an error is raised."""
        config, uri = self._config, row["uri"]
        file = tables.read_part(self._files, schema.FILES, uri)
        parts = [tables.read_part(self._people, schema.PEOPLE, key) for key in row["parts"]]
        made |= {name: file[name] for name in ("content_hash", *SOUND)}
        made["audio_uri"] = uri if file["has_audio"] else None
        made["error"] = next((earlier["error"] for earlier in (file, *parts) if earlier["error"]), None)
        if made["error"] is not None:
            return
        people: People = [each for part in parts for each in people_of(part)]
        if not people:
            raise BadMediaError(uri, "has no frame that can be decoded.", "Download or export it again.")
        cuts = sorted({cut for part in parts for cut in part["cuts"] if cut > 0})
        aspect = file["width_px"] / file["height_px"]
        dancer = choose(people, track(people, cuts, config.fps, aspect), cuts, config.follow, config.fps, aspect)
        made |= poses_columns(dancer, cuts, config.fps, file["width_px"], file["height_px"], config.clean)
        made |= {"estimator": parts[0]["estimator"], "people": sum(map(len, people)) / len(people)}
        if self._report is not None:
            with storage.opening(uri) as source:
                write_strip(self._report, source, made, people)
        check_verdict(uri, dancer.joints, made, config.verdict)
