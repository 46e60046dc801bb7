"""Clips of music with dances: training data of the cross-modal metric, and clips to score with it.

Axes: B clips, T frames, S samples per frame, J joints.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.dataset as pads
import torch
from jaxtyping import Float, Int
from torch import Tensor

from dancegen import schema, tables
from dancegen.errors import TableError
from dancegen.music.rhythm import BEAT_COSINE, BEAT_SINE
from dancegen.training.batch import Batch
from dancegen.training.clips import COLUMNS, Clips, Shard
from dancegen.training.prefetch import ahead

LABELS = ["song", "category", "tempo_bpm"]


@dataclass(frozen=True)
class MusicBatch:
    """Clips, and the labels of their music."""

    clips: Batch
    ids: tuple[str, ...]
    songs: tuple[str, ...]
    category: Int[Tensor, " B"]
    """Index among the training clips' categories; -1 for a category that they lack."""
    tempo_bpm: Float[Tensor, " B"]
    """NaN if there is no beat."""

    @property
    def sound(self) -> Float[Tensor, "B samples"]:
        """The music of each clip."""
        return self.clips.audio.flatten(1)


class MusicClips:
    """One split of a table of clips, with its songs."""

    def __init__(self, uri: str, split: str, normalization: str) -> None:
        """Raises TableError if the split has no clips, or if the clips differ in poses per second."""
        self.uri, self.normalization = uri, normalization
        rows = tables.read(uri, schema.CLIPS, columns=["clip_id", "split", "song", "category", "fps"]).to_pylist()
        mine = [row for row in rows if row["split"] == split]
        if not mine:
            raise TableError(uri, f"holds no {split} clips.", "Cut clips of more songs, or with other held-out shares.")
        rates = sorted({row["fps"] for row in rows})
        if len(rates) > 1:
            raise TableError(uri, f"holds clips of {rates} poses per second.", "Cut all clips at one rate.")
        self.fps: float = rates[0]
        self.data_hash = hashlib.sha256(
            "\n".join(sorted(f"{row['split']} {row['clip_id']}" for row in rows)).encode()
        ).hexdigest()
        """Changes when a clip is added, removed or changed."""
        self.categories = tuple(sorted({row["category"] for row in rows if row["split"] == "train"}))
        self.songs: dict[str, list[str]] = defaultdict(list)
        """The ids of each song's clips, in an order that does not depend on time."""
        for row in sorted(mine, key=lambda row: hashlib.sha256(row["clip_id"].encode()).digest()):
            self.songs[row["song"]].append(row["clip_id"])
        self.clips = Clips(uri, split, normalization, columns=sorted({*COLUMNS, *LABELS}))

    def __len__(self) -> int:
        return len(self.clips)

    def epoch(self, batch_size: int, seed: int, epoch: int) -> Iterator[MusicBatch]:
        """All clips except those that do not fill a batch, shuffled."""
        share = Shard(rank=0, workers=1, batch_size=batch_size, seed=seed, epoch=epoch)
        yield from ahead(map(self.batch, self.clips.epoch_rows(share)))

    def every(
        self, batch_size: int, wanted: Collection[str] | None = None, rank: int = 0, workers: int = 1
    ) -> Iterator[MusicBatch]:
        """A worker's shard of all clips, in order; with `wanted`, only those with these ids."""
        ids = None if wanted is None else pads.field("clip_id").isin(sorted(wanted))
        for rows in self.clips.every_rows(rank, workers, batch_size):
            kept = rows if ids is None else rows.filter(ids)
            if len(kept):
                yield self.batch(kept)

    def batch(self, rows: pa.Table) -> MusicBatch:
        """Rows of the table as a batch."""
        number = {name: position for position, name in enumerate(self.categories)}
        clips = self.clips.batch(rows)
        known = rows["tempo_bpm"].to_pylist()
        tempos = [
            float(bpm) if bpm else phase_tempo(rhythm, self.fps)  # a table made without the column has null
            for bpm, rhythm in zip(known, clips.rhythm.numpy(), strict=True)
        ]
        return MusicBatch(
            clips=clips,
            ids=tuple(rows["clip_id"].to_pylist()),
            songs=tuple(rows["song"].to_pylist()),
            category=torch.tensor([number.get(name, -1) for name in rows["category"].to_pylist()]),
            tempo_bpm=torch.tensor(tempos),
        )


def phase_tempo(rhythm: Float[np.ndarray, "T R"], fps: float) -> float:
    """Tempo in beats per minute, from the rate of the beat phase; NaN if there is no beat."""
    phase = rhythm[:, BEAT_SINE], rhythm[:, BEAT_COSINE]
    if len(rhythm) < 2 or not np.any(phase):
        return math.nan
    steps = np.diff(np.arctan2(*phase)) % (2 * np.pi)
    return float(np.median(steps) / (2 * np.pi) * fps * 60)
