"""A dance -> OpenPose JSON, one file per frame, in a tar: `<title>_openpose/<title>_<frame>_keypoints.json`.

Unpacked, the folder is a source of `import-poses format=openpose`, and of the estimator `openpose_json`.

Axes used in shapes:
    F frames    J joints    K joints of the format
"""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
from jaxtyping import Float

from dancegen.estimators.openpose_json import BODY_25, ENDING
from dancegen.exports.dance import Dance
from dancegen.media.marks import COMMENT
from dancegen.skeleton import COCO18

EMPTY = ("face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d", "pose_keypoints_3d")


def write_body18(dance: Dance, path: Path) -> None:
    """Write the joints in the order of OpenPose's COCO model: 18 of them."""
    _write(dance, np.asarray(dance.joints_px, dtype=np.float64), path)


def write_body25(dance: Dance, path: Path) -> None:
    """Write the joints as BODY_25: the middle hip is the mean of the hips; feet have confidence 0."""
    _write(dance, body_25(dance.joints_px), path)


def body_25(joints: Float[np.ndarray, "F J 3"]) -> Float[np.ndarray, "F K 3"]:
    """Joints of COCO-18 in the order of BODY_25. A joint that COCO-18 lacks is (0, 0, 0), as OpenPose writes it."""
    found = np.zeros((len(joints), len(BODY_25), 3))
    found[:, [BODY_25.index(name) for name in COCO18.joints]] = joints
    hips = joints[:, COCO18.indices("right_hip", "left_hip")]
    found[:, BODY_25.index("middle_hip"), :2] = hips[..., :2].mean(axis=1)
    found[:, BODY_25.index("middle_hip"), 2] = hips[..., 2].min(axis=1)
    return found


def _write(dance: Dance, joints: Float[np.ndarray, "F K 3"], path: Path) -> None:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT, pax_headers={"comment": COMMENT}) as tar:
        for number, person in enumerate(joints.round(3)):
            numbers = {"pose_keypoints_2d": person.ravel().tolist(), **{name: [] for name in EMPTY}}
            text = json.dumps({"version": 1.3, "people": [{"person_id": [-1], **numbers}]}).encode()
            entry = tarfile.TarInfo(f"{dance.title}_openpose/{dance.title}_{number:012d}{ENDING}")
            entry.size = len(text)  # the time is 0: the same dance gives the same bytes
            tar.addfile(entry, io.BytesIO(text))
