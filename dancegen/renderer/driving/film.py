"""A dance -> frames of a person who dances it.

Without memory, frames are generated in batches. With memory a frame needs the previous one: the dance is cut into
segments, and one frame of each is generated at a time. A segment starts WARM_UP frames early, which are thrown away,
and its first BLEND frames are cross-faded with those that continue the previous segment.

The batch of a forward pass depends only on the number of frames, so that the same dance gives the same bytes on the
same kind of device. Only a batch that does not fit into the memory of a GPU is halved.

Axes used in shapes:
    N frames    L frames of a segment    S segments    B frames of a batch    K frames of a cross-fade
    H height    W width, in pixels
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from dancegen.precision import autocast
from dancegen.renderer.condition import draw_condition
from dancegen.renderer.driving.body_fit import fit
from dancegen.renderer.driving.pose_range import share_out_of_range
from dancegen.renderer.person import Person

BATCH = 16  # frames at once, without memory
SEGMENTS = 8  # at once, with memory; the frames of all of them are kept until the last one is done
SEGMENT_FRAMES = 96  # at most
WARM_UP = 8
BLEND = 4

Frame = UInt8[np.ndarray, "H W 3"]
Frames = UInt8[np.ndarray, "L H W 3"]
Done = Callable[[int], None]
"""Called with the number of frames generated so far."""


class Film:
    """Generates frames of a person, on the device of the generator."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.batch = max(BATCH, SEGMENTS)  # frames of a forward pass at most; halved when memory does not suffice
        self._device = next(person.generator.parameters()).device
        # On GPUs with tensor cores; on a CPU the plain layout is as fast or faster.
        self.layout = torch.channels_last if self._device.type == "cuda" else torch.contiguous_format
        person.generator.eval().to(memory_format=self.layout)  # pyright: ignore[reportCallIssue] (not in its stub)
        self._plate = self._pictures(torch.from_numpy(person.plate)[None])

    def fitted(self, joints: Float[np.ndarray, "N 18 3"], fps: float) -> tuple[Float32[np.ndarray, "N 18 3"], float]:
        """The dance on the person's body, and the share of its poses that are unlike the person's footage.

        Joints are fractions of a picture of the person's aspect.
        """
        fitted = fit(joints, self.person.body, fps)
        return fitted, share_out_of_range(fitted, self.person.body, self.person.poses)

    def frames(self, joints: Float32[np.ndarray, "N 18 3"], done: Done = lambda count: None) -> Iterator[Frame]:
        """The frames, RGB, to fitted joints as fractions of the picture."""
        places = torch.tensor(joints, device=self._device)
        if self.person.config.previous_frame:
            yield from self._with_memory(places, done)
        else:
            yield from self._without_memory(places, done)

    def rolled_out(self, joints: Float32[np.ndarray, "N 18 3"]) -> Iterator[Frame]:
        """The frames in one piece, each from the one before, without warm-up and cross-fades: they show the drift."""
        places = torch.tensor(joints, device=self._device)
        for frames in read_behind(self._continued(places[:, None])):
            yield frames[0]

    def _without_memory(self, joints: Float[Tensor, "N 18 3"], done: Done) -> Iterator[Frame]:
        rest = joints[-1:].expand(-len(joints) % BATCH, -1, -1)  # a shorter batch might round otherwise
        places, firsts = torch.cat([joints, rest]), range(0, len(joints), BATCH)
        pictures = (self._generated(places[first : first + BATCH], None) for first in firsts)
        for first, frames in zip(firsts, read_behind(pictures), strict=True):
            count = min(BATCH, len(joints) - first)
            done(first + count)
            yield from frames[:count]

    def _with_memory(self, joints: Float[Tensor, "N 18 3"], done: Done) -> Iterator[Frame]:
        after: Frames | None = None  # the frames that continue the previous segment
        for edges in groups(len(joints)):
            segments = self._group(joints, edges, done)
            for frames, (start, end) in zip(segments, pairwise(edges), strict=True):
                count = end - start
                if after is not None:
                    frames[:BLEND] = blended(after, frames[:BLEND])
                yield from frames[:count]
                after = frames[count : count + BLEND]

    def _group(
        self, joints: Float[Tensor, "N 18 3"], edges: Sequence[int], done: Done
    ) -> UInt8[np.ndarray, "S L H W 3"]:
        """The frames of each segment between two edges, and BLEND frames after it."""
        starts, lengths = np.array(edges[:-1]), np.diff(edges)
        numbers = starts + np.arange(-WARM_UP, lengths.max() + BLEND)[:, None]  # (steps, S)
        numbers = numbers.clip(0, len(joints) - 1)
        steps = len(numbers)
        size = self.person.height_px, self.person.width_px
        frames = np.empty((len(starts), steps - WARM_UP, *size, 3), dtype=np.uint8)
        pictures = self._continued(joints[torch.from_numpy(numbers).to(joints.device)])
        for step, made in enumerate(read_behind(pictures)):
            if step >= WARM_UP:
                frames[:, step - WARM_UP] = made
            done(edges[0] + (edges[-1] - edges[0]) * (step + 1) // steps)
        return frames

    def _continued(self, joints: Float[Tensor, "L S 18 3"]) -> Iterator[Float[Tensor, "S 3 H W"]]:
        """Pictures of segments, frame by frame, each from the one before."""
        size = self.person.height_px, self.person.width_px
        previous = torch.zeros(joints.shape[1], 3, *size, device=joints.device)
        for places in joints:
            made = self._generated(places, previous)
            yield made
            previous = made

    def _generated(
        self, joints: Float[Tensor, "B 18 3"], previous: Float[Tensor, "B 3 H W"] | None
    ) -> Float[Tensor, "B 3 H W"]:
        """Pictures in [-1, 1], in as many forward passes as the memory requires."""
        while True:
            try:
                parts = [slice(first, first + self.batch) for first in range(0, len(joints), self.batch)]
                return torch.cat(
                    [self._forward(joints[part], None if previous is None else previous[part]) for part in parts]
                )
            except torch.cuda.OutOfMemoryError:
                if self.batch == 1:
                    raise
            self.batch = min(self.batch, len(joints)) // 2 or 1
            torch.cuda.empty_cache()

    @torch.inference_mode()
    def _forward(self, joints: Float[Tensor, "B 18 3"], previous: Tensor | None) -> Float[Tensor, "B 3 H W"]:
        person = self.person
        condition = draw_condition(joints, person.height_px, person.width_px, person.config)
        condition = condition.contiguous(memory_format=self.layout)
        plate = self._plate.expand(len(joints), -1, -1, -1)
        # Transposed convolutions have faster algorithms on a GPU whose sums depend on the order of threads.
        exact = torch.backends.cudnn.flags(enabled=True, deterministic=True)
        with exact, autocast("auto", condition):  # instance normalisation accumulates in float32 in either precision
            return person.generator(condition, previous, plate, joints).picture.float()

    def _pictures(self, frames: UInt8[Tensor, "N H W 3"]) -> Float[Tensor, "N 3 H W"]:
        return frames.to(self._device).permute(0, 3, 1, 2).float() / 127.5 - 1


def groups(count: int) -> Iterator[list[int]]:
    """The edges of the segments that are generated together: at most SEGMENTS of nearly equal length in each group."""
    segments = -(-count // SEGMENT_FRAMES)
    edges = [round(count * number / segments) for number in range(segments + 1)] if segments else []
    for first in range(0, segments, SEGMENTS):
        yield edges[first : first + SEGMENTS + 1]


def blended(before: UInt8[np.ndarray, "K H W 3"], after: UInt8[np.ndarray, "K H W 3"]) -> UInt8[np.ndarray, "K H W 3"]:
    """A cross-fade of K frames."""
    share = (np.arange(len(after), dtype=np.float32) + 1) / (len(after) + 1)
    mixed = before + share[:, None, None, None] * (after.astype(np.float32) - before)
    return np.rint(mixed).astype(np.uint8)


def read_behind(pictures: Iterable[Float[Tensor, "B 3 H W"]]) -> Iterator[UInt8[np.ndarray, "B H W 3"]]:
    """Pictures in [-1, 1] as bytes. A GPU makes the next ones while these are read: it is asked for them before."""
    waiting: _Copy | None = None
    for made in pictures:
        if waiting is not None:
            yield waiting.read()
        waiting = _Copy(made)
    if waiting is not None:
        yield waiting.read()


class _Copy:
    """A copy of pictures from a GPU, which follows the pictures there, and for which nobody waits yet."""

    def __init__(self, pictures: Float[Tensor, "B 3 H W"]) -> None:
        levels = ((pictures + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
        self._values = torch.empty(levels.shape, dtype=torch.uint8, pin_memory=levels.is_cuda)
        self._values.copy_(levels.contiguous(), non_blocking=True)
        self._made = torch.cuda.Event(blocking=True) if levels.is_cuda else None  # the waiting thread leaves its core
        if self._made is not None:
            self._made.record(torch.cuda.current_stream(levels.device))

    def read(self) -> UInt8[np.ndarray, "B H W 3"]:
        if self._made is not None:
            self._made.synchronize()
        return self._values.numpy()
