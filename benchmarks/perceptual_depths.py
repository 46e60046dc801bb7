"""Depth weights of the perceptual loss: the distance of real pictures from blurred ones at each depth of the network.

    python benchmarks/perceptual_depths.py VIDEOS [--kind efficientnet_lite2]

VIDEOS is a folder of videos. From each, FRAMES frames are taken, evenly spaced, scaled to a short side of SIZE_PX,
cropped to the central square and blurred. Prints the mean distances, their spread over the frames, and the weights
with which each depth contributes the same mean (`Variant.depth_weights` in renderer/classifiers/efficientnet_lite.py).
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
import torch

from dancegen.renderer.image_features import balanced_weights, depth_distances, load_features
from dancegen.renderer.perceptual_settings import PerceptualConfig

FRAMES, SIZE_PX, BLUR_PX = 4, 256, 2.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path)
    parser.add_argument("--kind", choices=["efficientnet_lite0", "efficientnet_lite2"], default="efficientnet_lite0")
    given = parser.parse_args()
    features = load_features(PerceptualConfig(kind=given.kind))
    rows = []
    for path in sorted(given.videos.rglob("*.mp4")):
        for frame in frames(path):
            blurred = cv2.GaussianBlur(frame, (0, 0), BLUR_PX)
            rows.append(depth_distances(features, picture(frame), picture(blurred)))
    distances = torch.stack(rows)
    print(f"{len(distances)} frames")
    print("mean    ", " ".join(f"{value:.5f}" for value in distances.mean(dim=0)))
    print("sd/mean ", " ".join(f"{value:.3f}" for value in distances.std(dim=0) / distances.mean(dim=0)))
    print("weights ", " ".join(f"{value:.4g}" for value in balanced_weights(distances)))


def frames(path: Path) -> list[np.ndarray]:
    """FRAMES squares (SIZE_PX, SIZE_PX, 3) of a video, in BGR."""
    video = cv2.VideoCapture(str(path))
    count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    found = []
    for number in range(FRAMES):
        video.set(cv2.CAP_PROP_POS_FRAMES, (number + 0.5) * count // FRAMES)
        read, frame = video.read()
        if read:
            scale = SIZE_PX / min(frame.shape[:2])
            frame = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            top, left = ((side - SIZE_PX) // 2 for side in frame.shape[:2])
            found.append(frame[top : top + SIZE_PX, left : left + SIZE_PX])
    return found


def picture(frame: np.ndarray) -> torch.Tensor:
    """BGR in 0..255 -> RGB (1, 3, H, W) in [-1, 1]."""
    rgb = np.ascontiguousarray(frame[..., ::-1])
    return torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 127.5 - 1


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main())
