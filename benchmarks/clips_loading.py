"""Can the loader of clips keep a trainer busy? Clips read and made into batches, against one update on them.

    python benchmarks/clips_loading.py

Makes its own table of clips (random joints and noise), reads an epoch of it, and makes updates on its first batch.
Prints clips per second of both, and how many workers' updates one loader could feed.
"""

import tempfile
import time

import numpy as np

from dancegen import schema, tables
from dancegen.models import checkpoint
from dancegen.motion.beats import RHYTHM_CHANNELS
from dancegen.settings.dance_model import DanceModelConfig
from dancegen.skeleton import COCO18
from dancegen.training.clips import Clips, Share
from dancegen.training.dance import Batch, DanceTraining

CLIPS, FRAMES, SAMPLES, BATCH, UPDATES = 512, 50, 80_000, 16, 10


def main() -> None:
    """Measure both."""
    with tempfile.TemporaryDirectory() as folder:
        write_clips(folder)
        share = Share(rank=0, workers=1, batch_size=BATCH, seed=0, epoch=0)
        started = time.perf_counter()
        batches = list(Clips(folder, "train", "body").epoch(share))
        loaded = len(batches) * BATCH / (time.perf_counter() - started)
        learned = updates_per_s(batches[0]) * BATCH
        print(f"loading {loaded:.0f} clips/s, updates {learned:.0f} clips/s: one loader feeds {loaded / learned:.0f}")


def write_clips(folder: str) -> None:
    """A table of clips of noise."""
    random = np.random.default_rng(0)
    rows = [
        {
            "clip_id": str(number),
            "split": "train",
            "fps": 10.0,
            "aspect": 1.5,
            "joints": schema.to_bytes(random.random((FRAMES, len(COCO18), 3)), "float32"),
            "audio": schema.to_bytes(random.integers(-9999, 9999, SAMPLES), "int16"),
            "rhythm": schema.to_bytes(random.random((FRAMES, len(RHYTHM_CHANNELS))), "float32"),
        }
        for number in range(CLIPS)
    ]
    tables.begin(folder, schema.CLIPS, {})
    tables.write_part(folder, schema.table(schema.CLIPS, rows), "benchmark", "split=train/category=noise")


def updates_per_s(batch: Batch) -> float:
    """Whole updates (both discriminators and the generator) per second."""
    perceptual = checkpoint.load_perceptual(checkpoint.shipped_perceptual())
    training = DanceTraining(DanceModelConfig(), seed=0, perceptual=perceptual)
    training.step(batch)
    started = time.perf_counter()
    for _ in range(UPDATES):
        training.step(batch)
    return UPDATES / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
