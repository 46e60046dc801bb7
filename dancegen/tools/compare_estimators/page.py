"""The agreement of two estimators -> a report page and a table. The page loads nothing from the network.

Axes used in shapes:
    H rows    W columns    J joints
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from dancegen import storage
from dancegen.errors import BadMediaError
from dancegen.media.video import frames
from dancegen.pages.template import template
from dancegen.skeleton import COCO18
from dancegen.tools.compare_estimators.compare import Agreement, Compared, together

ALL_VIDEOS, ALL_JOINTS = "all videos", "all"
COLORS = ((255, 150, 0), (0, 190, 255))  # orange and light blue: distinguishable with colour blindness
THICKNESS = (1 / 90, 1 / 220)  # of the frame height: the thin skeleton is visible on the wide one
PICTURE_HEIGHT_PX = 540
DIMMED = 0.75  # brightness factor of the frame below the skeletons
JPEG_QUALITY = 85
PICTURES = "pictures"


def rows(videos: Sequence[Compared], names: tuple[str, str]) -> list[dict[str, Any]]:
    """Rows of the table: all videos and each video, by all joints and each joint."""
    each = [(storage.name(video.uri), video.uri, video.agreement) for video in videos]
    if videos:
        each.insert(0, (ALL_VIDEOS, "", together([video.agreement for video in videos])))
    return [_row(*one, joint, names) for one in each for joint in (None, *COCO18.joints)]


def _row(video: str, uri: str, agreement: Agreement, joint: str | None, names: tuple[str, str]) -> dict[str, Any]:
    numbers = agreement.numbers(joint)
    row: dict[str, Any] = {"video": video, "uri": uri, "joint": joint or ALL_JOINTS, "frames": len(agreement.apart)}
    found, rates = agreement.found(), agreement.rates()
    row |= {f"found_{name}": share if joint is None else math.nan for name, share in zip(names, found, strict=True)}
    row |= {"both": numbers["both"], f"only_{names[0]}": numbers["only_one"], f"only_{names[1]}": numbers["only_other"]}
    row |= {name: numbers[name] for name in ("neither", "pck", "pck_of_both", "median_torsos")}
    return row | {f"fps_{name}": rate if joint is None else math.nan for name, rate in zip(names, rates, strict=True)}


def write_table(uri: str, table: Sequence[Mapping[str, Any]]) -> None:
    """Write the table as CSV: fractions from 0 to 1; empty without data."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(table[0]) if table else ["video"], lineterminator="\n")
    writer.writeheader()
    for row in table:
        writer.writerow({name: _text(value) for name, value in row.items()})
    storage.write_text(uri, text.getvalue())


def _text(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return f"{value:.4f}" if math.isfinite(value) else ""


def draw_both(picture: UInt8[np.ndarray, "H W 3"], pair: Float32[np.ndarray, "2 J 3"]) -> UInt8[np.ndarray, "H2 W2 3"]:
    """A dimmed frame with both skeletons: the first wide and orange, the second thin and light blue."""
    scale = PICTURE_HEIGHT_PX / picture.shape[0]
    width = max(1, round(picture.shape[1] * scale))
    shown = cv2.resize(picture, (width, PICTURE_HEIGHT_PX), interpolation=cv2.INTER_AREA)
    shown = (shown * DIMMED).astype(np.uint8)
    for person, color, thickness in zip(pair, COLORS, THICKNESS, strict=True):
        _draw(shown, person, color, max(1, round(thickness * PICTURE_HEIGHT_PX)))
    return shown


def _draw(picture: np.ndarray, person: np.ndarray, color: tuple[int, int, int], thickness_px: int) -> None:
    seen = person[:, 2] > 0
    places = np.nan_to_num(person[:, :2] * picture.shape[1::-1]).clip(-9999, 9999).round().astype(int).tolist()
    for start, end in COCO18.bone_indices:
        if seen[start] and seen[end]:
            cv2.line(picture, places[start], places[end], color, thickness_px, cv2.LINE_AA)
    for place, there in zip(places, seen, strict=True):
        if there:
            cv2.circle(picture, place, thickness_px + 1, color, -1, cv2.LINE_AA)


def write_picture(folder: str, number: int, video: Compared, frame: int, fps: float) -> str | None:
    """Write a frame with both skeletons. Returns its relative path, or None when it cannot be decoded again."""
    with storage.reading(video.uri) as path:
        try:
            picture = next(frames(path, video.uri, fps, frame, frame + 1), None)
        except BadMediaError:
            return None
    if picture is None:
        return None
    drawn = cv2.cvtColor(draw_both(picture, video.pairs[:, frame]), cv2.COLOR_RGB2BGR)
    name = f"{PICTURES}/{number:03d}.jpg"
    _, jpeg = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    storage.write_bytes(storage.join(folder, *name.split("/")), jpeg.tobytes())
    return name


def write_page(
    uri: str,
    names: tuple[str, str],
    full_names: tuple[str, str],
    table: Sequence[Mapping[str, Any]],
    pictures: Sequence[Mapping[str, Any]],
    bad: Mapping[str, str],
) -> None:
    """Write the page. `pictures` have file, video, seconds and bad; `bad` maps a skipped video to the reason."""
    page = template(
        "page.html", "dancegen.tools.compare_estimators", percent=_percent, number=_number, rate=_rate
    ).render(
        names=names,
        full_names=full_names,
        colors=["#{:02x}{:02x}{:02x}".format(*color) for color in COLORS],
        videos=[row for row in table if row["joint"] == ALL_JOINTS],
        joints=[row for row in table if row["video"] == ALL_VIDEOS and row["joint"] != ALL_JOINTS],
        pictures=pictures,
        bad=bad,
    )
    storage.write_text(uri, page)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if math.isfinite(share) else "-"


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "-"


def _rate(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "-"
