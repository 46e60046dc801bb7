"""Colours on their way into a video."""

import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from dancegen.media.colors import video_frame


@pytest.mark.parametrize("size", [(64, 48), (66, 50), (98, 2)])
@pytest.mark.parametrize("color", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 120, 90), (13, 200, 77)])
def test_a_color_has_the_numbers_that_ffmpeg_gives_it(size: tuple[int, int], color: tuple[int, int, int]):
    picture = np.full((size[1], size[0], 3), color, dtype=np.uint8)
    theirs = VideoFrame.from_ndarray(picture).reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
    )
    assert abs(video_frame(picture).to_ndarray().astype(int) - theirs.to_ndarray()).max() <= 1


@pytest.mark.parametrize(("grey", "luma"), [(0, 16), (255, 235)])
def test_black_and_white_have_no_colour_and_the_ends_of_the_range(grey: int, luma: int):
    planes = video_frame(np.full((48, 64, 3), grey, dtype=np.uint8)).to_ndarray()
    assert set(planes[:48].ravel()) == {luma}
    assert set(planes[48:].ravel()) == {128}
