"""The training: examples -> network.

Axes used in shapes:
    B examples    H hops    M mel bands    F frames    A activations
"""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor
from torch.nn import functional

from dancegen.music.beat_network import HOPS_A_FRAME, BeatNetwork
from dancegen.music.spectrum import FLOOR_DB, FRAMES_A_SECOND
from dancegen.tools.train_beats.examples import Example

CROP_FRAMES = 1000
BATCH = 16
LEARNING_RATE, WARM_UP = 4e-3, 100
SPREAD_FRAMES = 1.5  # targets fall linearly to 0 at this distance from a beat
TRIPLE_WEIGHT = 0.2
QUIETER_DB, TILT_DB, FASTER = 25.0, 8.0, 0.15  # augmentation: lower levels, other equalizers, logarithm of the speed


class Training:
    """Updates of the network on random crops, with a learning rate that falls to 0 after `steps` of them."""

    def __init__(self, examples: list[Example], steps: int, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.examples, self.steps, self.done = examples, steps, 0
        self.network = BeatNetwork()
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=LEARNING_RATE, weight_decay=0.01)

    def step(self) -> float:
        """One update. Returns the loss."""
        rng = np.random.default_rng([self.done, 79])
        progress = self.done / self.steps
        rate = LEARNING_RATE * min(1.0, (self.done + 1) / WARM_UP) * 0.5 * (1 + np.cos(np.pi * progress))
        self.optimizer.param_groups[0]["lr"] = float(rate)
        bands, targets = batch(self.examples, rng)
        self.network.train()
        with torch.autocast("cpu", torch.bfloat16):
            logits = self.network(bands)
        value = loss(logits.float(), targets)
        self.optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.done += 1
        return float(value.detach())

    def save(self, path: Path) -> None:
        """Write the state, from which `load` continues."""
        parts = {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}
        torch.save({**parts, "done": self.done, "random": torch.get_rng_state()}, path)

    def load(self, path: Path) -> None:
        """Continue from a state."""
        state = torch.load(path, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.done = state["done"]
        torch.set_rng_state(state["random"])


def loss(logits: Float[Tensor, "B F A"], targets: Float[Tensor, "B F A"]) -> Float[Tensor, ""]:
    """Binary cross-entropy; the triple division counts only where there is a beat (its target is not NaN)."""
    beats = functional.binary_cross_entropy_with_logits(logits[..., :2], targets[..., :2])
    known = ~targets[..., 2].isnan()
    triple = functional.binary_cross_entropy_with_logits(logits[..., 2][known], targets[..., 2][known])
    return beats + TRIPLE_WEIGHT * triple if known.any() else beats


def batch(examples: list[Example], rng: np.random.Generator) -> tuple[Float[Tensor, "B H M"], Float[Tensor, "B F A"]]:
    """Random crops of random examples, at other levels and through other equalizers."""
    chosen = rng.integers(len(examples), size=BATCH)
    crops = [_crop(examples[index], rng) for index in chosen]
    bands, targets = (torch.from_numpy(np.stack(parts)) for parts in zip(*crops, strict=True))
    return bands, targets


def _crop(one: Example, rng: np.random.Generator) -> tuple[Float32[np.ndarray, "H M"], Float32[np.ndarray, "F A"]]:
    speed = float(np.exp(rng.uniform(-FASTER, FASTER))) if rng.random() < 0.5 else 1.0
    first = int(rng.integers(len(one.bands) // HOPS_A_FRAME - int(CROP_FRAMES * speed)))
    hops = first * HOPS_A_FRAME + np.round(np.arange(CROP_FRAMES * HOPS_A_FRAME) * speed).astype(int)
    bands = one.bands[hops].astype(np.float32) * (FLOOR_DB / 255)
    tilt = np.interp(np.arange(bands.shape[1]), np.linspace(0, bands.shape[1] - 1, 5), rng.normal(0, TILT_DB / 2, 5))
    level = tilt - rng.uniform(0, QUIETER_DB) * (rng.random() < 0.5)
    bands = np.clip(bands + level.astype(np.float32), 0, FLOOR_DB) * (bands > 0)
    triple = one.triple[hops][::HOPS_A_FRAME]
    at = [(times * FRAMES_A_SECOND - first) / speed for times in (one.beats, one.downbeats)]
    return bands, np.stack([*map(targets, at), triple], axis=1)


def targets(at: np.ndarray) -> Float32[np.ndarray, " F"]:
    """1 at each beat, given its frame, falling to 0 at SPREAD_FRAMES."""
    found = np.zeros(CROP_FRAMES, np.float32)
    for offset in range(-2, 3):
        frames = np.round(at).astype(int) + offset
        inside = (frames >= 0) & (frames < CROP_FRAMES)
        value = np.maximum(0, 1 - np.abs(frames - at) / SPREAD_FRAMES)
        np.maximum.at(found, frames[inside], value[inside].astype(np.float32))
    return found
