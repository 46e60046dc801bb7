"""Cross-modal metric of the consistency of dance and music: the trained metric, in one file.

Two networks, and a dictionary of training songs with psi of their real dances. `fit` trains one.

Axes used in shapes:
    B clips    S samples    T frames    J joints    N clips of the dictionary    E music features    M dance features
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn

from dancegen.checkpoints import weights_file
from dancegen.checkpoints.header import CROSS_MODAL, UNFIT, unfit
from dancegen.steps.train_cross_modal import music_classes as metric
from dancegen.steps.train_cross_modal.music_tagger import MusicTagger
from dancegen.steps.train_cross_modal.onnx_tagger import OnnxTagger
from dancegen.steps.train_cross_modal.pose_metric import PoseMetric
from dancegen.steps.train_cross_modal.settings import TrainCrossModalConfig

TAGGER, ONNX, PSI, DICTIONARY = "tagger.", "onnx_tagger", "pose_metric.", "dictionary."
EMBED_CLIPS = 64  # batch size of inference


@runtime_checkable
class Tagger(Protocol):
    """Embeds music as one vector."""

    def embed(self, audio: Float[Tensor, "B S"]) -> Float[Tensor, "B E"]:
        """One vector per clip of mono audio at 16 kHz."""
        ...


@dataclass(frozen=True)
class Dictionary:
    """The training songs with embeddings of their music and dances. Clips are in no particular order."""

    songs: tuple[str, ...]
    classes: Int64[np.ndarray, " songs"]
    """Class of each song; songs of one class sound alike."""
    song: Int64[np.ndarray, " N"]
    """Song of each clip."""
    music: Float32[np.ndarray, "N E"]
    dances: Float32[np.ndarray, "N M"]
    """psi of the real dances."""


class CrossModal:
    """The trained metric: two networks, and the dictionary of training songs."""

    def __init__(
        self,
        config: TrainCrossModalConfig,
        fps: float,
        tagger: Tagger,
        pose_metric: PoseMetric,
        dictionary: Dictionary,
        card: dict[str, Any],
    ) -> None:
        self.config, self.fps, self.dictionary, self.card = config, fps, dictionary, card
        self.tagger, self.pose_metric = tagger, pose_metric.eval().requires_grad_(False)
        if isinstance(tagger, nn.Module):
            tagger.eval().requires_grad_(False)

    def to(self, device: torch.device | str) -> "CrossModal":
        """The metric, with its networks moved to a device."""
        if isinstance(self.tagger, nn.Module):
            self.tagger.to(device)
        self.pose_metric.to(device)
        return self

    def nearest(self, sound: Float[Tensor, "B S"]) -> Int64[np.ndarray, " B"]:
        """The clip of the dictionary for each piece of music: the nearest clip of the nearest song."""
        known = self.dictionary
        return metric.retrieve(embed_music(self.tagger, sound), known.music, known.song, len(known.songs))

    def references(self, sound: Float[Tensor, "B S"]) -> Float32[np.ndarray, "B M"]:
        """psi of the real dance to the nearest training song, for each piece of music: the reference of dances to it.

        Music is mono at 16 kHz.
        """
        return self.dictionary.dances[self.nearest(sound)]

    def psi(self, pose: Float[Tensor, "B T J 2"], mask: Float[Tensor, "B T J"]) -> Float32[np.ndarray, "B M"]:
        """psi of dances, in the coordinates and at the rate that the metric was trained for."""
        return embed_dances(self.pose_metric, pose, mask)

    def save(self, path: Path) -> None:
        """Write the metric as one safetensors file, atomically."""
        known = self.dictionary
        about: dict[str, Any] = {
            "settings": self.config.model_dump(mode="json"),
            "fps": self.fps,
            "songs": known.songs,
            "card": self.card,
        }
        if isinstance(self.tagger, MusicTagger):
            about["questions"] = self.tagger.classes
            tagger = _named(TAGGER, self.tagger.state_dict())
        else:
            assert isinstance(self.tagger, OnnxTagger)
            tagger = {ONNX: torch.frombuffer(bytearray(self.tagger.content), dtype=torch.uint8)}
        arrays = {"classes": known.classes, "song": known.song, "music": known.music, "dances": known.dances}
        weights = {
            **tagger,
            **_named(PSI, self.pose_metric.state_dict()),
            **_named(DICTIONARY, {name: torch.from_numpy(array) for name, array in arrays.items()}),
        }
        weights_file.write(path, CROSS_MODAL, about, weights, half=False)

    @classmethod
    def load(cls, path: Path) -> "CrossModal":
        """The metric of a file. Raises CheckpointError if it is missing, damaged or of another kind."""
        about, tensors = weights_file.read(path, CROSS_MODAL)
        try:
            config = TrainCrossModalConfig.model_validate(about["settings"])
            pose_metric = weights_file.fill(PoseMetric(config.pose_metric), _of(PSI, tensors))
            arrays = {name: tensor.numpy() for name, tensor in _of(DICTIONARY, tensors).items()}
            dictionary = Dictionary(
                tuple(about["songs"]), arrays["classes"], arrays["song"], arrays["music"], arrays["dances"]
            )
            tagger = _tagger(path, config, about, tensors)
            return cls(config, about["fps"], tagger, pose_metric, dictionary, about["card"])
        except UNFIT as error:
            raise unfit(str(path), error, CROSS_MODAL) from error


def load_tagger(path: Path) -> Tagger:
    """The tagger of an existing metric (.safetensors), or any network in ONNX.

    Raises CheckpointError for a file that is neither.
    """
    if path.suffix == ".onnx":
        return OnnxTagger(str(path), path.read_bytes())
    return CrossModal.load(path).tagger


@torch.no_grad()
def embed_music(tagger: Tagger, sound: Float[Tensor, "B S"]) -> Float32[np.ndarray, "B E"]:
    """Embedding of each piece of music by the tagger."""
    device = next(tagger.parameters()).device if isinstance(tagger, nn.Module) else torch.device("cpu")
    return np.concatenate([tagger.embed(part.to(device)).float().cpu().numpy() for part in sound.split(EMBED_CLIPS)])


@torch.no_grad()
def embed_dances(
    pose_metric: PoseMetric, pose: Float[Tensor, "B T J 2"], mask: Float[Tensor, "B T J"]
) -> Float32[np.ndarray, "B M"]:
    """psi of each dance."""
    device = next(pose_metric.parameters()).device
    parts = zip(pose.float().split(EMBED_CLIPS), mask.split(EMBED_CLIPS), strict=True)
    return np.concatenate([pose_metric(one.to(device), there.to(device)).cpu().numpy() for one, there in parts])


def _tagger(path: Path, config: TrainCrossModalConfig, about: Mapping[str, Any], tensors: dict[str, Tensor]) -> Tagger:
    if ONNX in tensors:
        return OnnxTagger(str(path), tensors[ONNX].numpy().tobytes())
    return weights_file.fill(MusicTagger(config.tagger, about["questions"]), _of(TAGGER, tensors))


def _named(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in tensors.items()}


def _of(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
