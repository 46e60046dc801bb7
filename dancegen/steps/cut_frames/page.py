"""Table of footage -> an HTML page with the plate, some frames and the findings of each video. It works offline."""

from typing import Any

from dancegen import schema, storage
from dancegen.pages.report import picture_name
from dancegen.pages.template import template
from dancegen.skeleton import COCO18

LIMBS = {  # bones of one side whose lengths are shown
    "upper arm": ("right_shoulder", "right_elbow"),
    "forearm": ("right_elbow", "right_wrist"),
    "thigh": ("right_hip", "right_knee"),
    "shin": ("right_knee", "right_ankle"),
}


def write_page(folder: str, title: str, footage: list[dict[str, Any]]) -> None:
    """Write the page into a folder. `footage` are rows of schema.FOOTAGE; videos that are set aside come first."""
    there = {storage.name(file) for file in storage.find(folder, (".jpg",))}
    rows = sorted(footage, key=lambda row: (row["error"] is None, row["uri"]))
    good = [row for row in rows if row["error"] is None]
    totals = {
        "videos": f"{len(rows):,}",
        "set aside": f"{len(rows) - len(good):,}",
        "length": f"{sum(row['seconds'] or 0 for row in rows) / 60:.1f} min",
        "usable": f"{sum(row['usable_s'] or 0 for row in good) / 60:.1f} min",
        "frames": f"{sum(row['frames'] or 0 for row in good):,}",
    }
    page = template("page.html", "dancegen.steps.cut_frames")
    text = page.render(title=title, totals=totals, videos=[_shown(row, there) for row in rows])
    storage.write_text(storage.join(folder, "index.html"), text)


def _shown(row: dict[str, Any], there: set[str]) -> dict[str, Any]:
    """Template values of a video."""
    picture = picture_name(row["uri"])
    return {
        **row,
        "name": storage.name(row["uri"]),
        "picture": picture if picture in there and row["error"] is None else None,
        "error": row["error"].removeprefix(f"{row['uri']}: ") if row["error"] else None,
        "left_out": dict(row["left_out"] or []),
        "warnings": row["warnings"] or [],
        "limbs": _limbs(row["bones"]) if row["bones"] else {},
    }


def _limbs(bones: bytes) -> dict[str, float]:
    lengths = schema.from_bytes(bones, "float32", len(COCO18.bones))
    return {name: float(lengths[COCO18.bones.index(bone)]) for name, bone in LIMBS.items()}
