"""Settings of pretrain-perceptual: which network learns to see dances, on which clips, by which tasks."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat

from dancegen.config import Config, Output, Uri
from dancegen.engine.training.settings import TrainingRun
from dancegen.gan.settings import Share
from dancegen.perceptual.heldout_settings import HeldoutConfig
from dancegen.perceptual.stgcn_settings import STGCNConfig


class TasksConfig(Config):
    """What is done to clips for the network to find out. Lengths are in the network's coordinates."""

    active_share: float = Field(default=0.5, gt=0, le=1)
    """Share of each batch that one task asks about; all the other clips are as that task would leave a real dance."""
    pace: float = Field(default=1.4, ge=1.1, le=3)
    """How many times faster, or slower, another pace is. The network sees what is left: 1 / pace of a clip's frames."""
    pace_jitter: Share = 0.05
    """How far each clip's pace strays from its class."""
    shake: tuple[PositiveFloat, PositiveFloat] = (0.004, 0.03)
    """Standard deviation of the noise on each joint of a shaken dance, from - to (a torso is 0.25 in `body`)."""
    smooth_s: tuple[PositiveFloat, PositiveFloat] = (0.1, 0.3)
    """Standard deviation of the window that smooths a dance, from - to, in seconds."""
    joint_dropout: Share = 0.05
    """Share of the joints that go missing for a part of the clip, as estimators lose them."""
    mirror: bool = True
    """Show half of the clips mirrored."""


class PretrainPerceptualConfig(TrainingRun):
    """clips -> a network that sees what makes a dance look danced.

    It learns to tell the categories apart, where there are several, and what was done to a clip: did time run
    backward, were two parts swapped, was it slower or faster, shaken or smoothed, do the legs belong to the body.
    """

    output: Annotated[Uri, Output(inside=("{name}", "{kind}.safetensors"))] = "runs/perceptual"
    """Folder for the run: its checkpoints below the name, and the finished network, <kind>.safetensors."""
    kind: Literal["stgcn", "heldout"] = "stgcn"
    """`stgcn` is for the perceptual loss. `heldout` only measures: another architecture, learned from other songs."""
    heldout_song_share: Share = 0.5
    """Share of the training songs, chosen by a hash of their ids, that only `heldout` sees; `stgcn` sees the others."""
    stgcn: STGCNConfig = STGCNConfig()
    """The network of the perceptual loss. Its batch statistics are each worker's own while it learns."""
    heldout: HeldoutConfig = HeldoutConfig()
    """The held-out extractor."""
    tasks: TasksConfig = TasksConfig()
    """What is done to the clips."""
    epochs: int = Field(default=40, ge=1)
    """Times that every clip is seen. The learning rate falls to 0 over them, so a run cannot be made longer."""
    learning_rate: PositiveFloat = 2e-3
    """Adam's, at the start."""

    @property
    def network(self) -> STGCNConfig | HeldoutConfig:
        """The network that is trained."""
        return self.stgcn if self.kind == "stgcn" else self.heldout
