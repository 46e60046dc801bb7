"""Encoding of frames in another thread, while the next frames are made.

Axes used in shapes:
    H rows    W columns
"""

import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import numpy as np
from jaxtyping import UInt8

from dancegen.media.writer import VideoWriter

MAX_BYTES = 256_000_000  # of frames that wait


class WriteBehind:
    """Passes frames to a VideoWriter in another thread. Use it in a `with` block, inside the writer's.

    An error of the writer is raised by a later `write`, or at the end of the block. If the block raises, the frames
    that wait are dropped.
    """

    def __init__(self, writer: VideoWriter) -> None:
        self._writer = writer
        self._waiting: deque[Future[None]] = deque()
        self.seconds = 0.0  # wall-clock time of encoding so far
        self._most = max(1, MAX_BYTES // int(np.prod(writer.shape)))

    def __enter__(self) -> "WriteBehind":
        self._pool = ThreadPoolExecutor(1)
        return self

    def write(self, rgb: UInt8[np.ndarray, "H W 3"]) -> None:
        """Append one frame, which must not change afterwards. Waits while too many frames are not encoded yet."""
        self._waiting.append(self._pool.submit(self._write, rgb))
        while len(self._waiting) > self._most or self._waiting[0].done():
            self._waiting.popleft().result()
            if not self._waiting:
                break

    def _write(self, rgb: UInt8[np.ndarray, "H W 3"]) -> None:
        started = time.perf_counter()
        self._writer.write(rgb)
        self.seconds += time.perf_counter() - started

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=kind is not None)
        if kind is None:
            for written in self._waiting:
                written.result()


def write_all(frames: Iterable[UInt8[np.ndarray, "H W 3"]], writer: VideoWriter) -> tuple[float, float]:
    """Write a whole file. Returns the wall-clock times of making and of encoding the frames, in seconds."""
    rest, making_s = iter(frames), 0.0
    with writer:
        with WriteBehind(writer) as behind:
            while True:
                started = time.perf_counter()
                frame = next(rest, None)
                making_s += time.perf_counter() - started
                if frame is None:
                    break
                behind.write(frame)
        ending = time.perf_counter()
    return making_s, behind.seconds + time.perf_counter() - ending
