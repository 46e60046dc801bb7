"""Training clips without audio, with their categories, for the perceptual network and the held-out extractor.

The training songs are split by a hash of their ids: songs for the held-out extractor only, and the others. So a song
is always on the same side, in every table and on every machine.

Axes: B clips, T frames, J joints.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Float, Int
from torch import Tensor

from dancegen import schema, tables
from dancegen.errors import TableError
from dancegen.gan.losses import mask_missing
from dancegen.skeleton import COCO18
from dancegen.steps.pretrain_perceptual.settings import PretrainPerceptualConfig
from dancegen.training.clips import Clips, Shard
from dancegen.training.prefetch import ahead

COLUMNS = ["joints", "aspect", "category"]


@dataclass(frozen=True)
class Dances:
    """Clips as network input: a missing joint is 0."""

    pose: Float[Tensor, "B T J 2"]
    mask: Float[Tensor, "B T J"]
    category: Int[Tensor, " B"]

    def to(self, device: torch.device | str) -> "Dances":
        """The clips on a device."""
        return Dances(*(part.to(device, non_blocking=True) for part in (self.pose, self.mask, self.category)))


@dataclass(frozen=True)
class DatasetSummary:
    """Summary of the training data of one kind of network in a table of clips."""

    songs: tuple[str, ...]
    """The training songs of the network."""
    categories: tuple[str, ...]
    """Names of the classes, sorted."""
    train: int
    validation: int
    fps: float
    largest_share: float
    """Share of the most frequent category in the validation clips: the accuracy of a guess."""
    data_hash: str
    """Changes when a training or validation clip of the network is added, removed or changed."""


def is_heldout(song: str, share: float) -> bool:
    """Whether a song is among the `share` of training songs for the held-out extractor only."""
    number = int.from_bytes(hashlib.sha256(f"held out {song}".encode()).digest()[:8], "big")
    return number < share * 2**64


def summarize_dataset(config: PretrainPerceptualConfig) -> DatasetSummary:
    """Summarize the table. Raises TableError if there are no clips to train on, or several frame rates."""
    uri, share = config.clips, config.heldout_song_share
    rows = tables.read(uri, schema.CLIPS, columns=["clip_id", "split", "song", "category", "fps"]).to_pylist()
    rates = sorted({row["fps"] for row in rows})
    if len(rates) > 1:
        raise TableError(uri, f"holds clips of {rates} poses per second.", "Cut all clips at one rate.")
    of_heldout = config.kind == "heldout"
    train = [row for row in rows if row["split"] == "train" and is_heldout(row["song"], share) == of_heldout]
    validation = [row for row in rows if row["split"] == "validation"]
    if not train:
        problem = f"holds no songs to train {config.kind} on, with heldout_song_share={share:g}."
        raise TableError(uri, problem, "Cut clips of more songs, or give another heldout_song_share.")
    digest = hashlib.sha256(
        "\n".join(sorted(f"{row['split']} {row['clip_id']}" for row in train + validation)).encode()
    )
    counts = Counter(row["category"] for row in validation or train)
    return DatasetSummary(
        songs=tuple(sorted({row["song"] for row in train})),
        categories=tuple(sorted({row["category"] for row in train})),
        train=len(train),
        validation=len(validation),
        fps=rates[0],
        largest_share=max(counts.values()) / counts.total(),
        data_hash=digest.hexdigest(),
    )


class PoseClips:
    """The clips of one split for one kind of network."""

    def __init__(self, uri: str, split: str, normalization: str, data: DatasetSummary) -> None:
        songs = data.songs if split == "train" else None
        self.clips = Clips(uri, split, normalization, songs, COLUMNS)
        self.number = {name: number for number, name in enumerate(data.categories)}

    def __len__(self) -> int:
        return len(self.clips)

    def epoch(self, share: Shard) -> Iterator[Dances]:
        """A worker's batches of one epoch, shuffled and full; every worker has the same number."""
        yield from ahead(map(self.batch, self.clips.epoch_rows(share)))

    def every(self, rank: int, workers: int, batch_size: int) -> Iterator[Dances]:
        """A worker's batches of all clips, in order; there may be none. They do not depend on the number of workers."""
        yield from map(self.batch, self.clips.every_rows(rank, workers, batch_size))

    def batch(self, rows: pa.Table) -> Dances:
        """Rows of the table as network input; a category that is not trained on is -1."""
        poses, masks, categories = [], [], []
        for row in rows.to_pylist():
            joints = schema.from_bytes(row["joints"], "float32", -1, len(COCO18), 3)
            pose, mask = self.clips.normalize(joints, row["aspect"])
            poses.append(pose)
            masks.append(mask)
            categories.append(self.number.get(row["category"], -1))
        pose, mask = (torch.from_numpy(np.stack(part)) for part in (poses, masks))
        return Dances(mask_missing(pose, mask), mask, torch.tensor(categories))
