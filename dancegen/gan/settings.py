"""What the dance model is made of, and how it learns. Defaults are ours; `PAPER` is the published recipe.

The recipe is Ren et al., "Self-supervised Dance Video Synthesis Conditioned on Music" (ACM MM 2020).
"""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from dancegen.config import Config

Norm = Literal["batch", "layer"]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]


class AudioEncoderConfig(Config):
    """Sound to music features: a code for each frame's piece of sound, then a recurrent network over time."""

    hears: Literal["mel", "waveform"] = "mel"
    """What the code of a piece is made of: the loudness of mel bands, or the published convolutions of the waveform,
    which have to learn to tell pitches apart before they can learn anything of music."""
    mel_bands: PositiveInt = 48
    """Bands of the mel spectrum (mel)."""
    channels: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = (16, 32, 64, 128)
    """Channels of the first four convolutions (waveform)."""
    code: PositiveInt = 128
    """Features of a piece; of a waveform, channels of the last convolution."""
    hidden: PositiveInt = 128
    """Width of the recurrent network, each way."""
    layers: PositiveInt = 2
    """Layers of the recurrent network."""
    size: PositiveInt = 128
    """Features a frame that come out."""
    loudness: bool = True
    """Give the recurrent network the loudness of each piece, which a norm over the piece hides."""


class GeneratorConfig(Config):
    """Music features, rhythm and noise to a dance."""

    audio: AudioEncoderConfig = AudioEncoderConfig()
    noise: PositiveInt = 10
    """Noise channels: what tells one dance to the same music from another."""
    noise_std: PositiveFloat = 0.33
    """Standard deviation of the noise."""
    noise_memory_frames: NonNegativeFloat | None = None
    """Frames over which the noise forgets itself; null draws it once for a dance, 0 for every frame (as published)."""
    seed_frames: NonNegativeInt = 5
    """Frames at the start that may be given, so that a dance goes on where another ended (0 as published)."""
    rhythm_harmonics: PositiveInt = 4
    """Multiples of each phase of the rhythm that the decoder is given: the fourth of a phrase of eight bars turns once
    in two bars, which is how long a move is. 1 gives the phases alone."""
    width: PositiveInt = 512
    """Hidden width of the decoder."""
    blocks: PositiveInt = 3
    """Residual blocks of the decoder."""
    time_kernel_frames: PositiveInt = 9
    """Frames that a residual block sees at once (odd); 1 is the published decoder, one frame at a time."""
    dropout: Share = 0.0
    """Share of the decoder's last hidden features that are dropped while training (0.5 as published). Every frame drops
    others, which costs the more velocity the larger a movement is: the dance grows timid."""
    output: Literal["linear", "tanh"] = "linear"
    """Last activation of the decoder. The published tanh saturates: a joint at the edge of its range has no gradient
    that could bring it back."""


class NoiseEncoderConfig(Config):
    """A real dance to the noise that would have made it, which teaches the generator to listen to its noise.

    Without it the noise has no part in the distance to the real dance and is soon ignored (cVAE-GAN: Larsen et al.,
    2016; Zhu et al., "Toward Multimodal Image-to-Image Translation", 2017). It is used in training only.
    """

    channels: PositiveInt = 16
    """Channels of the first convolution (the pose branch is that of the global discriminator)."""
    joint_features: PositiveInt = 16
    """Features that stand for a joint after the second convolution."""
    motion_gain: PositiveFloat = 10.0
    """What steps from frame to frame are multiplied by."""
    hidden: PositiveInt = 128
    """Width of the last hidden layer."""
    free_nats: NonNegativeFloat = 0.4
    """What each noise channel may say of a dance uncharged (by noise_kl), which keeps it from falling silent."""
    free_share: Share = 0.25
    """Share of the clips that get free noise instead, and sounds that were never danced to: another clip's mixed in,
    and a strong equaliser. The discriminators alone judge them, so that unknown music gets a whole dance, too."""
    free_tone_db: NonNegativeFloat = 18.0
    """Deviation of that equaliser (see `tone_db`)."""


class LocalDiscriminatorConfig(Config):
    """Short windows of a dance to one score each: does it move like a person?"""

    window_frames: int = Field(default=5, ge=4)
    """Frames of a window."""
    stride_frames: PositiveInt = 3
    """Frames from one window to the next."""
    channels: PositiveInt = 16
    """Channels of the first convolution; the others follow from it (64 as published)."""
    joint_features: PositiveInt = 16
    """Features that stand for a joint after the second convolution."""
    motion_gain: PositiveFloat = 40.0
    """What steps from frame to frame are multiplied by: they are small beside positions (1 as published)."""
    hidden: PositiveInt = 128
    """Width of the last hidden layer."""
    dropout: Share = 0.0
    """Share that is dropped while training."""


class GlobalDiscriminatorConfig(Config):
    """A whole clip and its music to one score: does the dance belong to the music?"""

    audio: AudioEncoderConfig = AudioEncoderConfig(channels=(8, 16, 32, 64), code=64, hidden=64, layers=1)
    channels: PositiveInt = 24
    """Channels of the first convolution of the pose branch (64 as published)."""
    joint_features: PositiveInt = 16
    """Features that stand for a joint after the second convolution."""
    motion_gain: PositiveFloat = 10.0
    """What steps from frame to frame are multiplied by: they are small beside positions (1 as published)."""
    hidden: PositiveInt = 256
    """Width of the pose branch's hidden layer."""
    comparison: Literal["projection", "convolution"] = "projection"
    """How dance and music are compared: by an inner product too, or by the published convolution alone, which is linear
    and so cannot tell whether the two belong together."""
    attention: PositiveInt = 20
    """Width of the self-attention that sums the music over time."""
    dropout: Share = 0.0
    """Share that is dropped while training."""


SECOND_STAGE = ("adversarial_local", "adversarial_global", "feature_matching", "perceptual")
"""Losses that count from `adversarial_from_epoch` on."""


class LossConfig(Config):
    """Weights of the losses. The generator's are added up under these names; 0 leaves one out."""

    l1: NonNegativeFloat = 50.0
    """Distance of the joints from the real dance."""
    velocity: NonNegativeFloat = 50.0
    """Distance of the joints' steps from frame to frame from the real ones."""
    perceptual: NonNegativeFloat = 1.0
    """Pose perceptual loss: distance of what the perceptual network sees in the two dances."""
    perceptual_scale: Literal["relative", "published"] = "relative"
    """Unit of the perceptual loss. `relative` divides each layer's distance by the size of the real dance's features
    and averages the layers, so that the weight does not depend on the network; `published` sums the raw distances."""
    feature_matching: NonNegativeFloat = 1.0
    """Distance of what the layers of the global discriminator see in the two dances."""
    noise_kl: NonNegativeFloat = 0.02
    """Keeps the noise that stands for a real dance like noise that is drawn (where there is a noise encoder)."""
    noise_recovery: NonNegativeFloat = 0.5
    """How well the noise can be read out of the generated dance again (latent regression; where there is a noise
    encoder). It is what makes another seed another dance."""
    adversarial_local: NonNegativeFloat = 1.0
    """The local discriminator's word. At 0 it is not trained."""
    adversarial_global: NonNegativeFloat = 1.0
    """The global discriminator's word. At 0 it is not trained."""
    adversarial_from_epoch: NonNegativeInt = 0
    """Epochs of the first stage. In the second one, from then on, the discriminators are trained, and the adversarial,
    feature matching and perceptual losses count."""
    ramp_updates: NonNegativeInt = 200
    """Updates over which the weights of the second stage's losses grow to their full size; 0 has them whole at once."""
    gradient_limit: PositiveFloat | None = 1.0
    """Largest gradient of each loss of the second stage at the joints of a clip, as a multiple of that of `l1`; null
    sets no limit (as published)."""
    gradient_penalty: NonNegativeFloat = 1.0
    """Keeps the global discriminator's slope near 1 (its own loss, not the generator's)."""
    mismatched_music: NonNegativeFloat = 0.5
    """Teaches the global discriminator that a real dance to another clip's music is wrong (its own loss)."""


class OptimizerConfig(Config):
    """Adam."""

    generator_rate: PositiveFloat = 1e-3
    """Learning rate of the generator."""
    local_rate: PositiveFloat = 3e-4
    """Learning rate of the local discriminator."""
    global_rate: PositiveFloat = 5e-4
    """Learning rate of the global discriminator."""
    betas: tuple[float, float] = (0.5, 0.99)
    """Memory of the gradient and of its square."""
    gradient_clip: PositiveFloat | None = 3.0
    """Clip the generator's gradient to this multiple of the running mean of its norm; null does not clip (as
    published)."""


class DanceModelConfig(Config):
    """The dance model and how one update of it is made."""

    fps: PositiveFloat = 10.0
    """Poses per second."""
    normalization: Literal["body", "camera"] = "body"
    """What coordinates the model sees: around the body and in its unit, or the picture's."""
    norm: Norm = "layer"
    """Normalisation inside the networks: "layer" mixes no samples; "batch" is the published one."""
    rhythm: bool = True
    """Give the networks onset, beat and bar beside the waveform."""
    equal_loudness: bool = True
    """Bring a song to the loudness of the clips before dancing; off for the published weights, which know songs as
    loud as they are."""
    mirror_odd_seeds: bool = True
    """Dance odd seeds as a mirror shows them: another dance, as good as the first; off for the published weights."""
    masked: bool = True
    """Leave missing joints out of every loss; otherwise they are learned as if they were poses."""
    generator: GeneratorConfig = GeneratorConfig()
    noise_encoder: NoiseEncoderConfig | None = NoiseEncoderConfig()
    """What reads the noise out of a real dance; null trains with free noise alone, as published."""
    local_discriminator: LocalDiscriminatorConfig = LocalDiscriminatorConfig()
    global_discriminator: GlobalDiscriminatorConfig = GlobalDiscriminatorConfig()
    losses: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    tone_db: NonNegativeFloat = 6.0
    """Deviation of the equaliser, new for each clip and update, that training hears sounds through; 0 hears them as
    they are. It keeps the networks from knowing songs by their recording."""
    ema: Share = 0.998
    """Memory of the generator's running average, which is what is saved; 0 saves the last update."""


_PAPER_AUDIO = AudioEncoderConfig(hears="waveform", code=256, hidden=256, size=256, loudness=False)

PAPER = DanceModelConfig(
    normalization="camera",
    norm="batch",
    rhythm=False,
    mirror_odd_seeds=False,
    masked=False,
    generator=GeneratorConfig(
        audio=_PAPER_AUDIO,
        noise_memory_frames=0.0,
        seed_frames=0,
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
        velocity=0.0,
        perceptual_scale="published",
        noise_kl=0.0,
        noise_recovery=0.0,
        ramp_updates=0,
        gradient_limit=None,
        mismatched_music=0.0,
    ),
    optimizer=OptimizerConfig(generator_rate=3e-4, betas=(0.9, 0.999), gradient_clip=None),
    tone_db=0.0,
    ema=0.0,
)
"""The published recipe, with the corrections that do not change what it is."""
