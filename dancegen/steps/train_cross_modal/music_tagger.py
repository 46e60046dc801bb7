"""The music tagger: convolutions over a mel spectrum, then a recurrent network over time, then tags.

Choi et al., "Convolutional Recurrent Neural Networks for Music Classification" (ICASSP 2017), smaller. The embedding
of a piece of music is the last hidden state; each task has a linear head.

Axes used in shapes:
    B clips    S samples (mono, 16 kHz)    H hops of 16 ms    M mel bands    E features
"""

from jaxtyping import Float
from torch import Tensor, nn

from dancegen.music.log_mel import WINDOW_SAMPLES, LogMel
from dancegen.steps.train_cross_modal.network_settings import MusicTaggerConfig

HOP_SAMPLES = 256
POOLS = ((2, 2), (2, 2), (3, 2), (4, 1))  # bands, hops: one of 48 bands remains, and one step every 128 ms
POOLED_BANDS, POOLED_HOPS = 48, 8
SHORTEST_SAMPLES = WINDOW_SAMPLES + (POOLED_HOPS - 1) * HOP_SAMPLES


class MusicTagger(nn.Module):
    """Maps music to one embedding, and to logits by task."""

    def __init__(self, config: MusicTaggerConfig, classes: dict[str, int]) -> None:
        """`classes` is the number of classes of each task."""
        super().__init__()
        self.config = config
        self.classes = dict(classes)
        self.log_mel = LogMel(config.mel_bands, HOP_SAMPLES, SHORTEST_SAMPLES)
        self.bands = nn.BatchNorm1d(config.mel_bands)
        blocks = []
        for inputs, outputs, pooled in zip((1, *config.channels), config.channels, POOLS, strict=False):
            blocks += [
                nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ELU(),
                nn.MaxPool2d(pooled),
                nn.Dropout2d(config.dropout),
            ]
        self.convolutions = nn.Sequential(*blocks)
        width = config.channels[-1] * (config.mel_bands // POOLED_BANDS)
        self.rnn = nn.GRU(width, config.hidden, config.layers, batch_first=True)
        self.heads = nn.ModuleDict({name: nn.Linear(config.hidden, count) for name, count in classes.items()})

    def embed(self, audio: Float[Tensor, "B S"]) -> Float[Tensor, "B E"]:
        """One vector per clip, in [-1, 1]; any length. Audio shorter than 0.15 s is zero-padded."""
        bands = self.bands(self.log_mel(audio).transpose(1, 2))
        maps = self.convolutions(bands[:, None])  # (B, channels, M / 48, H / 8)
        _, hidden = self.rnn(maps.flatten(1, 2).transpose(1, 2))
        return hidden[-1]

    def forward(self, audio: Float[Tensor, "B S"]) -> dict[str, Float[Tensor, "B classes"]]:
        """Logits of each task."""
        embedding = self.embed(audio)
        return {name: head(embedding) for name, head in self.heads.items()}
