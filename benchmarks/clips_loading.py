"""Does training wait for the clip loader? Batches prefetched during the updates, against batches loaded between them.

    python benchmarks/clips_loading.py

Writes its own table of clips (random joints and noise). Prints the loading time of one batch, clips per second of the
loader and of updates, and the seconds of an epoch both ways, measured alternately; on a GPU if available.
"""

import statistics
import tempfile
import time
from collections.abc import Iterable

import torch
from noise_clips import write_clips

from dancegen.checkpoints import checkpoint
from dancegen.gan.settings import DanceModelConfig
from dancegen.steps.train_dance.training import Batch, DanceTraining
from dancegen.training.clips import Clips, Shard

CLIPS, FRAMES, BATCH, ROUNDS = 512, 50, 16, 3
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def main() -> None:
    """Measure the loader alone, then epochs."""
    with tempfile.TemporaryDirectory() as folder:
        write_clips(folder, FRAMES, train=CLIPS)
        clips = Clips(folder, "train", "body")
        share = Shard(rank=0, workers=1, batch_size=BATCH, seed=0, epoch=0)
        started = time.perf_counter()
        batches = list(map(clips.batch, clips.epoch_rows(share)))
        made_s = time.perf_counter() - started
        training = new_training()
        epoch_s(training, batches[:2])
        between, beside = [], []
        for _ in range(ROUNDS):
            between.append(epoch_s(training, map(clips.batch, clips.epoch_rows(share))))
            beside.append(epoch_s(training, clips.epoch(share)))
        learned_s = epoch_s(training, batches)
    ratio = statistics.median(one / other for one, other in zip(beside, between, strict=True))
    print(
        f"{DEVICE}: loading {CLIPS / made_s:.0f} clips/s ({1000 * made_s / len(batches):.1f} ms per batch of {BATCH}), "
        f"updates {CLIPS / learned_s:.0f} clips/s; an epoch with batches loaded between the updates "
        f"{statistics.median(between):.2f} s, prefetched {statistics.median(beside):.2f} s: {ratio:.2f}"
    )


def new_training() -> DanceTraining:
    """Training of the default preset, with all its losses."""
    perceptual = checkpoint.load_perceptual(checkpoint.shipped_perceptual()).to(DEVICE)
    return DanceTraining(DanceModelConfig(), seed=0, perceptual=perceptual, wrap=lambda network: network.to(DEVICE))


def epoch_s(training: DanceTraining, batches: Iterable[Batch]) -> float:
    """Seconds for one update per batch."""
    started = time.perf_counter()
    for batch in batches:
        training.step(batch.to(DEVICE))
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
