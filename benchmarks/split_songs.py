"""Time to split a library into training, validation and test, initially and when a song is added; scaling.

    python benchmarks/split_songs.py [VIDEOS]

Fingerprints are random, one minute each; one video in ten has the song of another one. Everything runs on one core.

compare    seconds to group videos by song, from scratch, and when one is added to a compared library
split      seconds to assign videos to splits by song and dancer, against a quarter of them: 4 is linear
"""

import sys
import tempfile
import time

import numpy as np

from dancegen import schema
from dancegen.music.fingerprint import PITCHES, candidates, same_song_groups
from dancegen.steps.cut_clips.same_songs import song_groups
from dancegen.steps.cut_clips.splits import split

VIDEOS, QUARTERS = 400, 240
SPLIT = 16_000


def main() -> None:
    """Run both measurements."""
    compare(int(sys.argv[1]) if len(sys.argv) > 1 else VIDEOS)
    small_s, large_s = split_s(SPLIT // 4), split_s(SPLIT)
    print(f"split: {SPLIT:,} videos {large_s:.2f} s, a quarter of them {small_s:.2f} s: {large_s / small_s:.1f}")


def compare(videos: int) -> None:
    """Print times from scratch in this process, for a second run, and for one more video."""
    marks = {f"video {number}": recording(number) for number in range(videos)}
    heard = {name: schema.to_bytes(mark, "float16") for name, mark in marks.items()}
    added = {**heard, "another": schema.to_bytes(recording(videos), "float16")}
    pairs = len(candidates(list(marks.values()), range(videos)))
    started = time.perf_counter()
    groups = same_song_groups(marks)
    all_s = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        song_groups(heard, f"{folder}/matches")
        started = time.perf_counter()
        song_groups(heard, f"{folder}/matches")
        again_s = time.perf_counter() - started
        started = time.perf_counter()
        song_groups(added, f"{folder}/matches")
        added_s = time.perf_counter() - started
    print(
        f"compare: {videos:,} videos of {len(set(groups.values())):,} songs, {pairs:,} pairs: {all_s:.2f} s; "
        f"run again {again_s:.3f} s ({all_s / again_s:.0f} times faster), one more video {added_s:.2f} s "
        f"({all_s / added_s:.0f} times faster)"
    )


def recording(number: int) -> np.ndarray:
    """A random fingerprint; every tenth is an excerpt of the one before."""
    random = np.random.default_rng(number - (number % 10 == 9))
    return random.random((QUARTERS, PITCHES)).astype(np.float16)[20 * (number % 10 == 9) :]


def split_s(videos: int) -> float:
    """Seconds to split videos of two categories, four per dancer."""
    rows = [
        {
            "uri": f"v{number}",
            "song": f"s{number}",
            "dancer": f"d{number % (videos // 4)}",
            "category": "ab"[number % 2],
        }
        for number in range(videos)
    ]
    started = time.perf_counter()
    split(rows, 0.1, 0.1, "song_and_dancer", {})
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
