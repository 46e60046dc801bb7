"""What the cross-modal metric is made of: a network that hears music, one that sees dances, and how both are taught."""

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from dancegen.config import Config
from dancegen.gan.settings import Share


class MusicTaggerConfig(Config):
    """A convolutional recurrent network (Choi et al., 2017): music to one vector, and to tags."""

    mel_bands: int = Field(default=48, ge=48, multiple_of=48)
    """Bands of the mel spectrum (96 as published). The convolutions leave one of every 48."""
    channels: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = (16, 24, 32, 32)
    """Channels of the four convolutions ((64, 128, 128, 128) as published)."""
    hidden: PositiveInt = 32
    """Width of the recurrent network, and features of the music."""
    layers: PositiveInt = 2
    """Layers of the recurrent network."""
    dropout: Share = 0.1
    """Share of the channels that each convolution drops while training."""


class PoseMetricConfig(Config):
    """psi: a dance to a point on a sphere, where dances of one class are near one another."""

    hidden: PositiveInt = 64
    """Width of the recurrent network, each way."""
    motion_gain: PositiveFloat = 10.0
    """What steps from frame to frame are multiplied by: they are small beside positions."""
    attention: PositiveInt = 32
    """Width of the layer that weighs moments."""
    glances: PositiveInt = 4
    """Weighted means over time that are taken of a dance."""
    widths: tuple[PositiveInt, PositiveInt] = (320, 320)
    """Widths of the layers behind them."""
    size: PositiveInt = 128
    """Features of a dance."""


class TaggerTrainingConfig(Config):
    """How the tagger is taught: by category, tempo, and how the recording was played."""

    epochs: PositiveInt = 20
    """Times that every clip is heard. The learning rate falls to 0 over them."""
    batch_size: PositiveInt = 16
    """Clips of one update."""
    learning_rate: PositiveFloat = 2e-3
    """Adam's, at the start."""
    tempo_bounds_bpm: tuple[PositiveFloat, ...] = Field(default=(90.0, 110.0, 130.0), min_length=1)
    """Where one class of tempo ends and the next begins."""
    changed_share: float = Field(default=0.5, gt=0, le=1)
    """Share of the clips that are played backward, faster or slower."""
    speed: float = Field(default=1.25, ge=1.05, le=2)
    """How many times faster, or slower: in pitch and in pace, as a record is. What is heard is 1 / speed of a clip."""
    speed_jitter: Share = 0.03
    """How far each clip's speed strays from its class."""

    @field_validator("tempo_bounds_bpm")
    @classmethod
    def _grow(cls, bounds: tuple[float, ...]) -> tuple[float, ...]:
        if list(bounds) != sorted(set(bounds)):
            raise ValueError("bounds must grow")
        return bounds


class PoseMetricTrainingConfig(Config):
    """How psi is taught: by the MMD-NCA loss, on groups of dances."""

    updates: PositiveInt = 1000
    """Updates. The learning rate falls to 0 over them."""
    groups: int = Field(default=7, ge=3)
    """Groups of one update: the anchor, another of its class, and the others of other classes."""
    group_size: int = Field(default=25, ge=2)
    """Dances of a group."""
    learning_rate: PositiveFloat = 1e-3
    """Adam's, at the start."""
    joint_dropout: Share = 0.15
    """Share of the joints that go missing for a whole clip, as estimators lose them."""
