"""Architecture and training of the head that draws tokens."""

from typing import Annotated

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from dancegen.config import Config

Share = Annotated[float, Field(ge=0.0, lt=1.0)]


class TokenizerConfig(Config):
    """Encodes half a beat of motion as a token, and decodes tokens into joints."""

    width: PositiveInt = 224
    """Width of the convolutions over tokens."""
    blocks: PositiveInt = 4
    """Residual blocks of the encoder, and of the decoder."""
    groups: PositiveInt = 4
    """Codes of a token. Each is one of 1,000: FSQ with 8, 5, 5 and 5 levels (Mentzer et al., "Finite Scalar
    Quantization", 2023)."""
    velocity: NonNegativeFloat = 2.0
    """Weight of the error of the joints' differences from pose to pose; that of their position is 1."""
    foot_slide: NonNegativeFloat = 1.0
    """Weight of the speed of the decoded feet while the true ones are planted."""


class TransformerConfig(Config):
    """Draws masked codes of a dance from its other codes, its music and its style."""

    width: PositiveInt = 256
    """Width of the transformer."""
    blocks: PositiveInt = 6
    """Blocks of attention and perceptron."""
    attention_heads: PositiveInt = 8
    """Heads of the attention; they divide the width."""
    dropout: Share = 0.15
    """Dropout rate."""
    energy: bool = False
    """Takes the energy of the dance: its speed in proportion to the mean of its style."""
    mel_bands: PositiveInt = 40
    """Bands of the mel spectrum that it gets of the music."""
    label_smoothing: Share = 0.1
    """Share of the probability that is spread over all codes in the target."""
    music_dropout: Share = 0.1
    """Share of the clips whose music, style and energy are hidden: without them, guidance has nothing to compare with.
    """
    energy_dropout: Share = 0.5
    """Share of the clips whose energy is hidden: then it follows from music and style."""


class TokensConfig(Config):
    """A masked transformer over tokens of half a beat (Chang et al., "MaskGIT", 2022; Guo et al., "MoMask", 2024)."""

    tokenizer: TokenizerConfig = TokenizerConfig()
    transformer: TransformerConfig = TransformerConfig()
    tokenizer_epochs: NonNegativeInt = 10
    """Epochs in which the tokenizer is trained; the others train the transformer. 0 keeps the tokenizer of the model
    that is fine-tuned (`init_from`)."""
    tokenizer_rate: PositiveFloat = 1e-3
    """Learning rate of the tokenizer."""
    transformer_rate: PositiveFloat = 5e-4
    """Learning rate of the transformer."""
    steps: Annotated[int, Field(ge=1, le=64)] = 8
    """Steps in which the codes of a window are drawn, from all masked to none."""
    temperature: PositiveFloat = 1.0
    """Temperature of the drawn codes: lower ones are more usual, and dances more alike."""
    guidance: NonNegativeFloat = 1.0
    """Classifier-free guidance: how far the logits are moved on from those without music and style (Ho and Salimans,
    2022); 0 does not move them."""
    style_guidance: NonNegativeFloat = 2.0
    """The same for the style: how far the logits of a dance with a style are moved on from those without it."""
    energy_guidance: NonNegativeFloat = 2.0
    """The same for the energy."""
    energy_exponent: PositiveFloat = 1.5
    """The transformer is told the wanted energy to this power, because dances go only part of the way to what it is
    told."""
    dynamics: NonNegativeFloat = 0.4
    """How much the energy follows the music within a song: that of a phrase is in proportion to its loudness (RMS) to
    this power. 0: it does not."""
