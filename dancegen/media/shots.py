"""pictures of a video -> where new shots begin

PySceneDetect's adaptive detector proposes a cut where brightness changes more than it does in the pictures around it,
which fast dancing, a walking camera and fades do not do. Light does: a strobe, a flash, stage lights that go on. So
pictures before and after are compared by a perceptual hash, which knows the composition rather than the brightness;
where one before resembles one after, the shot goes on. A cut to the same composition from the same place is not seen.

Axes used in shapes:
    H rows    W columns    bits of a hash
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, UInt8

LOOK_AROUND = 4
"""Pictures before a cut, and from it on, that the decision needs. A part of a video that begins and ends so many early
and late finds the cuts that the whole video has there. What is shorter, a flash or a shot, is not told from its
shot."""
SIZE_PX = (192, 192)  # what is looked at, whatever the picture's shape
NEIGHBOURS = 2  # pictures on each side whose mean change is the usual one
TIMES_USUAL = 3.0  # that much more must change at a cut: a camera's quick turn stays below 2.1, cuts are at 3 to 12
LEAST_CHANGE = 10.0  # of 255, mean over the picture: below are fades, and noise in the dark
HASH_BITS_A_SIDE = 8
HASH_DETAIL = 2  # grey picture of 16 x 16, of which the lower half of the frequencies counts
SAME_SHARE = (
    0.2  # of the bits: two pictures of one shot under any light differ in less, of different shots in 0.3 to 0.5
)

RGB = UInt8[np.ndarray, "H W 3"]
Hash = Bool[np.ndarray, " bits"]


class ShotDetector:
    """Looks at pictures (RGB, ten a second, of any size) as they go by; one detector for each part of a video."""

    def __init__(self) -> None:
        from scenedetect.detectors import AdaptiveDetector, ContentDetector  # slow to import

        brightness = ContentDetector.Components(delta_hue=0.0, delta_sat=0.0, delta_lum=1.0)
        self._adaptive = AdaptiveDetector(TIMES_USUAL, 0, NEIGHBOURS, LEAST_CHANGE, brightness)
        self._proposed: list[int] = []
        self._hashes: list[Hash] = []

    def watch(self, pictures: Iterator[RGB]) -> Iterator[RGB]:
        """The same pictures, each after a look at it. The last cuts are known once all have been passed on."""
        for picture in pictures:
            self._look(_small_bgr(picture))
            yield picture

    def cuts(self) -> list[int]:
        """Numbers of the pictures that begin a new shot; 0 is the first one that was watched.

        Of the first and the last NEIGHBOURS pictures that were watched nothing can be said, and so they begin none.
        """
        return [cut for cut in self._proposed if cut > NEIGHBOURS and self._is_new(cut)]

    def _look(self, small_bgr: RGB) -> None:
        from scenedetect import FrameTimecode
        from scenedetect.detectors import HashDetector

        found = self._adaptive.process_frame(FrameTimecode(len(self._hashes), fps=10.0), small_bgr)
        self._proposed += [cut.frame_num for cut in found]
        self._hashes.append(HashDetector.hash_frame(small_bgr, HASH_BITS_A_SIDE, HASH_DETAIL).ravel())

    def _is_new(self, cut: int) -> bool:
        """Whether no picture from the cut on resembles one before it."""
        before = np.stack(self._hashes[max(0, cut - LOOK_AROUND) : cut])
        after = np.stack(self._hashes[cut : cut + LOOK_AROUND])
        differing = (before[:, None] != after[None]).mean(axis=-1)
        return bool(differing.min() >= SAME_SHARE)


def _small_bgr(picture: RGB) -> UInt8[np.ndarray, "H2 W2 3"]:
    import cv2

    small = cv2.resize(picture, SIZE_PX, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small[..., ::-1], dtype=np.uint8)
