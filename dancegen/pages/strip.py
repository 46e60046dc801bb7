"""One image per video: sample frames with all skeletons, the dancer's in colour, above a timeline.

The timeline covers the whole video: green where the dancer was detected, amber where joints were repaired, red where
the dancer is lost; white lines are cuts, and magenta ones changes of the tracked dancer.

Axes used in shapes:
    T frames    J joints    H rows    W columns
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from dancegen.drawing.draw import draw_skeleton
from dancegen.media.video import frames
from dancegen.pose.clean import Mark
from dancegen.pose.runs import unbroken_runs
from dancegen.storage import SeekableFile

CELLS = 8
CELL_HEIGHT_PX = 270
DIMMED = 0.6  # the frame's brightness below the skeletons
OTHERS = 150  # grey level of the skeletons of other people
LINE_PX = 14
SEEN, REPAIRED, LOST = (60, 170, 80), (235, 170, 50), (205, 60, 55)
CUT, CHANGE = (255, 255, 255), (230, 60, 230)
REPAIRED_SHARE = 0.2  # of the joints in a frame: from here on it counts as repaired


def draw_strip(
    source: Path | SeekableFile,
    uri: str,
    fps: float,
    joints: Float[np.ndarray, "T J 3"],
    people: Sequence[Float[np.ndarray, "_ J 3"]],
    line: UInt8[np.ndarray, "H T 3"],
) -> UInt8[np.ndarray, "H2 W2 3"]:
    """The image. `joints` are the dancer's, `people` those of all people, as fractions of the frame."""
    cells = []
    for number in np.linspace(0, len(joints) - 1, CELLS).round().astype(int).tolist():
        picture = next(frames(source, uri, fps, number, number + 1), None)
        if picture is not None:
            cells.append(_cell(picture, joints[number], people[number]))
    strip = np.hstack(cells) if cells else np.zeros((CELL_HEIGHT_PX, CELL_HEIGHT_PX, 3), dtype=np.uint8)
    return np.vstack([strip, cv2.resize(line, (strip.shape[1], LINE_PX), interpolation=cv2.INTER_NEAREST)])


def draw_line(
    joints: Float[np.ndarray, "T J 3"],
    marks: UInt8[np.ndarray, "T J"],
    tracks: Int[np.ndarray, " T"],
    cuts: Collection[int],
) -> UInt8[np.ndarray, "1 T 3"]:
    """The timeline, one pixel per frame."""
    line = np.empty((1, len(joints), 3), dtype=np.uint8)
    line[:] = SEEN
    line[0, np.isin(marks, (Mark.FILLED, Mark.REPLACED)).mean(axis=1) > REPAIRED_SHARE] = REPAIRED
    line[0, (joints[..., 2] <= 0).all(axis=1)] = LOST
    line[0, [run.start for run in unbroken_runs(tracks, cuts)[1:]]] = CHANGE
    line[0, [cut for cut in cuts if cut < len(joints)]] = CUT
    return line


def _cell(
    picture: UInt8[np.ndarray, "H W 3"], dancer: Float[np.ndarray, "J 3"], people: Float[np.ndarray, "P J 3"]
) -> UInt8[np.ndarray, "H2 W2 3"]:
    width_px = max(1, round(picture.shape[1] * CELL_HEIGHT_PX / picture.shape[0]))
    cell = cv2.resize(picture, (width_px, CELL_HEIGHT_PX), interpolation=cv2.INTER_AREA)
    cell = (cell * DIMMED).astype(np.uint8)
    for person in people:
        cell[_skeleton(person, width_px).any(axis=-1)] = OTHERS
    drawn = _skeleton(dancer, width_px)
    return np.where(drawn.any(axis=-1, keepdims=True), drawn, cell)


def _skeleton(person: Float[np.ndarray, "J 3"], width_px: int) -> UInt8[np.ndarray, "H W 3"]:
    return draw_skeleton(person * (width_px, CELL_HEIGHT_PX, 1), width_px, CELL_HEIGHT_PX, "dark")
