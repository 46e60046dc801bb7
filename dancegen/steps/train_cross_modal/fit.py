"""Training of the cross-modal metric on clips.

The music tagger is trained on the training songs; the songs of the dictionary are clustered into classes; the pose
metric psi is trained to distinguish dances of different classes; and psi of the dictionary's dances is stored.

Axes used in shapes:
    B clips    T frames    J joints    N clips of the dictionary    E music features
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from dancegen.errors import DivergedError, TableError
from dancegen.steps.train_cross_modal import music_classes as metric
from dancegen.steps.train_cross_modal.clips import MusicClips
from dancegen.steps.train_cross_modal.metric import (
    EMBED_CLIPS,
    CrossModal,
    Dictionary,
    Tagger,
    embed_dances,
    embed_music,
)
from dancegen.steps.train_cross_modal.pose_metric import PoseMetric
from dancegen.steps.train_cross_modal.pose_metric_training import PoseMetricTraining, draw_groups
from dancegen.steps.train_cross_modal.settings import TrainCrossModalConfig
from dancegen.steps.train_cross_modal.tagger_training import MusicTaggerTraining
from dancegen.training.meters import Mean, merged, not_finite

TAGGER, DICTIONARY, POSE_METRIC = "music tagger", "dictionary", "pose metric"
SAVE_EVERY = 100  # updates of the pose metric
TELL_EVERY = 10  # updates

Progress = Callable[[str, int, int, dict[str, float]], None]
"""Called with the name of the phase, the amount done, the total, and the losses."""


@runtime_checkable
class Saves(Protocol):
    """Storage of training states to resume from."""

    def load(self, name: str) -> dict[str, Any] | None:
        """The last state of this name; None if there is none."""
        ...

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Store a state in place of the last one."""
        ...


class Forgets:
    """Stores no states."""

    def load(self, name: str) -> None:
        """Return None."""

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Discard the state."""


FORGETS = Forgets()


@dataclass(frozen=True)
class Fit:
    """A training of the metric: its settings, device, state storage and progress callback."""

    config: TrainCrossModalConfig
    device: torch.device | str = "cpu"
    saves: Saves = FORGETS
    on_progress: Progress = lambda *_: None

    def run(self, clips: MusicClips, validation: MusicClips | None = None, tagger: Tagger | None = None) -> CrossModal:
        """The metric, trained on training clips. The same clips and settings give the same metric.

        With `validation` clips its card contains the tagger's accuracy on them. A given `tagger` is not trained. Raises
        TableError for fewer than two songs, or if all songs sound the same.
        """
        if len(clips.songs) < metric.FEWEST_CLUSTERS:
            problem = f"holds {len(clips.songs)} training song, but classes of dances need at least two."
            raise TableError(clips.uri, problem, "Cut clips of more songs.")
        heard: dict[str, float] = {}
        if tagger is None:
            training = self._train_tagger(clips)
            tagger, heard = training.network.eval(), _heard(training, validation)
        songs = tuple(sorted(clips.songs))
        song, music, pose, mask = self._dictionary(clips, songs, tagger)
        clusters = self._clusters(clips.uri, metric.song_means(music, song, len(songs)))
        psi = self._train_pose_metric(pose, mask, clusters.labels[song])
        dictionary = Dictionary(songs, clusters.labels, song, music, embed_dances(psi, pose, mask))
        card = {
            "clips": len(clips),
            "dictionary_clips": len(song),
            "songs": len(songs),
            "classes": clusters.count,
            "silhouettes": {str(count): round(value, 4) for count, value in clusters.silhouettes.items()},
            "right_answers": heard,
        }
        return CrossModal(self.config, clips.fps, tagger, psi, dictionary, card)

    def _train_tagger(self, clips: MusicClips) -> MusicTaggerTraining:
        """Train the music tagger. Its state is saved after each epoch."""
        settings = self.config.tagger_training
        batch_size = min(settings.batch_size, len(clips))
        each = len(clips) // batch_size
        total = settings.epochs * each
        training = MusicTaggerTraining(self.config, len(clips.categories), total, self.device)
        if state := self.saves.load(TAGGER):
            training.load(state)
        for epoch in range(training.updates // each, settings.epochs):
            for batch in clips.epoch(batch_size, self.config.seed, epoch):
                self._tell(TAGGER, training.step(batch), training.updates, total)
            self.saves.save(TAGGER, training.state())
        return training

    def _dictionary(
        self, clips: MusicClips, songs: Sequence[str], tagger: Tagger
    ) -> tuple[Int64[np.ndarray, " N"], Float32[np.ndarray, "N E"], Float[Tensor, "N T J 2"], Float[Tensor, "N T J"]]:
        """Song, music embedding, pose and mask of each clip of the dictionary."""
        number = {name: position for position, name in enumerate(songs)}
        wanted = {clip for of_song in clips.songs.values() for clip in of_song[: self.config.clips_per_song]}
        song, music, pose, mask = [], [], [], []
        for batch in clips.every(EMBED_CLIPS, wanted):
            song += [number[name] for name in batch.songs]
            music.append(embed_music(tagger, batch.sound))
            pose.append(batch.clips.pose)
            mask.append(batch.clips.mask)
            self.on_progress(DICTIONARY, len(song), len(wanted), {})
        return np.array(song, dtype=np.int64), np.concatenate(music), torch.cat(pose), torch.cat(mask)

    def _clusters(self, uri: str, means: Float[np.ndarray, "S E"]) -> metric.Clusters:
        try:
            return metric.cluster(means, self.config.seed, self.config.most_clusters)
        except ValueError as error:
            raise TableError(uri, f"holds songs that all sound the same ({error}).", "Cut other songs.") from error

    def _train_pose_metric(
        self, pose: Float[Tensor, "N T J 2"], mask: Float[Tensor, "N T J"], classes: Int64[np.ndarray, " N"]
    ) -> PoseMetric:
        training = PoseMetricTraining(self.config, self.device)
        if state := self.saves.load(POSE_METRIC):
            training.load(state)
        while training.updates < training.total:
            groups = torch.from_numpy(draw_groups(classes, training.config, self.config.seed, training.updates))
            losses = training.step(pose[groups], mask[groups])
            self._tell(POSE_METRIC, losses, training.updates, training.total)
            if training.updates % SAVE_EVERY == 0:
                self.saves.save(POSE_METRIC, training.state())
        return training.network.eval()

    def _tell(self, what: str, losses: dict[str, Tensor], done: int, total: int) -> None:
        if done % TELL_EVERY == 0 or done == total:
            numbers = {name: float(value) for name, value in losses.items()}
            if wrong := not_finite(numbers):
                problem = f"became NaN or Inf after {done} updates."
                raise DivergedError(f"{what}: {wrong}", problem, "Give a smaller learning_rate, and another output.")
            self.on_progress(what, done, total, numbers)


def _heard(training: MusicTaggerTraining, validation: MusicClips | None) -> dict[str, float]:
    """The tagger's accuracy in each task on validation songs."""
    mean = Mean()
    for number, batch in enumerate(validation.every(EMBED_CLIPS) if validation else []):
        mean.add(training.validate(batch, number), weight=len(batch.ids))
    return {name: value for name, value in merged([mean.sums()]).items() if name != "loss"}
