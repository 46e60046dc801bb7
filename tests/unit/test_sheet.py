"""Contact sheets of real little videos."""

import cv2
import numpy as np
import pytest

from dancegen.errors import BadMediaError, ConfigError
from dancegen.media.video import VideoWriter
from dancegen.tools.contact_sheet.run import CELL_HEIGHT_PX, CELLS, LABEL_PX, write_contact_sheet


def video(path, colour, seconds=5.0, fps=10):
    with VideoWriter(path, 64, 48, fps) as writer:
        for _ in range(int(seconds * fps)):
            writer.write(np.full((48, 64, 3), colour, dtype=np.uint8))
    return str(path)


def test_each_video_is_a_row_of_its_own_colour(tmp_path):
    videos = [video(tmp_path / "red.mp4", (250, 0, 0)), video(tmp_path / "blue.mp4", (0, 0, 250))]
    write_contact_sheet(videos, str(tmp_path / "sheet.png"))
    sheet = cv2.cvtColor(cv2.imread(str(tmp_path / "sheet.png")), cv2.COLOR_BGR2RGB)
    assert sheet.shape == (2 * (CELL_HEIGHT_PX + LABEL_PX), CELLS * CELL_HEIGHT_PX * 64 // 48, 3)
    assert sheet[100, :, 0].min() > 200
    assert sheet[CELL_HEIGHT_PX + LABEL_PX + 100, :, 2].min() > 200


def test_a_short_video_gives_what_it_has(tmp_path):
    write_contact_sheet([video(tmp_path / "short.mp4", (9, 9, 9), seconds=0.3)], str(tmp_path / "sheet.jpg"))
    assert cv2.imread(str(tmp_path / "sheet.jpg")).shape[1] == CELL_HEIGHT_PX * 64 // 48


def test_what_cannot_be_shown_or_written_is_named(tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    with pytest.raises(BadMediaError, match=r"broken\.mp4"):
        write_contact_sheet([str(broken)], str(tmp_path / "sheet.png"))
    with pytest.raises(ConfigError, match=r"sheet\.gif"):
        write_contact_sheet([str(broken)], str(tmp_path / "sheet.gif"))
