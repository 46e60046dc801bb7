"""Whether the checkpoints that a step's settings name fit them and one another, by their headers alone.

Checked before torch is loaded and Ray is started. What a header cannot tell is checked when the weights are loaded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import ValidationError

from dancegen import storage
from dancegen.checkpoints import header
from dancegen.checkpoints.fits import check_can_go_on, check_same, check_sees
from dancegen.checkpoints.header import CROSS_MODAL, DANCE, HELDOUT, PERCEPTUAL
from dancegen.config import Config
from dancegen.gan.settings import DanceModelConfig
from dancegen.perceptual.heldout_settings import HeldoutConfig
from dancegen.perceptual.stgcn_settings import STGCNConfig
from dancegen.steps.evaluate.settings import EvaluateConfig
from dancegen.steps.render.settings import PictureConfig
from dancegen.steps.search.settings import SearchConfig, merged, nested
from dancegen.steps.train_cross_modal.settings import TrainCrossModalConfig
from dancegen.steps.train_dance.settings import TrainDanceConfig

SETTINGS: dict[str, Callable[[dict[str, Any]], Any]] = {
    DANCE: header.dance_settings,
    PERCEPTUAL: lambda about: STGCNConfig.model_validate(about["settings"]),
    HELDOUT: lambda about: HeldoutConfig.model_validate(about["settings"]),
    CROSS_MODAL: lambda about: TrainCrossModalConfig.model_validate(about["settings"]),
}


@dataclass(frozen=True)
class Found:
    """What a checkpoint says of itself."""

    uri: str
    about: dict[str, Any]
    settings: Any

    @property
    def sees(self) -> tuple[str, float]:
        """Which dances it sees or makes: their normalization, and poses a second."""
        return self.settings.normalization, self.about["fps"]


Reader = Callable[[str | None, str], Found | None]
"""From what a setting names, if anything, and the kind."""


def check(settings: Config, here: bool = True) -> None:
    """Raise CheckpointError unless every checkpoint that the settings name can be used with them.

    With `here` false, the named files are another machine's: only those that come with dancegen are examined.
    """
    read = partial(_read, here=here)
    match settings:
        case TrainDanceConfig():
            _train_dance(settings, read)
        case SearchConfig():
            _search(settings, read)
        case EvaluateConfig():
            _evaluate(settings, read)
        case TrainCrossModalConfig(tagger_weights=str(uri)) if storage.suffix(uri) != ".onnx":
            read(uri, CROSS_MODAL)
        case PictureConfig():
            read(settings.checkpoint, DANCE)


def _train_dance(config: TrainDanceConfig, read: Reader) -> None:
    if config.model.losses.perceptual and (network := read(config.perceptual, PERCEPTUAL)):
        check_sees(network.uri, network.settings, config.model)
    if config.start and (start := read(config.start, DANCE)):
        check_can_go_on(start.uri, start.settings, start.about.get("rhythm_channels", []), config.model)


def _search(config: SearchConfig, read: Reader) -> None:
    lowest = nested({name: low for name, (low, _) in config.space.items()})
    for changes in config.rows.values() or [lowest]:
        model = DanceModelConfig.model_validate(merged(config.train.model.model_dump(), changes))
        _train_dance(config.train.model_copy(update={"model": model}), read)
        if config.rows:  # each is measured by `evaluate` in the end
            _measures(config.train.perceptual, config, (model.normalization, model.fps), read)


def _evaluate(config: EvaluateConfig, read: Reader) -> None:
    model = None if config.dances else read(config.checkpoint, DANCE)
    _measures(config.perceptual, config, model and model.sees, read)


def _measures(
    perceptual: str | None, others: EvaluateConfig | SearchConfig, measured: tuple[str, float] | None, read: Reader
) -> None:
    """The networks that `evaluate` looks at dances with: all see those that are measured, or at least the same."""
    named = (("perceptual", perceptual, PERCEPTUAL), ("heldout", others.heldout, HELDOUT))
    for name, uri, kind in (*named, ("cross_modal", others.cross_modal, CROSS_MODAL)):
        if (uri or kind == PERCEPTUAL) and (network := read(uri, kind)):
            measured = measured or network.sees
            check_same(name, network.sees, measured)


def _read(uri: str | None, kind: str, here: bool) -> Found | None:
    if uri is not None and not here:
        return None
    place = uri or str(header.SHIPPED[kind])
    about = header.read(place, kind)
    try:
        return Found(place, about, SETTINGS[kind](about))
    except (ValidationError, KeyError) as error:
        raise header.unfit(place, error, kind) from error
