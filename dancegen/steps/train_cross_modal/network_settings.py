"""Networks of the cross-modal metric, one for music and one for dances, and their training."""

from typing import ClassVar

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from dancegen.config import Config
from dancegen.gan.settings import Share


class MusicTaggerConfig(Config):
    """A convolutional recurrent network (Choi et al., 2017): music to a feature vector and tags."""

    mel_bands: int = Field(default=48, ge=48, multiple_of=48)
    """Bands of the mel spectrum (96 as published). The convolutions reduce 48 bands to one."""
    channels: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = (16, 24, 32, 32)
    """Channels of the four convolutions ((64, 128, 128, 128) as published)."""
    hidden: PositiveInt = 32
    """Width of the recurrent network, and number of music features."""
    layers: PositiveInt = 2
    """Layers of the recurrent network."""
    dropout: Share = 0.1
    """Channel dropout of each convolution."""


class PoseMetricConfig(Config):
    """psi: embeds a dance on the unit sphere, where dances of one class are close to each other."""

    FORMER: ClassVar = {"glances": "attention_heads"}

    hidden: PositiveInt = 64
    """Width of the recurrent network, per direction."""
    motion_gain: PositiveFloat = 10.0
    """Factor on frame-to-frame differences, which are small relative to positions."""
    attention: PositiveInt = 32
    """Width of the attention layer over time."""
    attention_heads: PositiveInt = 4
    """Number of attention-weighted means over time."""
    widths: tuple[PositiveInt, PositiveInt] = (320, 320)
    """Widths of the fully connected layers."""
    size: PositiveInt = 128
    """Features per dance."""


class TaggerTrainingConfig(Config):
    """Training of the tagger: classification of category, tempo and playback of the recording."""

    epochs: PositiveInt = 20
    """Training epochs. The learning rate decays to 0 over them."""
    batch_size: PositiveInt = 16
    """Clips per update."""
    learning_rate: PositiveFloat = 2e-3
    """Initial learning rate of Adam."""
    tempo_bounds_bpm: tuple[PositiveFloat, ...] = Field(default=(90.0, 110.0, 130.0), min_length=1)
    """Boundaries between the tempo classes, in BPM."""
    changed_share: float = Field(default=0.5, gt=0, le=1)
    """Fraction of the clips that are played backward, faster or slower."""
    speed: float = Field(default=1.25, ge=1.05, le=2)
    """Speed factor of faster clips, in pitch and tempo; slower ones have its inverse. The network receives 1 / speed of
    a clip."""
    speed_jitter: Share = 0.03
    """Maximum relative deviation of a clip's speed from its class."""

    @field_validator("tempo_bounds_bpm")
    @classmethod
    def _grow(cls, bounds: tuple[float, ...]) -> tuple[float, ...]:
        if list(bounds) != sorted(set(bounds)):
            raise ValueError("bounds must be strictly increasing")
        return bounds


class PoseMetricTrainingConfig(Config):
    """Training of psi with the MMD-NCA loss on groups of dances."""

    updates: PositiveInt = 1000
    """Training updates. The learning rate decays to 0 over them."""
    groups: int = Field(default=7, ge=3)
    """Groups per update: the anchor, another of its class, and the others of other classes."""
    group_size: int = Field(default=25, ge=2)
    """Dances per group."""
    learning_rate: PositiveFloat = 1e-3
    """Initial learning rate of Adam."""
    joint_dropout: Share = 0.15
    """Fraction of the joints that are dropped for a whole clip, as in the output of estimators."""
