"""Whether a checkpoint fits the settings of a training or an evaluation, told by what its header says."""

from collections.abc import Sequence

from dancegen.errors import CheckpointError
from dancegen.gan.settings import DanceModelConfig
from dancegen.music.rhythm import RHYTHM_CHANNELS
from dancegen.perceptual.stgcn_settings import STGCNConfig

GO_ON = "Train with the settings that it was trained with (model.*), or start anew."


def check_sees(uri: str, network: STGCNConfig, model: DanceModelConfig) -> None:
    """Raise unless a network of the perceptual loss sees dances as the dance model makes them."""
    for name in ("normalization", "fps"):
        sees, makes = getattr(network, name), getattr(model, name)
        if sees != makes:
            problem = f"sees dances of {name} {sees!r}, and the dance model makes them of {makes!r}."
            remedy = (
                f"Train another and name it with perceptual=...: dancegen pretrain-perceptual stgcn.{name}={makes}, "
                "on clips that fit."
            )
            raise CheckpointError(uri, problem, remedy)


def check_can_go_on(uri: str, found: DanceModelConfig, channels: Sequence[str], wanted: DanceModelConfig) -> None:
    """Raise unless the training of a dance model can go on with these settings.

    Another `generator.output` is accepted: tanh is near the identity where real poses are, and training does the rest.
    """
    for name in ("fps", "normalization", "norm", "rhythm", "generator"):
        theirs, ours = getattr(found, name), getattr(wanted, name)
        if name == "generator":
            theirs = theirs.model_copy(update={"output": ours.output})
        if theirs != ours:
            raise CheckpointError(uri, f"was trained with {name} {theirs!r}, and not with {ours!r}.", GO_ON)
    if tuple(channels) != RHYTHM_CHANNELS:
        raise CheckpointError(uri, f"hears only {', '.join(channels)} in the rhythm.", GO_ON)


def check_same(name: str, sees: tuple[str, float], measured: tuple[str, float]) -> None:
    """Raise unless what the setting `name` names sees the dances to measure: their normalization and poses a second."""
    if sees != measured:
        problem = f"sees dances of {_told(sees)}, and those to measure are of {_told(measured)}."
        raise CheckpointError(f"the {name} network", problem, f"Name another: {name}=...")


def _told(seen: tuple[str, float]) -> str:
    return f"{seen[0]!r} at {seen[1]:g} poses a second"
