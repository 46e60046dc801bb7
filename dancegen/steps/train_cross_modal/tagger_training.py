"""One update of the music tagger, and the state needed to resume.

It is trained on the labels of clips' music: its category (if there are several), its tempo class, and the playback of
the recording, a label that every song has. Detecting a recording that is played too fast requires features of natural
music.

Axes used in shapes:
    B clips    S samples
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from dancegen.steps.train_cross_modal.clips import MusicBatch
from dancegen.steps.train_cross_modal.music_tagger import MusicTagger
from dancegen.steps.train_cross_modal.network_settings import TaggerTrainingConfig
from dancegen.steps.train_cross_modal.settings import TrainCrossModalConfig
from dancegen.steps.train_cross_modal.single_network import SingleNetworkTraining
from dancegen.training.classification import CATEGORY, IGNORED, loss_and_accuracy
from dancegen.training.randomness import VALIDATION_STREAM

TEMPO, PLAYBACK = "tempo", "playback"
PLAYBACKS = ("as recorded", "backward", "faster", "slower")


@dataclass(frozen=True)
class Played:
    """Recordings as played to the tagger, and their labels by task."""

    audio: Float[Tensor, "B S"]
    labels: dict[str, Int[Tensor, " B"]]


class MusicTaggerTraining(SingleNetworkTraining[MusicTagger]):
    """The tagger and its optimizer."""

    def __init__(
        self, config: TrainCrossModalConfig, categories: int, updates: int, device: torch.device | str = "cpu"
    ) -> None:
        """`updates` are those of the whole training."""
        self.config = config.tagger_training
        super().__init__(
            lambda: MusicTagger(config.tagger, questions(config.tagger_training, categories)),
            config.tagger,
            config.tagger_training.learning_rate,
            updates,
            config.seed,
            device,
        )

    def step(self, music: MusicBatch) -> dict[str, Tensor]:
        """One update. Returns the loss and the accuracy of each task, detached, by name."""
        self.network.train()
        with self.randomness(self.updates):
            found = self._loss_and_accuracy(music)
        self.learn(found["loss"])
        return {name: value.detach() for name, value in found.items()}

    @torch.no_grad()
    def validate(self, music: MusicBatch, number: int) -> dict[str, Tensor]:
        """Loss and accuracy on validation clips, without an update; `number`, that of the batch, seeds its changes."""
        self.network.eval()
        with self.randomness(number, VALIDATION_STREAM):
            return self._loss_and_accuracy(music)

    def _loss_and_accuracy(self, music: MusicBatch) -> dict[str, Tensor]:
        played = play(music, self.config)
        said = self.network(played.audio.to(self.device))
        return loss_and_accuracy(said, {name: label.to(self.device) for name, label in played.labels.items()})


def questions(config: TaggerTrainingConfig, categories: int) -> dict[str, int]:
    """Number of classes of each task. With one category there is no category task."""
    asked = {TEMPO: len(config.tempo_bounds_bpm) + 1, PLAYBACK: len(PLAYBACKS)}
    return {CATEGORY: categories, **asked} if categories > 1 else asked


def play(music: MusicBatch, config: TaggerTrainingConfig) -> Played:
    """Some recordings unchanged, others backward, faster or slower; from a random start, and all equally long.

    All are interpolated between samples, so that the loss of high frequencies does not reveal the label.
    """
    sound = music.sound
    clips, samples = sound.shape
    label = torch.where(torch.rand(clips) < config.changed_share, torch.randint(1, len(PLAYBACKS), (clips,)), 0)
    speed = torch.tensor([1.0, 1.0, config.speed, 1 / config.speed])[label]
    speed = speed * (1 + config.speed_jitter * (2 * torch.rand(clips) - 1))
    length = max(1, math.floor((samples - 1) / (config.speed * (1 + config.speed_jitter))))
    start = torch.rand(clips) * (samples - 1 - speed * (length - 1)).clamp(min=0)
    moment = start.double()[:, None] + speed.double()[:, None] * torch.arange(length)
    before = moment.long().clamp(max=max(0, samples - 2))
    share = (moment - before).clamp(0, 1).to(sound)
    after = (before + 1).clamp(max=samples - 1)
    audio = sound.gather(1, before) * (1 - share) + sound.gather(1, after) * share
    audio = torch.where((label == PLAYBACKS.index("backward"))[:, None], audio.flip(1), audio)
    labels = {CATEGORY: music.category, TEMPO: tempo_class(music.tempo_bpm * speed, config), PLAYBACK: label}
    return Played(audio, labels)


def tempo_class(bpm: Float[Tensor, " B"], config: TaggerTrainingConfig) -> Int[Tensor, " B"]:
    """The class of each tempo, from the slowest; IGNORED if there is none."""
    found = torch.bucketize(bpm, torch.tensor(config.tempo_bounds_bpm).to(bpm), right=True)
    return torch.where(bpm > 0, found, IGNORED)
