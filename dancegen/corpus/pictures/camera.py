"""Static camera: one scale and one offset for the whole dance."""

import numpy as np
from jaxtyping import Float, Float32

UNITS_HIGH = 4.7  # height of the frame in torso lengths, for a close camera
ZOOM = (0.85, 1.0)
FLOOR = 0.94  # of the height: lowest position of a joint
MARGIN_UNITS = 0.4  # around the joints, for hands, hair and shoes
STEPS_PER_PX = 100  # joints are rounded, so that those in JSON files and in frames are identical


def film(pose: Float[np.ndarray, "T J 2"], width_px: int, height_px: int, seed: int) -> Float32[np.ndarray, "T J 3"]:
    """Joints in pixels, with confidence 1, of a dance in torso lengths. The seed determines the camera position."""
    rng = np.random.default_rng([7, seed])
    low, high = pose.min(axis=(0, 1)), pose.max(axis=(0, 1))
    room = high - low + 2 * MARGIN_UNITS
    scale = min(height_px / UNITS_HIGH * rng.uniform(*ZOOM), width_px / room[0], FLOOR * height_px / room[1])
    spare_px = width_px - scale * room[0]
    middle_px = width_px / 2 + rng.uniform(-0.3, 0.3) * spare_px
    offset_px = np.array([middle_px, FLOOR * height_px]) - scale * np.array([(low[0] + high[0]) / 2, high[1]])
    joints = np.ones((*pose.shape[:2], 3), dtype=np.float32)
    joints[..., :2] = np.round((scale * pose + offset_px) * STEPS_PER_PX) / STEPS_PER_PX
    return joints
