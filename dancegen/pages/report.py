"""tables of poses and cuts -> HTML pages with each video and its verdict. The pages work offline."""

import posixpath
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2
import numpy as np
from jaxtyping import Float

from dancegen import schema, storage, tables
from dancegen.pages.reasons import kind
from dancegen.pages.strip import draw_line, draw_strip
from dancegen.pages.template import template
from dancegen.skeleton import COCO18

VIDEOS_A_PAGE = 200
JPEG_QUALITY = 82
ENDING = "_report"  # suffix of the folder, which is beside the table
COLUMNS = [
    *("uri", "category", "song", "dancer", "frames", "fps", "width_px", "height_px", "missing_share", "repaired_share"),
    *("people", "cuts", "switches", "usable_s", "loudness_db", "tempo_bpm", "tempo_confidence", "estimator", "error"),
]


def report_folder(poses: str) -> str:
    """The folder of the report pages of a table of poses."""
    return poses.rstrip("/") + ENDING


def picture_name(uri: str) -> str:
    """The file name of a video's image."""
    return tables.part_name(uri).removeprefix("part-").replace(".parquet", ".jpg")


def write_strip(
    folder: str, source: Path | storage.SeekableFile, row: dict[str, Any], people: Sequence[Float[np.ndarray, "_ 18 3"]]
) -> None:
    """Write a video's image. `row` is of schema.POSES; `people` are all people in each frame."""
    joints = schema.from_bytes(row["joints"], "float32", -1, len(COCO18), 3)
    marks = schema.from_bytes(row["marks"], "uint8", -1, len(COCO18))
    line = draw_line(joints, marks, schema.from_bytes(row["tracks"], "int32", -1), row["cuts"])
    picture = draw_strip(source, row["uri"], row["fps"], joints, people, line)
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality)
    storage.write_bytes(storage.join(folder, picture_name(row["uri"])), jpeg.tobytes())


def write_pages(folder: str, title: str, poses: list[dict[str, Any]], cuts: list[dict[str, Any]], pictures: str) -> str:
    """Write the pages into a folder; returns the URI of the first page.

    `poses` are rows of schema.POSES (COLUMNS of it), `cuts` of schema.CUTS, empty before clips are cut. `pictures` is
    the folder of the images, on the same storage. Videos that are set aside come first.
    """
    cut = {row["uri"]: row for row in cuts}
    rows = sorted(poses, key=lambda row: (_error(row, cut) is None, row["uri"]))
    pages = [rows[start : start + VIDEOS_A_PAGE] for start in range(0, len(rows), VIDEOS_A_PAGE)] or [[]]
    names = ["index.html", *(f"page{number}.html" for number in range(2, len(pages) + 1))]
    there = {storage.name(file) for file in storage.find(pictures, (".jpg",))}
    where = quote(posixpath.relpath(pictures, folder))
    empty = template("report.html", "dancegen.pages")
    for name, page in zip(names, pages, strict=True):
        videos = [_shown(row, cut.get(row["uri"]), there, where) for row in page]
        text = empty.render(
            title=title,
            videos=videos,
            pages=names,
            here=name,
            totals=_totals(poses, cuts),
            reasons=_reasons(poses, cuts),
        )
        storage.write_text(storage.join(folder, name), text)
    return storage.join(folder, names[0])


def _shown(row: dict[str, Any], cut: dict[str, Any] | None, there: set[str], where: str) -> dict[str, Any]:
    """Template values of a video."""
    picture = picture_name(row["uri"])
    return {
        **row,
        "name": storage.name(row["uri"]),
        "picture": f"{where}/{picture}" if picture in there else None,
        "seconds": row["frames"] / row["fps"] if row["frames"] else None,
        "shots": None if row["cuts"] is None else len(row["cuts"]) + 1,
        "cut": cut,
        "left_out": dict(cut["left_out"] or []) if cut else {},
        "error": _error(row, {row["uri"]: cut} if cut else {}),
    }


def _error(row: dict[str, Any], cut: dict[str, dict[str, Any]]) -> str | None:
    """The reason why a video is set aside, without its URI."""
    error = row["error"] or cut.get(row["uri"], {}).get("error")
    return error.removeprefix(f"{row['uri']}: ") if error else None


def _totals(poses: list[dict[str, Any]], cuts: list[dict[str, Any]]) -> dict[str, str]:
    cut = {row["uri"]: row for row in cuts}
    good = [row for row in poses if _error(row, cut) is None]
    hours = sum(row["frames"] / row["fps"] for row in poses if row["frames"]) / 3600
    totals = {
        "videos": f"{len(poses):,}",
        "set aside": f"{len(poses) - len(good):,}",
        "length": f"{hours:.2f} h",
        "usable": f"{sum(row['usable_s'] for row in good) / 3600:.2f} h",
    }
    if cuts:
        totals["clips"] = f"{sum(row['clips'] or 0 for row in cuts):,}"
        totals["windows left out"] = f"{sum(count for row in cuts for _, count in row['left_out'] or []):,}"
    return totals


def _reasons(poses: list[dict[str, Any]], cuts: list[dict[str, Any]]) -> dict[str, list[tuple[str, int]]]:
    """Counts of the reasons why videos were set aside and windows left out, in order of decreasing frequency."""
    cut = {row["uri"]: row for row in cuts}
    videos = Counter(kind(error) for row in poses if (error := _error(row, cut)))
    windows: Counter[str] = Counter()
    for row in cuts:
        windows.update(dict(row["left_out"] or []))
    return {"Videos set aside": videos.most_common(), "Windows left out": windows.most_common()}
