"""Training clips: sharding across workers, shuffling, and conversion of table rows to batches.

The order depends only on the seed, the epoch and the worker's rank, so a resumed run gets exactly the clips
of an uninterrupted one. Row groups are sharded whole as far as possible: a worker reads its shard of the
table and little more, one pool at a time, and prefetches the next pool.

Axes: B clips, T frames, J joints, S samples.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.dataset as pads
import torch
from jaxtyping import Int64

from dancegen import schema, tables
from dancegen.errors import ConfigError, TableError
from dancegen.gan.styles import known_numbers, styles_of
from dancegen.music.beats import RHYTHM_CHANNELS
from dancegen.pose.normalize import NORMALIZATIONS, Normalize
from dancegen.skeleton import COCO18
from dancegen.training.batch import Batch
from dancegen.training.prefetch import ahead

EVERY_CLIPS = 16  # batch size of validation, whatever the batch size of training
POOL_CLIPS = 768  # shuffled together; about 130 MB
COLUMNS = ["clip_id", "joints", "audio", "rhythm", "aspect", "category"]
LOOKUPS = 16  # parts whose footers are read at the same time: on S3 each takes tens of milliseconds
FULL_SCALE = 32768.0  # of int16 audio
CUT_AGAIN = "Run cut-clips again, which reuses the poses, on two songs or more"  # for a table without validation clips


@dataclass(frozen=True)
class Shard:
    """The clips that one worker reads in one epoch."""

    rank: int
    workers: int
    batch_size: int
    seed: int
    epoch: int
    done: int = 0
    """Batches of the epoch that are already done and are skipped."""


@dataclass(frozen=True)
class Summary:
    """Summary of a table of clips."""

    train: int
    validation: int
    test: int
    fps: float
    data_hash: str
    """Changes when a clip is added, removed or changed, whatever the order and the location of the table."""
    rhythm_version: int
    """How the rhythm channels were computed: schema.RHYTHM_VERSION of the release that cut the first part."""
    styles: tuple[str, ...]
    """Names of the training clips' styles."""


def summarize(uri: str) -> Summary:
    """Summarize a table. Raises TableError if it has no clips to train on, or clips of several frame rates."""
    rows = tables.read(uri, schema.CLIPS, columns=["clip_id", "split", "fps", "category"])
    ids, splits, rates, categories = (rows[name].to_pylist() for name in ("clip_id", "split", "fps", "category"))
    if "train" not in splits:
        raise TableError(uri, "holds no clips to train on.", "Give cut-clips more videos, or smaller held-out shares.")
    if len(set(rates)) > 1:
        raise TableError(uri, f"holds clips of {sorted(set(rates))} poses per second.", "Cut all clips at one rate.")
    digest = hashlib.sha256(
        "\n".join(sorted(f"{split} {clip}" for split, clip in zip(splits, ids, strict=True))).encode()
    )
    train, validation, test = map(splits.count, ("train", "validation", "test"))
    rhythm = int(rows.schema.metadata.get(b"dancegen.rhythm", b"1"))
    styles = styles_of(category for category, split in zip(categories, splits, strict=True) if split == "train")
    return Summary(train, validation, test, rates[0], digest.hexdigest(), rhythm, styles)


def batches_per_epoch(clips: int, workers: int, batch_size: int, subject: str) -> int:
    """Updates per epoch, the same on every worker. Raises ConfigError if there are too few clips for one."""
    if clips < workers * batch_size:
        raise ConfigError(
            f"batch_size={batch_size}",
            f"times {workers} workers needs {workers * batch_size} clips, but {subject} has {clips} to train on.",
            "Give a smaller batch_size or fewer workers, or cut more clips.",
        )
    return clips // (workers * batch_size)


class Clips:
    """One split of a table of clips."""

    def __init__(
        self,
        uri: str,
        split: str,
        normalization: str,
        songs: Collection[str] | None = None,
        columns: Sequence[str] = COLUMNS,
        styles: Sequence[str] = (),
    ) -> None:
        """With `songs`, only their clips are read; `columns` are read for a batch. `styles` are those of the model."""
        self.normalize, self.columns, self.styles = NORMALIZATIONS[normalization], list(columns), styles
        self.wanted = None if songs is None else pads.field("song").isin(sorted(songs))
        self.groups: list[pads.Fragment] = []
        if files := tables.files(uri, split):
            fragments = tables.open_dataset(uri, schema.CLIPS, files).get_fragments()
            with ThreadPoolExecutor(LOOKUPS) as pool:
                self.groups = [group for groups in pool.map(_groups, fragments) for group in groups]
        # not count_rows(), which counts the whole file for a fragment of it
        self.sizes = [sum(group.num_rows for group in fragment.row_groups) for fragment in self.groups]
        if self.wanted is not None:
            self.sizes = [len(group.to_table(columns=["song"], filter=self.wanted)) for group in self.groups]

    def __len__(self) -> int:
        return sum(self.sizes)

    def epoch(self, share: Shard) -> Iterator[Batch]:
        """A worker's batches of one epoch, shuffled and full; every worker has the same number.

        The remaining batches of a resumed epoch are those of an uninterrupted epoch. Batches are prefetched in another
        thread; if there is a GPU, into pinned memory.
        """
        yield from ahead(map(self._pinned, self.epoch_rows(share)))

    def every(self, rank: int, workers: int, batch_size: int) -> Iterator[Batch]:
        """A worker's batches of all clips, in order; there may be none. They do not depend on the number of workers."""
        yield from map(self.batch, self.every_rows(rank, workers, batch_size))

    def epoch_rows(self, share: Shard) -> Iterator[pa.Table]:
        """Rows of the table for each batch of `epoch`."""
        order = shard_indices(self.sizes, share)[share.done * share.batch_size :]
        if not len(order):
            return
        pools = np.split(order, range(POOL_CLIPS, len(order), POOL_CLIPS))
        left = None
        for pool in self._read_ahead(pools):
            rows = pool if left is None else pa.concat_tables([left, pool])
            whole = len(rows) - len(rows) % share.batch_size
            for start in range(0, whole, share.batch_size):
                yield rows.slice(start, share.batch_size)
            left = rows.slice(whole)

    def every_rows(self, rank: int, workers: int, batch_size: int) -> Iterator[pa.Table]:
        """Rows of the table for each batch of `every`."""
        order = _in_order(self.sizes)
        for first in range(rank * batch_size, len(order), workers * batch_size):
            yield self._read(order[first : first + batch_size])

    def some(self, count: int) -> Batch:
        """Up to `count` clips, evenly spaced over all, always the same. Raises ValueError if there are none."""
        order = _in_order(self.sizes)
        return self.batch(self._read(order[np.linspace(0, len(order) - 1, min(count, len(order))).astype(int)]))

    def batch(self, rows: pa.Table) -> Batch:
        """Rows of the table as a batch."""
        return batch_of(rows, self.normalize, self.styles)

    def _pinned(self, rows: pa.Table) -> Batch:
        batch = self.batch(rows)
        return batch.pinned() if torch.cuda.is_available() else batch

    def _read_ahead(self, pools: list[np.ndarray]) -> Iterator[pa.Table]:
        with ThreadPoolExecutor(1) as reader:
            waiting = reader.submit(self._read, pools[0])
            for following in pools[1:]:
                rows, waiting = waiting.result(), reader.submit(self._read, following)
                yield rows
            yield waiting.result()

    def _read(self, order: np.ndarray) -> pa.Table:
        """The rows at (group, row) pairs, in that order."""
        needed, position = np.unique(order[:, 0], return_inverse=True)
        starts = np.concatenate([[0], np.cumsum([self.sizes[group] for group in needed])])[:-1]
        rows = pa.concat_tables(
            [self.groups[group].to_table(columns=self.columns, filter=self.wanted) for group in needed]
        )
        return rows.take(pa.array(starts[position] + order[:, 1]))


def _groups(fragment: pads.Fragment) -> list[pads.Fragment]:
    return fragment.split_by_row_group()


def batch_of(rows: pa.Table, normalize: Normalize, styles: Sequence[str] = ()) -> Batch:
    """Rows of a table of clips (COLUMNS) as a batch, with the numbers of the clips' styles if a model has styles."""
    poses, masks, sounds, rhythms = [], [], [], []
    for row in rows.to_pylist():
        joints = schema.from_bytes(row["joints"], "float32", -1, len(COCO18), 3)
        pose, mask = normalize(joints, row["aspect"])
        poses.append(pose)
        masks.append(mask)
        sounds.append(schema.from_bytes(row["audio"], "int16", len(joints), -1) / np.float32(FULL_SCALE))
        rhythms.append(schema.from_bytes(row["rhythm"], "float32", len(joints), len(RHYTHM_CHANNELS)))
    audio, rhythm, pose, mask = (torch.from_numpy(np.stack(part)) for part in (sounds, rhythms, poses, masks))
    ids = torch.tensor(_numbers(rows["clip_id"]))
    style = torch.tensor(known_numbers(rows["category"].to_pylist(), styles)) if styles else None
    return Batch(audio=audio, rhythm=rhythm, pose=pose, mask=mask, ids=ids, style=style)


def _numbers(ids: pa.ChunkedArray) -> list[int]:
    """63 bits of each clip's id."""
    hashes = (hashlib.sha256(str(each).encode()).digest() for each in ids.to_pylist())
    return [int.from_bytes(each[:8]) >> 1 for each in hashes]


def shard_indices(sizes: list[int], share: Shard) -> Int64[np.ndarray, "N 2"]:
    """The (row group, row) pairs that a worker reads in an epoch, in order.

    All workers shuffle the groups and the rows inside them identically and cut the result into equal shards;
    then each shuffles its shard, one pool at a time. Clips that do not fill a batch on every worker are left
    out; they are different ones in every epoch.
    """
    random = np.random.default_rng([share.seed % 2**32, share.epoch])
    groups = random.permutation(len(sizes))
    rows = [np.stack([np.full(sizes[group], group), random.permutation(sizes[group])], axis=1) for group in groups]
    everything = np.concatenate(rows).astype(np.int64)
    each = len(everything) // (share.workers * share.batch_size) * share.batch_size
    mine = everything[share.rank * each : (share.rank + 1) * each]
    random = np.random.default_rng([share.seed % 2**32, share.epoch, share.rank])
    pools = np.split(mine, range(POOL_CLIPS, len(mine), POOL_CLIPS))
    return np.concatenate([random.permutation(pool) for pool in pools])


def _in_order(sizes: list[int]) -> Int64[np.ndarray, "N 2"]:
    pairs = [(group, row) for group, size in enumerate(sizes) for row in range(size)]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
