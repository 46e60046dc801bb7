"""The generator: music, rhythm and noise to a dance of any length in one pass.

The published decoder is a perceptron on each frame alone (`time_kernel_frames=1`). Poses of neighbouring
frames then agree only as far as the music features do, and noise that is resampled every frame causes jitter.
This one has a depth-wise convolution over time before each residual block: each frame depends on
its neighbours, for about 1 % of the block's parameters, and any length is still processed in one pass.
One latent code per dance (`noise_memory_frames`) determines the dancer's identity and manner. The first
frames may be given (`seed_frames`): the dance then continues from them. The style of the dance may be given by its
number (`gan/styles.py`).

Axes used in shapes:
    B clips    T frames    S samples per frame    R rhythm channels    Z noise    E music features
    D decoder width    J joints    K given frames    C styles
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Generator as Random
from torch import Tensor, nn

from dancegen.gan.audio_encoder import AudioEncoder
from dancegen.gan.settings import DanceModelConfig, Norm
from dancegen.pose import kinematics

FIRST_OUTPUT_STD = 0.002  # of the weights of an unbounded last layer


class TimeMixing(nn.Module):
    """A depth-wise convolution over time, with a residual connection."""

    def __init__(self, width: int, kernel_frames: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, kernel_frames, padding="same", groups=width)

    def forward(self, hidden: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Features mixed with those of neighbouring frames."""
        return hidden + self.conv(hidden.transpose(1, 2)).transpose(1, 2)


class ResidualBlock(nn.Module):
    """[linear, norm, ReLU] twice with a residual connection, after mixing over time if it is enabled."""

    def __init__(self, width: int, kernel_frames: int, norm: Norm) -> None:
        super().__init__()
        self.mixing = TimeMixing(width, kernel_frames) if kernel_frames > 1 else nn.Identity()
        half = (lambda: nn.BatchNorm1d(width)) if norm == "batch" else (lambda: nn.LayerNorm(width))
        self.layer = nn.Sequential(
            nn.Linear(width, width), half(), nn.ReLU(), nn.Linear(width, width), half(), nn.ReLU()
        )

    def forward(self, hidden: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Features of the same shape."""
        hidden = self.mixing(hidden)
        frames = hidden.flatten(0, 1)  # batch norm is over features: frames are samples
        return (frames + self.layer(frames)).unflatten(0, hidden.shape[:2])


class StyleInput(nn.Module):
    """What a style adds to the decoder's first features: nothing for 0, no style, and at the start of a training."""

    def __init__(self, styles: int, channels: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(styles + 1, channels, padding_idx=0)
        self.projection = nn.Linear(channels, width, bias=False)
        nn.init.zeros_(self.projection.weight)

    def forward(self, style: Int[Tensor, " B"]) -> Float[Tensor, "B 1 D"]:
        """The same for all frames of a clip."""
        return self.projection(self.embedding(style))[:, None]


class PoseGenerator(nn.Module):
    """Decodes music features, noise and style into joints."""

    longest: Tensor
    chains: Tensor

    def __init__(self, settings: DanceModelConfig, features: int, joints: int, styles: int) -> None:
        super().__init__()
        config, norm = settings.generator, settings.norm
        self.joints, self.blocks, self.seeded = joints, config.blocks, config.seed_frames > 0
        self.noise_std, self.output = config.noise_std, settings.output
        shaped = config.noise_memory_frames is not None  # one code per dance does not vary over time
        self.rnn_noise = nn.GRU(config.noise_dim, config.noise_dim, batch_first=True) if shaped else None
        given = 3 * joints if self.seeded else 0
        self.layer0 = nn.Linear(features + config.noise_dim + given, config.width)
        for block in range(1, config.blocks + 1):  # the names of the released weights
            self.add_module(f"layer{block}", ResidualBlock(config.width, config.time_kernel_frames, norm))
        self.dropout = nn.Dropout(config.dropout)
        self.final_linear = nn.Linear(config.width, 2 * (kinematics.VECTORS if self.output == "kinematic" else joints))
        if self.output != "tanh":  # start near the centre of the poses: the residual sum before it is large
            nn.init.trunc_normal_(self.final_linear.weight, std=FIRST_OUTPUT_STD)
        if self.output == "kinematic":
            with torch.no_grad():
                self.final_linear.bias.copy_(kinematics.standing().flatten())
            self.register_buffer("longest", kinematics.longest(), persistent=False)
            self.register_buffer("chains", kinematics.chains(), persistent=False)
        # last: the first weights of all other layers are the same with styles and without
        self.style = StyleInput(styles, config.style_dim, config.width) if styles else None

    def forward(
        self,
        features: Float[Tensor, "B T F"],
        noise: Float[Tensor, "B T Z"],
        start: Float[Tensor, "B K J 3"] | None = None,
        style: Int[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "B T J 2"]:
        """Joints in the model's normalised coordinates."""
        inputs = [features, noise / self.noise_std if self.rnn_noise is None else self.rnn_noise(noise)[0].tanh()]
        if self.seeded:
            given = features.new_zeros(*features.shape[:2], 3 * self.joints)
            if start is not None:
                given[:, : start.shape[1]] = start.flatten(2)
            inputs.append(given)
        hidden = self.layer0(torch.cat(inputs, dim=-1))
        if self.style is not None and style is not None:
            hidden = hidden + self.style(style)
        for block in range(1, self.blocks + 1):
            hidden = self.get_submodule(f"layer{block}")(hidden)
        last = self.final_linear
        with torch.autocast(hidden.device.type, enabled=False):  # rounding would cause jitter
            values = last(self.dropout(hidden).to(last.weight)).unflatten(-1, (-1, 2))
            if self.output == "kinematic":
                return kinematics.to_joints(values, self.longest, self.chains)
        return values.tanh() if self.output == "tanh" else values


class Generator(nn.Module):
    """Generates a dance from music, noise and style."""

    def __init__(self, config: DanceModelConfig, samples: int, rhythm_channels: int, joints: int, styles: int) -> None:
        """With `styles` 0, or `style_dim` 0, it has no input for a style."""
        super().__init__()
        styles = styles if config.generator.style_dim else 0
        self.config = config.generator
        self.audio_encoder = AudioEncoder(config.generator.audio, config.norm, samples)
        self.rhythm = config.rhythm
        phases = (rhythm_channels - 1) * config.generator.rhythm_harmonics
        features = config.generator.audio.size + (1 + phases if config.rhythm else 0)
        self.pose_generator = PoseGenerator(config, features, joints, styles)
        self.music_style = nn.Linear(config.generator.audio.size, styles) if styles else None

    def forward(
        self,
        audio: Float[Tensor, "B T S"],
        rhythm: Float[Tensor, "B T R"],
        noise: Float[Tensor, "B T Z"],
        start: Float[Tensor, "B K J 3"] | None = None,
        style: Int[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "B T J 2"]:
        """A dance to each clip's music. `start` has its first frames: x, y, 1, or zeros for a joint not given."""
        features = self.audio_encoder(audio)
        if self.rhythm:
            features = torch.cat([features, harmonics(rhythm, self.config.rhythm_harmonics)], dim=-1)
        return self.pose_generator(features, noise, start, style)

    def music_style_logits(self, music: Float[Tensor, "B E"]) -> Float[Tensor, "B C"]:
        """Logits of the styles, from the mean of the music features over time. It requires styles."""
        assert self.music_style is not None
        return self.music_style(music)

    def noise(self, clips: int, frames: int, random: Random | None, device: torch.device) -> Float[Tensor, "B T Z"]:
        """Noise of deviation `noise_std`: one sample per dance, or autocorrelated over `noise_memory_frames`."""
        memory = self.config.noise_memory_frames
        drawn = frames if memory is not None else 1
        white = (
            torch.randn(drawn, clips, self.config.noise_dim, generator=random, device=device) * self.config.noise_std
        )
        if memory is None:
            return white.expand(frames, -1, -1).transpose(0, 1)
        if memory:
            keep = math.exp(-1 / memory)
            fresh = math.sqrt(1 - keep**2)  # the standard deviation is the same at every frame
            steps = [white[0]]
            for frame in white[1:]:
                steps.append(keep * steps[-1] + fresh * frame)
            white = torch.stack(steps)
        return white.transpose(0, 1)


def harmonics(rhythm: Float[Tensor, "B T R"], count: int) -> Float[Tensor, "B T R2"]:
    """The rhythm with sine and cosine of its phases' multiples, up to `count` times each; R2 = 1 + (R - 1) * count.

    Motion on one beat of a bar of a phrase is a narrow function of slow phases, which networks learn slowly from the
    phases alone (Tancik et al., "Fourier Features", 2020).
    """
    sine, cosine = rhythm[..., 1::2], rhythm[..., 2::2]
    found, turned = [rhythm], (sine, cosine)
    for _ in range(count - 1):
        turned = turned[0] * cosine + turned[1] * sine, turned[1] * cosine - turned[0] * sine
        found += turned
    return torch.cat(found, dim=-1)
