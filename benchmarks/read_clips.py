"""Throughput of clips from Parquet to torch batches, and its limits.

    python benchmarks/read_clips.py [CLIPS]

Writes a table of clips with synthetic audio and reads it in four ways, alternately, three times each, on two cores:

    parquet     pyarrow reads and decompresses the columns only: the limit of the format
    decoded     as above, and decodes bytes to arrays batch by batch, in one thread
    ours        the loader that training uses (training/clips.py): shuffled, normalised, read ahead
    ray data    ray.data.read_parquet in Ray tasks, then decoded as in `decoded`

Prints clips per second of each after the first batch, MB per second of the compressed table, and seconds to the first
batch; all are medians over the repetitions.
"""

import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dancegen import schema, tables
from dancegen.corpus.music.songs import synthesize
from dancegen.corpus.structure import compose
from dancegen.media.audio import SAMPLE_RATE
from dancegen.music.beats import RHYTHM_CHANNELS
from dancegen.pose.normalize import NORMALIZATIONS
from dancegen.skeleton import COCO18
from dancegen.training.clips import COLUMNS, FULL_SCALE, Clips, Shard

FRAMES, FRAME_SAMPLES, BATCH, A_PART, AHEAD, TURNS = 50, 1600, 64, 96, 4, 3


def main() -> None:
    """Measure all four ways."""
    clips = int(sys.argv[1]) if len(sys.argv) > 1 else 4096
    os.environ["RAY_AUTH_MODE"] = "disabled"
    with tempfile.TemporaryDirectory() as folder:
        write(folder, clips)
        megabytes = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet")) / 1e6
        ways = {"parquet": parquet, "decoded": decoded, "ours": ours, "ray data": ray_data()}
        turns = {name: [measured(way(folder)) for _ in range(TURNS)] for name, way in ways.items()}
        for name, measures in turns.items():
            rate, first_s = (statistics.median(each) for each in zip(*measures, strict=True))
            print(f"{name:9s} {rate:6.0f} clips/s {rate / clips * megabytes:5.0f} MB/s, first batch {first_s:.2f} s")


def measured(batches: Iterator[int]) -> tuple[float, float]:
    """Clips per second after the first batch, and seconds to the first batch; `batches` are sizes."""
    started = time.perf_counter()
    next(batches)
    first = time.perf_counter()
    return sum(batches) / (time.perf_counter() - first), first - started


def write(folder: str, clips: int) -> None:
    """Write a table of `clips` clips: random walks of joints, and excerpts of songs."""
    random = np.random.default_rng(0)
    songs = [synthesize(compose(category, 0, 60.0), SAMPLE_RATE) for category in ("kpop", "ballet", "popping")]
    tables.begin(folder, schema.CLIPS, {})
    for start in range(0, clips, A_PART):
        rows = [clip(random, songs[start % len(songs)], number) for number in range(start, min(start + A_PART, clips))]
        tables.write_part(folder, schema.table(schema.CLIPS, rows), str(start), folder="train")


def clip(random: np.random.Generator, song: np.ndarray, number: int) -> dict[str, object]:
    """A row of schema.CLIPS."""
    first = random.integers(0, len(song) - FRAMES * FRAME_SAMPLES)
    joints = np.cumsum(random.normal(scale=0.01, size=(FRAMES, len(COCO18), 3)), axis=0) + 0.5
    return {
        "clip_id": str(number),
        "split": "train",
        "fps": 10.0,
        "aspect": 1.5,
        "joints": schema.to_bytes(joints, "float32"),
        "audio": schema.to_bytes(np.round(song[first : first + FRAMES * FRAME_SAMPLES] * 32767), "int16"),
        "rhythm": schema.to_bytes(random.random((FRAMES, len(RHYTHM_CHANNELS))), "float32"),
    }


def parquet(folder: str) -> Iterator[int]:
    """Sizes of batches of the decompressed columns."""
    for batch in tables.open_dataset(folder, schema.CLIPS).to_batches(columns=COLUMNS, batch_size=BATCH):
        yield len(batch)


def decoded(folder: str) -> Iterator[int]:
    """Sizes of batches of decoded tensors."""
    for batch in tables.open_dataset(folder, schema.CLIPS).to_batches(columns=COLUMNS, batch_size=BATCH):
        yield len(tensors(batch.to_pydict())["audio"])


def ours(folder: str) -> Iterator[int]:
    """Sizes of the batches of one epoch of the training loader."""
    share = Shard(rank=0, workers=1, batch_size=BATCH, seed=0, epoch=0)
    for batch in Clips(folder, "train", "body").epoch(share):
        yield len(batch.audio)


def ray_data() -> Callable[[str], Iterator[int]]:
    """Reader with Ray Data; Ray is started before the measurement."""
    import ray.data

    from dancegen.engine.cluster.session import start_ray

    start_ray(2)
    logging.getLogger(ray.data.__name__).setLevel(logging.ERROR)

    def read(folder: str) -> Iterator[int]:
        clips = ray.data.read_parquet(tables.parts(folder)).select_columns(COLUMNS)
        clips.context.enable_progress_bars = False
        for batch in clips.iter_batches(batch_size=BATCH, batch_format="pyarrow", prefetch_batches=AHEAD):
            yield len(tensors(batch.to_pydict())["audio"])

    return read


def tensors(batch: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Columns of bytes as normalised input tensors of the networks."""
    normalize = NORMALIZATIONS["body"]
    joints = [schema.from_bytes(data, "float32", FRAMES, len(COCO18), 3) for data in batch["joints"]]
    poses = [normalize(each, aspect) for each, aspect in zip(joints, batch["aspect"], strict=True)]
    sounds = [schema.from_bytes(data, "int16", FRAMES, FRAME_SAMPLES) for data in batch["audio"]]
    made = {
        "pose": np.stack([pose for pose, _ in poses]),
        "mask": np.stack([mask for _, mask in poses]),
        "audio": np.stack(sounds) / np.float32(FULL_SCALE),
        "rhythm": np.stack([schema.from_bytes(data, "float32", FRAMES, -1) for data in batch["rhythm"]]),
    }
    return {name: torch.from_numpy(array) for name, array in made.items()}


if __name__ == "__main__":
    main()
