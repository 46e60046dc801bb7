"""A dance -> a pose video for image animators: the skeleton of DWPose and ControlNet, on black.

Colours are OpenPose's, bones at 0.6 of their brightness. Bones are ellipses that are 4 pixels to each side, joints
circles of radius 4, at any size of the video. There are no hands and no face, since the dance has none; the video has
no sound.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from dancegen.drawing.draw import draw_skeleton
from dancegen.exports.dance import Dance
from dancegen.media.writer import VideoWriter
from dancegen.pose.normalize import place_in_frame

BONE_PX, JOINT_PX = 4.0, 4.0


def write_pose_video(dance: Dance, path: Path, size: tuple[int, int]) -> None:
    """Write the video. The dance is placed in a frame of this width and height in pixels."""
    with VideoWriter(path, *size, dance.fps) as writer:
        for joints in place_in_frame(dance.joints_px[..., :2], *size):
            writer.write(draw_pose(joints, *size))


def draw_pose(joints_px: Float[np.ndarray, "18 3"], width_px: int, height_px: int) -> UInt8[np.ndarray, "H W 3"]:
    """One frame, RGB."""
    return draw_skeleton(joints_px, width_px, height_px, "dark", BONE_PX, JOINT_PX)
