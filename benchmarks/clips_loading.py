"""Can the loader of clips keep a trainer busy? Clips read and made into batches, against one update on them.

    python benchmarks/clips_loading.py

Makes its own table of clips (random joints and noise), reads an epoch of it, and makes updates on its first batch.
Prints clips per second of both, and how many workers' updates one loader could feed.
"""

import tempfile
import time

from noise_clips import write_clips

from dancegen.models import checkpoint
from dancegen.settings.dance_model import DanceModelConfig
from dancegen.training.clips import Clips, Share
from dancegen.training.dance import Batch, DanceTraining

CLIPS, FRAMES, BATCH, UPDATES = 512, 50, 16, 10


def main() -> None:
    """Measure both."""
    with tempfile.TemporaryDirectory() as folder:
        write_clips(folder, FRAMES, train=CLIPS)
        share = Share(rank=0, workers=1, batch_size=BATCH, seed=0, epoch=0)
        started = time.perf_counter()
        batches = list(Clips(folder, "train", "body").epoch(share))
        loaded = len(batches) * BATCH / (time.perf_counter() - started)
        learned = updates_per_s(batches[0]) * BATCH
        print(f"loading {loaded:.0f} clips/s, updates {learned:.0f} clips/s: one loader feeds {loaded / learned:.0f}")


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
