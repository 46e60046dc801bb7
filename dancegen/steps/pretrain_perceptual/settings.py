"""Settings of pretrain-perceptual: network, clips and pretext tasks."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, PositiveFloat

from dancegen.config import Config, InputUri, Output, Uri
from dancegen.engine.training.settings import TrainingRun
from dancegen.gan.settings import Share
from dancegen.perceptual.heldout_settings import HeldoutConfig
from dancegen.perceptual.stgcn_settings import STGCNConfig


class TasksConfig(Config):
    """Clip modifications that the network is trained to classify. Lengths are in the network's coordinates."""

    FORMER: ClassVar = {"shake": "jitter_std"}

    active_share: float = Field(default=0.5, gt=0, le=1)
    """Fraction of each batch that each task labels; the task treats all other clips as unmodified."""
    pace: float = Field(default=1.4, ge=1.1, le=3)
    """Speed factor of faster clips; slower ones have its inverse. The network receives 1 / pace of a clip's frames."""
    pace_jitter: Share = 0.05
    """Maximum relative deviation of a clip's pace from its class."""
    jitter_std: tuple[PositiveFloat, PositiveFloat] = (0.004, 0.03)
    """Range of the standard deviation of the noise on each joint of a dance with jitter (a torso is 0.25 in `body`)."""
    smooth_s: tuple[PositiveFloat, PositiveFloat] = (0.1, 0.3)
    """Range of the standard deviation of the window that smooths a dance, in seconds."""
    joint_dropout: Share = 0.05
    """Fraction of the joints that are dropped for a part of the clip, as in the output of estimators."""
    mirror: bool = True
    """Mirror half of the clips."""


class PretrainPerceptualConfig(TrainingRun):
    """Train the feature extractor of the perceptual loss, or the held-out one, on clips.

    It is trained to classify the categories, where there are several, and the modification of a clip: reversed time,
    two swapped parts, slower or faster pace, joints with jitter or smoothing, or the legs of another dancer.
    """

    clips: InputUri = "data/clips"
    """Table of clips, from cut-clips."""
    output: Annotated[Uri, Output(inside=("{name}", "{kind}.safetensors"))] = "runs/perceptual"
    """Folder of the run: its checkpoints below the name, and the final network, <kind>.safetensors."""
    kind: Literal["stgcn", "heldout"] = "stgcn"
    """`stgcn` is for the perceptual loss. `heldout` is for evaluation only: a different architecture, trained on
    different songs."""
    heldout_song_share: Share = 0.5
    """Fraction of the training songs, sampled by a hash of their ids, for `heldout` only; `stgcn` is trained on the
    others."""
    stgcn: STGCNConfig = STGCNConfig()
    """The network of the perceptual loss. Its batch statistics are per worker during training."""
    heldout: HeldoutConfig = HeldoutConfig()
    """The held-out extractor."""
    tasks: TasksConfig = TasksConfig()
    """Pretext tasks."""
    epochs: int = Field(default=40, ge=1)
    """Training epochs. The learning rate decays to 0 over them, so a run cannot be extended."""
    learning_rate: PositiveFloat = 2e-3
    """Initial learning rate of Adam."""

    @property
    def network(self) -> STGCNConfig | HeldoutConfig:
        """Settings of the network that is trained."""
        return self.stgcn if self.kind == "stgcn" else self.heldout
