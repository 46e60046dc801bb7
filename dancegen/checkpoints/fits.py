"""Checks of whether a checkpoint fits the settings of a training or an evaluation, from its header."""

from collections.abc import Sequence
from typing import Any

from dancegen.errors import CheckpointError
from dancegen.gan.settings import DanceModelConfig
from dancegen.music.rhythm import RHYTHM_CHANNELS
from dancegen.perceptual.stgcn_settings import STGCNConfig
from dancegen.tokens.settings import TokensConfig

TRAIN_AS_BEFORE = "Train with the settings that it was trained with (model.*), or train from scratch."
TRAIN_TOKENS = "Train with base=configs/presets/tokens.yaml, or train from scratch."


def check_perceptual(uri: str, network: STGCNConfig, model: DanceModelConfig) -> None:
    """Raise CheckpointError unless the perceptual network expects dances like those that the dance model generates."""
    for name in ("normalization", "fps"):
        takes, makes = getattr(network, name), getattr(model, name)
        if takes != makes:
            problem = f"expects dances with {name} {takes!r}, but the dance model generates them with {makes!r}."
            remedy = (
                f"Train another and set perceptual=... to it: dancegen pretrain-perceptual stgcn.{name}={makes}, "
                "on matching clips."
            )
            raise CheckpointError(uri, problem, remedy)


def check_fine_tuning(uri: str, found: DanceModelConfig, channels: Sequence[str], wanted: DanceModelConfig) -> None:
    """Raise CheckpointError unless a dance model can be trained further with these settings.

    Another `generator.output` is accepted: tanh is close to the identity for real poses, and training adapts the rest.
    A model without styles or energy may get them: at first they change nothing.
    """
    shared = ("head", "fps", "normalization")
    for name in (*shared, "tokens") if wanted.head == "tokens" else (*shared, "norm", "rhythm", "generator"):
        theirs, ours = getattr(found, name), getattr(wanted, name)
        if name == "generator":
            theirs = theirs.model_copy(update={"output": ours.output, "style_dim": theirs.style_dim or ours.style_dim})
        if name == "tokens":
            theirs, ours = (_architecture(one.tokens) for one in (found, wanted))
            theirs["transformer"]["energy"] |= ours["transformer"]["energy"]
        if theirs != ours:
            remedy = TRAIN_TOKENS if name == "head" and found.head == "tokens" else TRAIN_AS_BEFORE
            raise CheckpointError(uri, f"was trained with {name} {theirs!r}, and not with {ours!r}.", remedy)
    if tuple(channels) != RHYTHM_CHANNELS:
        raise CheckpointError(uri, f"uses only the rhythm channels {', '.join(channels)}.", TRAIN_AS_BEFORE)


def _architecture(tokens: TokensConfig) -> dict[str, dict[str, Any]]:
    """The settings that decide on the weights' shapes."""
    return {
        "tokenizer": tokens.tokenizer.model_dump(include={"width", "blocks", "groups"}),
        "transformer": tokens.transformer.model_dump(
            include={"width", "blocks", "attention_heads", "mel_bands", "energy"}
        ),
    }


def check_consent(uri: str, consent: str) -> None:
    """Raise CheckpointError unless a person's checkpoint states a consent."""
    if not consent.strip():
        raise CheckpointError(
            uri, "states no consent of the person.", "Train it again, with the consent in its settings."
        )


def check_measures(name: str, takes: tuple[str, float], measured: tuple[str, float], exactly: bool = False) -> None:
    """Raise CheckpointError unless network `name` takes dances of this normalization and these poses per second.

    Unless `exactly`, the dances may have a multiple of the network's poses per second: it sees every second pose, or
    every third one.
    """
    times = measured[1] / takes[1]
    if takes[0] != measured[0] or times != (1 if exactly else max(round(times), 1)):
        problem = f"expects dances of {_formatted(takes)}, but those to measure are of {_formatted(measured)}."
        raise CheckpointError(f"the {name} network", problem, f"Set {name}=... to another network.")


def _formatted(dances: tuple[str, float]) -> str:
    return f"{dances[0]!r} at {dances[1]:g} poses per second"
