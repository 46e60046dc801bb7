"""Architecture and training of the pose-to-person networks. `DEFAULT` is ours; `PAPER` is the published recipe.

The recipe is pix2pixHD: Wang et al., "High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs"
(CVPR 2018). Previous frame, discriminator on two frames and face refinement are those of Chan et al., "Everybody Dance
Now" (ICCV 2019).
"""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from dancegen.config import Config

SIZE_MULTIPLE_PX = 32
FACE_MIN_PX = 512

Share = Annotated[float, Field(ge=0.0, lt=1.0)]
Side = Annotated[int, Field(ge=SIZE_MULTIPLE_PX, le=4096, multiple_of=SIZE_MULTIPLE_PX)]


class GeneratorConfig(Config):
    """The image generator of pix2pixHD: convolutions that halve the resolution, residual blocks, and the way back."""

    kind: Literal["global", "local_enhancer"] = "global"
    """Global generator (G1), or G1 at half the resolution inside a local enhancer (G2), for pictures of 1024 px."""
    width: PositiveInt = 32
    """Channels at full resolution (64 as published for global, 32 for local_enhancer). The global half of a local
    enhancer has twice as many."""
    downsamplings: PositiveInt = 3
    """Halvings of the resolution in the global generator; each doubles the channels (4 as published)."""
    blocks: NonNegativeInt = 6
    """Residual blocks of the global generator at its lowest resolution (9 as published)."""
    enhancer_blocks: NonNegativeInt = 3
    """Residual blocks of the local enhancer (local_enhancer)."""


class ConditionConfig(Config):
    """The picture of a pose that the generator receives."""

    kind: Literal["limb_maps", "stick_figure"] = "limb_maps"
    """One map per limb with the confidence as its value, and five maps of hands, feet and head; or a coloured stick
    figure, in which crossing limbs cover each other and confidences are lost."""
    limb_radius: PositiveFloat = 0.02
    """Distance from the bone at which its map reaches 0, as a fraction of the picture's height (limb_maps)."""
    joint_radius: PositiveFloat = 0.03
    """The same for the maps of hands, feet and head (limb_maps)."""
    theme: Literal["dark", "light"] = "dark"
    """Background of the stick figure (stick_figure)."""


class DiscriminatorConfig(Config):
    """Patch discriminators on a pyramid of resolutions, each on condition and picture."""

    width: PositiveInt = 32
    """Channels of the first convolution (64 as published)."""
    layers: PositiveInt = 3
    """Convolutions with stride 2."""
    scales: PositiveInt = 2
    """Discriminators; each next one receives half the resolution (3 as published for 1024 px)."""
    two_frame: bool = True
    """Judge two consecutive pictures together, each with its condition; otherwise every picture on its own."""


class LossConfig(Config):
    """Weights of the losses. The generator's are summed under these names; 0 disables a loss."""

    adversarial: NonNegativeFloat = 1.0
    """Weight of the least-squares adversarial loss, summed over the scales."""
    feature_matching: NonNegativeFloat = 10.0
    """Weight of the L1 distance of real and generated pictures in the discriminators' layers."""
    perceptual: NonNegativeFloat = 10.0
    """Weight of the L1 distance of real and generated pictures in the layers of an image classifier."""
    colour: NonNegativeFloat = 10.0
    """Weight of the L1 distance of the colours inside the foreground mask (0 as published)."""
    matte: NonNegativeFloat = 5.0
    """Initial weight of the cross-entropy of the matte with the foreground mask; requires the matte."""
    matte_final: NonNegativeFloat = 0.5
    """Weight of the same loss after `matte_decay_share` of the training, when the adversarial loss refines the edge."""
    matte_decay_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.3
    """Fraction of the training over which the weight falls linearly from `matte` to `matte_final`."""
    matte_entropy: NonNegativeFloat = 0.05
    """Weight of the binary entropy of the matte, which makes it opaque or transparent; requires the matte."""
    warp: NonNegativeFloat = 2.0
    """Weight of the L1 distance of a picture to the previous one, warped by the optical flow of the real frames;
    requires the previous frame."""
    face: NonNegativeFloat = 1.0
    """Weight of the adversarial loss of the face crop; requires the face."""


class OptimizerConfig(Config):
    """Adam optimizers, their schedule and the average of the weights."""

    generator_rate: PositiveFloat = 2e-4
    """Learning rate of the generator."""
    discriminator_rate: PositiveFloat = 4e-4
    """Learning rate of the discriminators (2e-4 as published)."""
    betas: tuple[float, float] = (0.5, 0.999)
    """Decay rates of Adam's first and second moments."""
    schedule: Literal["cosine", "linear_decay"] = "cosine"
    """Learning rates over the training: half a cosine to 0; or constant for the first half, then linear to 0 (as
    published)."""
    enhancer_only_share: Share = 0.0
    """Fraction of the training, at the start, in which only the local enhancer is trained (local_enhancer)."""
    ema: Share = 0.999
    """Decay of the EMA of the generator, which is the saved model; 0 saves the last update (as published)."""


class RendererConfig(Config):
    """The pose-to-person networks and their training updates."""

    height_px: Side = 256
    """Height of the pictures, a multiple of 32."""
    width_px: Side = 256
    """Width of the pictures, a multiple of 32."""
    generator: GeneratorConfig = GeneratorConfig()
    condition: ConditionConfig = ConditionConfig()
    previous_frame: bool = True
    """Give the generator the previous picture in addition to the condition."""
    matte: bool = True
    """Generate an opacity of the person with the picture, and put it over the clean plate of the background."""
    face: bool = False
    """Refine the face by a second generator; requires pictures of 512 px."""
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
    losses: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    pose_jitter: NonNegativeFloat = 0.01
    """Standard deviation of the noise on the joints in training, as a fraction of the torso's length. Generated dances
    are smoother than extracted ones: without it, the generator learns from the noise of extracted poses."""
    limb_drop: Share = 0.05
    """Probability in training that a limb is missing from the condition."""

    @model_validator(mode="after")
    def _face_large_enough(self) -> Self:
        if self.face and min(self.height_px, self.width_px) < FACE_MIN_PX:
            raise ValueError(
                f"face=True requires pictures of at least {FACE_MIN_PX}x{FACE_MIN_PX} px, but they are "
                f"{self.width_px}x{self.height_px}, and a face of about 20 px at 256 px is too small to refine; "
                "give face=false, or larger height_px and width_px"
            )
        return self


DEFAULT = RendererConfig()
"""Our model at 256 px."""

PAPER = RendererConfig(
    height_px=512,
    width_px=512,
    generator=GeneratorConfig(width=64, downsamplings=4, blocks=9),
    condition=ConditionConfig(kind="stick_figure"),
    previous_frame=False,
    matte=False,
    discriminator=DiscriminatorConfig(width=64, two_frame=False),
    losses=LossConfig(colour=0.0, matte=0.0, matte_final=0.0, matte_entropy=0.0, warp=0.0, face=0.0),
    optimizer=OptimizerConfig(discriminator_rate=2e-4, schedule="linear_decay", ema=0.0),
    pose_jitter=0.0,
    limb_drop=0.0,
)
"""The published recipe, which is trained for 200 epochs with a batch size of 1."""

ENHANCED_1024 = PAPER.model_copy(
    update={
        "height_px": 1024,
        "width_px": 1024,
        "generator": GeneratorConfig(kind="local_enhancer", width=32, downsamplings=4, blocks=9),
        "discriminator": DiscriminatorConfig(width=64, scales=3, two_frame=False),
        "optimizer": PAPER.optimizer.model_copy(update={"enhancer_only_share": 0.1}),
    }
)
"""The published recipe at 1024 px, to be trained from a global generator of `PAPER`: 110 epochs."""

TINY = RendererConfig(
    height_px=128,
    width_px=128,
    generator=GeneratorConfig(width=16, downsamplings=3, blocks=3),
    discriminator=DiscriminatorConfig(width=16),
)
"""For tests and demonstrations."""
