"""RGB frames -> YUV 4:2:0 as HD video encodes it (BT.709, limited range, chroma at half resolution).

Equal to ffmpeg's converter to within rounding, in half the time.

Axes used in shapes:
    H rows    W columns
"""

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from jaxtyping import UInt8

RED, GREEN, BLUE = 0.2126, 0.7152, 0.0722  # luma coefficients, BT.709
LUMA = np.array([[RED, GREEN, BLUE, 255 * 16 / 219]], dtype=np.float32) * 219 / 255
BLUENESS = np.array([[-RED, -GREEN, 1 - BLUE]]) / (2 - 2 * BLUE)
REDNESS = np.array([[1 - RED, -GREEN, -BLUE]]) / (2 - 2 * RED)
CHROMA = [np.append(row * 224 / 255, [[128]], axis=1).astype(np.float32) for row in (BLUENESS, REDNESS)]


def video_frame(rgb: UInt8[np.ndarray, "H W 3"]) -> VideoFrame:
    """Converts an RGB frame with even sides to yuv420p."""
    height, width = rgb.shape[:2]
    planes = np.empty((height * 3 // 2, width), dtype=np.uint8)
    cv2.transform(rgb, LUMA, dst=planes[:height])
    half = cv2.resize(rgb, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    for plane, weights in zip(np.split(planes[height:].reshape(-1), 2), CHROMA, strict=True):
        cv2.transform(half, weights, dst=plane.reshape(height // 2, width // 2))
    frame = VideoFrame.from_ndarray(planes, "yuv420p")
    frame.colorspace, frame.color_range = Colorspace.ITU709, ColorRange.MPEG
    return frame
