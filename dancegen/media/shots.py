"""frames of a video -> first frames of new shots

PySceneDetect's adaptive detector proposes a cut where brightness changes more than in the neighbouring frames. Fast
dancing, a moving camera and fades do not cause this; a strobe, a flash or stage lights that are switched on do. Frames
before and after a proposed cut are compared by a perceptual hash, which depends on the composition rather than
the brightness; where one before resembles one after, there is no cut. A cut to the same composition from the same place
is not detected.

Axes used in shapes:
    H rows    W columns    bits of a hash
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, UInt8

LOOK_AROUND = 4
"""Frames before a cut, and from it on, that the decision needs. A part of a video that is padded by this many frames
at both ends yields the same cuts as the whole video. A shorter shot or flash is not separated from the shot around
it."""
SIZE_PX = (192, 192)  # input of the detector, for any frame size
NEIGHBOURS = 2  # frames on each side whose mean change is the reference
TIMES_USUAL = 3.0  # change at a cut over the reference: a quick camera pan stays below 2.1, cuts are at 3 to 12
LEAST_CHANGE = 10.0  # of 255, mean over the frame: below are fades, and noise in dark frames
HASH_BITS_A_SIDE = 8
HASH_DETAIL = 2  # grey image of 16 x 16, of which the lower half of the frequencies is used
SAME_SHARE = 0.2  # of the bits: two frames of one shot under any light differ in less, of different shots in 0.3 to 0.5

RGB = UInt8[np.ndarray, "H W 3"]
Hash = Bool[np.ndarray, " bits"]


class ShotDetector:
    """Detects cuts in a stream of frames (RGB, ten per second, any size); one detector per part of a video."""

    def __init__(self) -> None:
        from scenedetect.detectors import AdaptiveDetector, ContentDetector  # slow to import

        brightness = ContentDetector.Components(delta_hue=0.0, delta_sat=0.0, delta_lum=1.0)
        self._adaptive = AdaptiveDetector(TIMES_USUAL, 0, NEIGHBOURS, LEAST_CHANGE, brightness)
        self._proposed: list[int] = []
        self._hashes: list[Hash] = []

    def watch(self, pictures: Iterator[RGB]) -> Iterator[RGB]:
        """Yields the same frames, each after it was processed. `cuts` is complete once all frames were yielded."""
        for picture in pictures:
            self._look(_small_bgr(picture))
            yield picture

    def cuts(self) -> list[int]:
        """Numbers of the frames that begin a new shot; 0 is the first frame that was processed.

        The first and the last NEIGHBOURS frames cannot be decided and are never reported.
        """
        return [cut for cut in self._proposed if cut > NEIGHBOURS and self._is_new(cut)]

    def _look(self, small_bgr: RGB) -> None:
        from scenedetect import FrameTimecode
        from scenedetect.detectors import HashDetector

        found = self._adaptive.process_frame(FrameTimecode(len(self._hashes), fps=10.0), small_bgr)
        self._proposed += [cut.frame_num for cut in found]
        self._hashes.append(HashDetector.hash_frame(small_bgr, HASH_BITS_A_SIDE, HASH_DETAIL).ravel())

    def _is_new(self, cut: int) -> bool:
        """Whether no frame from the cut on resembles one before it."""
        before = np.stack(self._hashes[max(0, cut - LOOK_AROUND) : cut])
        after = np.stack(self._hashes[cut : cut + LOOK_AROUND])
        differing = (before[:, None] != after[None]).mean(axis=-1)
        return bool(differing.min() >= SAME_SHARE)


def _small_bgr(picture: RGB) -> UInt8[np.ndarray, "H2 W2 3"]:
    import cv2

    small = cv2.resize(picture, SIZE_PX, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small[..., ::-1], dtype=np.uint8)
