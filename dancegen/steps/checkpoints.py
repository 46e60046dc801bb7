"""Check of the headers of a step's checkpoints against its settings and each other.

Runs before torch is loaded and Ray is started. Everything not in a header is checked when the weights are loaded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from dancegen import storage
from dancegen.checkpoints import header
from dancegen.checkpoints.fits import check_consent, check_fine_tuning, check_measures, check_perceptual
from dancegen.checkpoints.header import CROSS_MODAL, DANCE, HELDOUT, PERCEPTUAL, PERSON
from dancegen.config import Config
from dancegen.gan import styles
from dancegen.gan.settings import DanceModelConfig
from dancegen.perceptual.heldout_settings import HeldoutConfig
from dancegen.perceptual.stgcn_settings import STGCNConfig
from dancegen.renderer.settings import RendererConfig
from dancegen.steps.evaluate.settings import EvaluateConfig
from dancegen.steps.evaluate_renderer.settings import EvaluateRendererConfig
from dancegen.steps.render.looks.sizes import person_size
from dancegen.steps.render.settings import PictureConfig
from dancegen.steps.search.settings import SearchConfig, merged, nested
from dancegen.steps.train_cross_modal.settings import TrainCrossModalConfig
from dancegen.steps.train_dance.settings import TrainDanceConfig

SETTINGS: dict[str, Callable[[dict[str, Any]], Any]] = {
    DANCE: header.dance_settings,
    PERCEPTUAL: lambda about: STGCNConfig.model_validate(about["settings"]),
    HELDOUT: lambda about: HeldoutConfig.model_validate(about["settings"]),
    CROSS_MODAL: lambda about: TrainCrossModalConfig.model_validate(about["settings"]),
    PERSON: lambda about: PersonPictures.model_validate({name: about[name] for name in PersonPictures.model_fields}),
}


class PersonPictures(Config):
    """What the header of a person's checkpoint says about the pictures."""

    settings: RendererConfig
    """Settings of the networks."""
    width_px: int
    """Width of the pictures."""
    height_px: int
    """Height of the pictures."""
    consent: str
    """Consent of the person."""


@dataclass(frozen=True)
class Found:
    """Header of a checkpoint."""

    uri: str
    about: dict[str, Any]
    settings: Any

    @property
    def takes(self) -> tuple[str, float]:
        """Normalization and poses per second of the dances that it takes as input or generates."""
        return self.settings.normalization, self.about["fps"]


Reader = Callable[[str | None, str], Found | None]
"""Reads a header, given the URI in the setting, or None, and the kind of checkpoint."""


def check(settings: Config, here: bool = True) -> None:
    """Raise CheckpointError unless every checkpoint in the settings can be used with them, ConfigError for a style that
    the dance model does not have.

    With `here` false, the files are on another machine: only the checkpoints shipped with dancegen are checked.
    """
    read = partial(_read, here=here)
    match settings:
        case TrainDanceConfig():
            _train_dance(settings, read)
        case SearchConfig():
            _search(settings, read)
        case EvaluateConfig():
            _evaluate(settings, read)
        case EvaluateRendererConfig():
            for uri in settings.people:
                if person := read(uri, PERSON):
                    check_consent(person.uri, person.settings.consent)
        case TrainCrossModalConfig(tagger_weights=str(uri)) if storage.suffix(uri) != ".onnx":
            read(uri, CROSS_MODAL)
        case PictureConfig():
            if model := read(settings.checkpoint, DANCE):
                styles.check(settings.style, header.dance_styles(model.about, model.uri))
            if settings.person:
                _person(settings, read)


def _train_dance(config: TrainDanceConfig, read: Reader) -> None:
    uses = config.model.head == "gan" and config.model.losses.perceptual
    if uses and (network := read(config.perceptual, PERCEPTUAL)):
        check_perceptual(network.uri, network.settings, config.model)
    if config.init_from and (start := read(config.init_from, DANCE)):
        check_fine_tuning(start.uri, start.settings, start.about.get("rhythm_channels", []), config.model)


def _search(config: SearchConfig, read: Reader) -> None:
    lowest = nested({name: low for name, (low, _) in config.space.items()})
    for changes in config.ablation.values() or [lowest]:
        model = DanceModelConfig.model_validate(merged(config.train.model.model_dump(), changes))
        _train_dance(config.train.model_copy(update={"model": model}), read)
        if config.ablation:  # each row is scored by `evaluate` at the end
            _measures(config.train.perceptual, config, (model.normalization, model.fps), read)


def _evaluate(config: EvaluateConfig, read: Reader) -> None:
    model = None if config.dances else read(config.checkpoint, DANCE)
    _measures(config.perceptual, config, model and model.takes, read)


def _person(config: PictureConfig, read: Reader) -> None:
    if person := read(config.person, PERSON):
        check_consent(person.uri, person.settings.consent)
        person_size(config, (person.settings.width_px, person.settings.height_px))


def _measures(
    perceptual: str | None, others: EvaluateConfig | SearchConfig, measured: tuple[str, float] | None, read: Reader
) -> None:
    """Check that all networks of `evaluate` take the measured dances as input, or at least the same kind of dances."""
    named = (("perceptual", perceptual, PERCEPTUAL), ("heldout", others.heldout, HELDOUT))
    for name, uri, kind in (*named, ("cross_modal", others.cross_modal, CROSS_MODAL)):
        if (uri or kind == PERCEPTUAL) and (network := read(uri, kind)):
            measured = measured or network.takes
            check_measures(name, network.takes, measured, exactly=kind == CROSS_MODAL)


def _read(uri: str | None, kind: str, here: bool) -> Found | None:
    if uri is not None and not here:
        return None
    place = uri or str(header.SHIPPED[kind])
    about = header.read(place, kind)
    try:
        return Found(place, about, SETTINGS[kind](about))
    except header.UNFIT as error:
        raise header.unfit(place, error, kind) from error
