"""Architecture and training of the dance model. Defaults are ours; `PAPER` is the published recipe.

The recipe is Ren et al., "Self-supervised Dance Video Synthesis Conditioned on Music" (ACM MM 2020).
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from dancegen.config import Config
from dancegen.tokens.settings import TokensConfig

Norm = Literal["batch", "layer"]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]


class AudioEncoderConfig(Config):
    """Audio to music features: a code for the audio of each frame, then a recurrent network over time."""

    FORMER: ClassVar = {"hears": "input"}

    input: Literal["mel", "waveform"] = "mel"
    """Source of the code of a frame: the loudness of mel bands, or the published convolutions of the waveform, which
    have to be trained to resolve pitch first."""
    mel_bands: PositiveInt = 48
    """Bands of the mel spectrum (mel)."""
    channels: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = (16, 32, 64, 128)
    """Channels of the first four convolutions (waveform)."""
    code: PositiveInt = 128
    """Features of a frame's code; with waveform, channels of the last convolution."""
    hidden: PositiveInt = 128
    """Width of the recurrent network, per direction."""
    layers: PositiveInt = 2
    """Layers of the recurrent network."""
    size: PositiveInt = 128
    """Output features per frame."""
    loudness: bool = True
    """Give the recurrent network the loudness of each frame, which normalisation over the frame removes."""


class GeneratorConfig(Config):
    """Generates a dance from music features, rhythm and noise."""

    FORMER: ClassVar = {"noise": "noise_dim"}

    audio: AudioEncoderConfig = AudioEncoderConfig()
    noise_dim: PositiveInt = 24
    """Noise channels: size of the latent code that distinguishes dances to the same music (10 as published)."""
    noise_std: PositiveFloat = 0.33
    """Standard deviation of the noise."""
    noise_memory_frames: NonNegativeFloat | None = None
    """Correlation time of the noise, in frames; null samples it once per dance, 0 at every frame (as published)."""
    phrase_latents: bool = True
    """A latent code for each phrase of the song, the same where the music repeats; otherwise one for the whole dance.
    It applies with `rhythm: true` and `noise_memory_frames: null`."""
    seed_frames: NonNegativeInt = 5
    """Initial frames that may be given, so that a dance continues a previous one (0 as published)."""
    rhythm_harmonics: PositiveInt = 4
    """Harmonics of each rhythm phase that the decoder receives: the fourth of an eight-bar phrase has a period of two
    bars, the length of a move. 1 gives the phases only."""
    style_dim: NonNegativeInt = 16
    """Channels of the embedding of the dance's style, which is the category of the clip; 0: the model has no styles."""
    width: PositiveInt = 512
    """Hidden width of the decoder."""
    blocks: PositiveInt = 3
    """Residual blocks of the decoder."""
    time_kernel_frames: PositiveInt = 9
    """Kernel size of a residual block over time, in frames (odd); 1 is the published decoder, frame by frame."""
    dropout: Share = 0.0
    """Dropout of the decoder's last hidden features (0.5 as published). It is sampled per frame, so its velocity error
    grows with the size of a movement, which reduces the motion amplitude."""
    output: Literal["kinematic", "linear", "tanh"] = "kinematic"
    """Output of the decoder. `kinematic` gives a root path and the directions of bones of bounded length, and joints
    follow by forward kinematics, so that every pose is a body; with `normalization: camera` it is `linear`. `linear`
    and the published `tanh` give the joints' coordinates; joints at the edge of tanh's range have no gradient."""

    @property
    def planned(self) -> bool:
        """Whether each phrase has a latent code of its own."""
        return self.phrase_latents and self.noise_memory_frames is None


class NoiseEncoderConfig(Config):
    """Encodes a real dance to a posterior over the noise, so that the generator uses its noise.

    Without it the noise has no influence on the reconstruction losses and is soon ignored (cVAE-GAN: Larsen et al.,
    2016; Zhu et al., "Toward Multimodal Image-to-Image Translation", 2017). It is used in training only.
    """

    FORMER: ClassVar = {"free_tone_db": "free_eq_db"}

    channels: PositiveInt = 24
    """Channels of the first convolution (the pose branch is that of the global discriminator)."""
    joint_features: PositiveInt = 16
    """Features per joint after the second convolution."""
    motion_gain: PositiveFloat = 10.0
    """Factor on frame-to-frame differences."""
    hidden: PositiveInt = 256
    """Width of the last hidden layer."""
    free_nats: NonNegativeFloat = 1.0
    """Free bits per noise channel, in nats (not penalised by noise_kl); prevents posterior collapse."""
    free_share: Share = 0.25
    """Fraction of the clips with noise from the prior and out-of-distribution audio: another clip's audio mixed in, and
    a strong equaliser. Only the discriminators judge them, so that motion to unseen music keeps its amplitude."""
    free_eq_db: NonNegativeFloat = 18.0
    """Standard deviation of that equaliser, in dB (see `eq_augment_db`)."""


class LocalDiscriminatorConfig(Config):
    """Scores short windows of a dance for realistic human motion, one score per window."""

    window_frames: int = Field(default=5, ge=4)
    """Length of a window, in frames."""
    stride_frames: PositiveInt = 3
    """Stride between windows, in frames."""
    channels: PositiveInt = 16
    """Channels of the first convolution; the others follow from it (64 as published)."""
    joint_features: PositiveInt = 16
    """Features per joint after the second convolution."""
    motion_gain: PositiveFloat = 40.0
    """Factor on frame-to-frame differences, which are small relative to positions (1 as published)."""
    hidden: PositiveInt = 128
    """Width of the last hidden layer."""
    dropout: Share = 0.0
    """Dropout rate."""


class GlobalDiscriminatorConfig(Config):
    """Scores the consistency of a whole clip with its music, one score per clip."""

    audio: AudioEncoderConfig = AudioEncoderConfig(channels=(8, 16, 32, 64), code=64, hidden=64, layers=1)
    channels: PositiveInt = 24
    """Channels of the first convolution of the pose branch (64 as published)."""
    joint_features: PositiveInt = 16
    """Features per joint after the second convolution."""
    motion_gain: PositiveFloat = 10.0
    """Factor on frame-to-frame differences, which are small relative to positions (1 as published)."""
    hidden: PositiveInt = 256
    """Width of the pose branch's hidden layer."""
    comparison: Literal["projection", "convolution"] = "projection"
    """Comparison of dance and music: with an added inner product, or by the published convolution alone, which is
    linear and so cannot detect whether the two match."""
    attention: PositiveInt = 20
    """Width of the self-attention that pools the music over time."""
    dropout: Share = 0.0
    """Dropout rate."""


SECOND_STAGE = ("adversarial_local", "adversarial_global", "feature_matching", "perceptual")
"""Losses that are active from `adversarial_from_epoch` on."""


class LossConfig(Config):
    """Weights of the losses. The generator's are summed under these names; 0 disables a loss."""

    l1: NonNegativeFloat = 50.0
    """Weight of the L1 reconstruction loss of the joints."""
    root_weight: float = Field(default=0.2, ge=0, le=1)
    """Share, in `l1`, of the error of the mid-hip's position, which moves all joints alike; 1 is the plain distance (as
    published). The path across the floor is hardly predictable, and its error would hide that of the poses."""
    velocity: NonNegativeFloat = 50.0
    """Weight of the reconstruction loss of the joints' frame-to-frame differences."""
    motion_energy: NonNegativeFloat = 2.0
    """Weight of the difference of each joint's speed and acceleration (RMS) over a clip: how much it moves, whatever
    the moves. It also counts for clips with noise from the prior."""
    foot_slide: NonNegativeFloat = 50.0
    """Weight of the speed of the generated feet while the real ones are planted."""
    perceptual: NonNegativeFloat = 1.0
    """Weight of the pose perceptual loss: distance of the two dances in the perceptual network's features."""
    perceptual_scale: Literal["relative", "published"] = "relative"
    """Scale of the perceptual loss. `relative` divides each layer's distance by the size of the real dance's features
    and averages the layers, so that the weight does not depend on the network; `published` sums the raw distances."""
    feature_matching: NonNegativeFloat = 1.0
    """Weight of the feature matching loss: distance of the two dances in the global discriminator's layers."""
    noise_kl: NonNegativeFloat = 0.01
    """Weight of the KL divergence of the noise posterior from the prior; requires the noise encoder."""
    noise_recovery: NonNegativeFloat = 0.5
    """Weight of the latent regression loss: recovery of the noise from the generated dance; requires the noise encoder.
    It makes different seeds give different dances."""
    adversarial_local: NonNegativeFloat = 1.0
    """Weight of the local adversarial loss; 0 disables it, and the local discriminator is not trained."""
    adversarial_global: NonNegativeFloat = 1.0
    """Weight of the global adversarial loss; 0 disables it, and the global discriminator is not trained."""
    adversarial_from_epoch: NonNegativeInt = 0
    """Epochs of the first stage. In the second one, the discriminators are trained, and the adversarial, feature
    matching and perceptual losses are active."""
    ramp_updates: NonNegativeInt = 200
    """Updates of the linear warm-up of the weights of the second stage's losses; 0 disables the warm-up."""
    gradient_limit: PositiveFloat | None = 1.0
    """Maximum gradient norm of each loss of the second stage at the joints of a clip, as a multiple of that of `l1`;
    null sets no limit (as published)."""
    gradient_penalty: NonNegativeFloat = 1.0
    """Weight of the gradient penalty (gradient norm near 1) in the global discriminator's own loss."""
    mismatched_music: NonNegativeFloat = 0.5
    """Weight of real dances with another clip's music as negatives in the global discriminator's own loss."""


class OptimizerConfig(Config):
    """Adam optimizers."""

    generator_rate: PositiveFloat = 1e-3
    """Learning rate of the generator."""
    local_rate: PositiveFloat = 3e-4
    """Learning rate of the local discriminator."""
    global_rate: PositiveFloat = 5e-4
    """Learning rate of the global discriminator."""
    betas: tuple[float, float] = (0.5, 0.99)
    """Decay rates of Adam's first and second moments."""
    gradient_clip: PositiveFloat | None = 3.0
    """Clip the generator's gradient to this multiple of the running mean of its norm; null does not clip (as
    published)."""


class DanceModelConfig(Config):
    """The dance model and its training updates."""

    FORMER: ClassVar = {"tone_db": "eq_augment_db", "ema": "ema_decay"}

    head: Literal["gan", "tokens"] = "gan"
    """What generates the dance: the generator of the GAN, or a transformer that draws tokens of motion on the beat
    (`tokens`, which uses `fps`, `equal_loudness`, `eq_augment_db`, `style_dropout`, `generator.style_dim`,
    `generator.seed_frames`, `masked` and `ema_decay` of the other settings)."""
    fps: PositiveFloat = 10.0
    """Poses per second."""
    normalization: Literal["body", "camera"] = "body"
    """Coordinates of the poses: centred on the body and scaled by it, or those of the frame."""
    norm: Norm = "layer"
    """Normalisation inside the networks: "layer" mixes no samples; "batch" is the published one."""
    rhythm: bool = True
    """Give the networks onset, beat and bar in addition to the audio."""
    equal_loudness: bool = True
    """Normalise a song to the loudness of the clips before inference; off for the published weights, which were trained
    on songs at their original loudness."""
    mirror_odd_seeds: bool = False
    """Mirror the dances of odd seeds, for a model whose noise changes little."""
    beat_warp_s: NonNegativeFloat = 0.2
    """A dance is played faster and slower so that its moments of rest within so many seconds of a beat come on that
    beat (Lee et al., "Dancing to Music", 2019); 0 leaves its time as it is."""
    plant_feet: bool = True
    """Keep feet that bear weight in their place, in dances of `normalization: body`."""
    masked: bool = True
    """Mask missing joints in every loss; otherwise they are trained on as if they were poses."""
    generator: GeneratorConfig = GeneratorConfig()
    noise_encoder: NoiseEncoderConfig | None = NoiseEncoderConfig()
    """Encoder of a real dance to its noise posterior; null trains with noise from the prior only, as published."""
    local_discriminator: LocalDiscriminatorConfig = LocalDiscriminatorConfig()
    global_discriminator: GlobalDiscriminatorConfig = GlobalDiscriminatorConfig()
    losses: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    tokens: TokensConfig = TokensConfig()
    eq_augment_db: NonNegativeFloat = 6.0
    """Standard deviation of the random equaliser on the training audio, in dB, resampled for each clip and update; 0
    disables it. It prevents the networks from recognising songs by their recording."""
    style_dropout: Share = 0.15
    """Share of the clips whose style is hidden from the generator, so that it also dances without one. It requires
    `generator.style_dim`."""
    ema_decay: Share = 0.998
    """Decay of the EMA of the generator, which is the saved model; 0 saves the last update."""

    @model_validator(mode="after")
    def _tokens_of_bodies(self) -> "DanceModelConfig":
        if self.head == "tokens" and self.normalization != "body":
            raise ValueError("head=tokens decodes bodies: set normalization=body")
        return self

    @property
    def output(self) -> Literal["kinematic", "linear", "tanh"]:
        """Output of the decoder: bones have a length only where the unit is the body's."""
        kinematic = self.generator.output == "kinematic"
        return "linear" if kinematic and self.normalization != "body" else self.generator.output


_PAPER_AUDIO = AudioEncoderConfig(input="waveform", code=256, hidden=256, size=256, loudness=False)

PAPER = DanceModelConfig(
    normalization="camera",
    norm="batch",
    rhythm=False,
    mirror_odd_seeds=False,
    beat_warp_s=0.0,
    plant_feet=False,
    masked=False,
    generator=GeneratorConfig(
        audio=_PAPER_AUDIO,
        noise_dim=10,
        noise_memory_frames=0.0,
        phrase_latents=False,
        seed_frames=0,
        style_dim=0,
        width=1024,
        time_kernel_frames=1,
        dropout=0.5,
        output="tanh",
    ),
    noise_encoder=None,
    local_discriminator=LocalDiscriminatorConfig(
        channels=64, joint_features=32, motion_gain=1.0, hidden=256, dropout=0.5
    ),
    global_discriminator=GlobalDiscriminatorConfig(
        audio=_PAPER_AUDIO,
        channels=64,
        joint_features=32,
        motion_gain=1.0,
        hidden=512,
        comparison="convolution",
        dropout=0.5,
    ),
    losses=LossConfig(
        l1=200.0,
        root_weight=1.0,
        velocity=0.0,
        motion_energy=0.0,
        foot_slide=0.0,
        perceptual_scale="published",
        noise_kl=0.0,
        noise_recovery=0.0,
        ramp_updates=0,
        gradient_limit=None,
        mismatched_music=0.0,
    ),
    optimizer=OptimizerConfig(generator_rate=3e-4, betas=(0.9, 0.999), gradient_clip=None),
    eq_augment_db=0.0,
    style_dropout=0.0,
    ema_decay=0.0,
)
"""The published recipe, with corrections that do not change its method."""
