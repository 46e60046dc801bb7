"""What does the split of a library cost, the first time and when a song is added? And does it grow with the library?

    python benchmarks/split_songs.py [VIDEOS]

Fingerprints are of noise, a minute each; one video in ten has another one's song. Everything runs on one core.

compare    seconds to find the videos of one song, from nothing, and when one is added to those that are known
split      seconds to put videos on their sides by song and dancer, against a quarter of them: 4 is linear
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
    """Both."""
    compare(int(sys.argv[1]) if len(sys.argv) > 1 else VIDEOS)
    small_s, large_s = split_s(SPLIT // 4), split_s(SPLIT)
    print(f"split: {SPLIT:,} videos {large_s:.2f} s, a quarter of them {small_s:.2f} s: {large_s / small_s:.1f}")


def compare(videos: int) -> None:
    """From nothing in this process; then one more video where all others are known."""
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
    """Every tenth is an excerpt of the one before."""
    random = np.random.default_rng(number - (number % 10 == 9))
    return random.random((QUARTERS, PITCHES)).astype(np.float16)[20 * (number % 10 == 9) :]


def split_s(videos: int) -> float:
    """Two categories, four videos of each dancer."""
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
