"""The people of an evaluation: what the headers of their checkpoints state."""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dancegen import storage
from dancegen.checkpoints import header
from dancegen.checkpoints.identity import identity
from dancegen.errors import ConfigError
from dancegen.metrics.video.appearance import is_independent
from dancegen.renderer.perceptual_settings import PerceptualConfig
from dancegen.renderer.settings import RendererConfig
from dancegen.steps.evaluate_renderer.scores import REAL
from dancegen.steps.evaluate_renderer.settings import EvaluateRendererConfig
from dancegen.steps.train_renderer.frames import Summary

HASH_DIGITS = 16
NETWORK_METRICS = ("perceptual_box", "likeness", "frechet_clips")
OTHER_FRAMES = "was trained on another table of frames, or before it changed: frames of this split may be among them"


@dataclass(frozen=True)
class Rated:
    """A person whose frames are scored."""

    uri: str
    label: str
    checkpoint_hash: str
    about: dict[str, Any]
    """Header of the checkpoint."""
    biased: bool
    """Whether its training loss uses the network of the metrics."""
    note: str | None
    """What makes its scores unreliable."""


def rated(config: EvaluateRendererConfig, data: Summary) -> list[Rated]:
    """The people of the settings. Raises ConfigError for pictures of another size, or one model under two names."""
    found: list[Rated] = []
    for uri, label in zip(config.people, labels(config.people), strict=True):
        about = header.read(uri, header.PERSON)
        size, wanted = (about["width_px"], about["height_px"]), (data.width_px, data.height_px)
        if size != wanted:
            problem = f"generates pictures of {size[0]}x{size[1]} px, and the frames have {wanted[0]}x{wanted[1]} px."
            raise ConfigError(f"people={uri}", problem, f"Give a person trained on {config.frames}.")
        model = identity(storage.read_bytes(uri))[:HASH_DIGITS]
        if same := next((one.uri for one in found if one.checkpoint_hash == model), None):
            raise ConfigError(f"people={uri}", f"is the same model as {same}.", "Omit one of them.")
        note = OTHER_FRAMES if about.get("card", {}).get("data_hash") not in (None, data.data_hash) else None
        found.append(Rated(uri, label, model, about, _biased(config, about), note))
    return found


def labels(uris: Sequence[str]) -> list[str]:
    """Short distinct names of checkpoints: the parts of their URIs in which they differ."""
    paths = [[*posixpath.splitext(uri)[0].split("/")] for uri in uris]
    if len(paths) == 1:
        found = [paths[0][-1]]
    else:
        shortest = min(len(path) for path in paths)
        same = [len({path[number] for path in paths}) == 1 for number in range(shortest)]
        same_at_end = [len({path[-1 - number] for path in paths}) == 1 for number in range(shortest)]
        first, last = ((each.index(False) if False in each else shortest) for each in (same, same_at_end))
        found = ["-".join(path[first : len(path) - last]) for path in paths]
    found = [re.sub(r"[^\w.-]+", "-", label) for label in found]
    if "" in found or len({*found, REAL}) <= len(found):
        found = [f"{number}-{label}".rstrip("-") for number, label in enumerate(found, 1)]
    return found


def _biased(config: EvaluateRendererConfig, about: dict[str, Any]) -> bool:
    """Whether the loss of a person uses the network of the metrics; true when that is not known."""
    if RendererConfig.model_validate(about["settings"]).losses.perceptual == 0:
        return False
    loss = about.get("card", {}).get("settings", {}).get("perceptual")
    return loss is None or not is_independent(config.perceptual, PerceptualConfig.model_validate(loss))
