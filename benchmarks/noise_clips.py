"""A table of random clips, for benchmarks of loading and training."""

import numpy as np

from dancegen import schema, tables
from dancegen.music.beats import RHYTHM_CHANNELS
from dancegen.skeleton import COCO18

FRAME_SAMPLES = 1600  # of audio, per frame


def write_clips(folder: str, frames: int, **counts: int) -> None:
    """Write the given number of clips per split: `write_clips(folder, 50, train=100, validation=8)`."""
    random = np.random.default_rng(0)
    tables.begin(folder, schema.CLIPS, {})
    for split, count in counts.items():
        rows = [
            {
                "clip_id": f"{split}{number}",
                "split": split,
                "fps": 10.0,
                "aspect": 1.5,
                "joints": schema.to_bytes(random.random((frames, len(COCO18), 3)), "float32"),
                "audio": schema.to_bytes(random.integers(-9999, 9999, frames * FRAME_SAMPLES), "int16"),
                "rhythm": schema.to_bytes(random.random((frames, len(RHYTHM_CHANNELS))), "float32"),
            }
            for number in range(count)
        ]
        tables.write_part(folder, schema.table(schema.CLIPS, rows), split, folder=split)
