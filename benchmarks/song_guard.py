"""Song fingerprints: recall of modified copies, false matches between songs, and time for a library.

    python benchmarks/song_guard.py [FOLDER_WITH_SONGS]

Songs are synthetic, one minute each, or those of a folder.

changes    similarity (dancegen/music/fingerprint.py, from 0 to 1) of each song to itself after each change, and the
           fraction recognised as the same song
others     similarity of each pair of different songs, and the fraction taken for the same song
library    synthetic songs and modified copies of some, each under its own name: number of copies grouped with their
           song, of songs grouped with other songs, of copies in another split than their song with this guard and
           without it, and seconds
"""

import itertools
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from scipy import signal

from dancegen.corpus.music.songs import synthesize
from dancegen.corpus.structure import CATEGORIES, compose
from dancegen.errors import BadMediaError
from dancegen.media import audio
from dancegen.media.audio import SAMPLE_RATE
from dancegen.media.container import SOUND_SUFFIXES
from dancegen.music.fingerprint import SAME_SONG, alike, fingerprint, same_song_groups
from dancegen.schema import UNKNOWN
from dancegen.steps.cut_clips.splits import split

SONGS, LIBRARY, COPIES, SECONDS = 36, 600, 60, 60.0  # COPIES: modified copies in the library
SEMITONE = 2 ** (1 / 12)

Samples = Float32[np.ndarray, " S"]


def transposed(samples: Samples, semitones: int) -> Samples:
    """Pitch shift without a change of tempo."""
    from librosa.effects import pitch_shift

    return pitch_shift(samples, sr=SAMPLE_RATE, n_steps=semitones)


def turned(samples: Samples, factor: float) -> Samples:
    """Change of speed and pitch, as on a turntable."""
    return np.asarray(signal.resample(samples, round(len(samples) / factor)), dtype=np.float32)


def middle(samples: Samples) -> Samples:
    """20 seconds from the middle, not aligned to a beat."""
    start = max(0, (len(samples) - 20 * SAMPLE_RATE) // 2 + 2000)
    return samples[start : start + 20 * SAMPLE_RATE]


def telephoned(samples: Samples) -> Samples:
    """Band-pass from 300 to 3,400 Hz."""
    band = signal.butter(4, [300, 3400], "bandpass", fs=SAMPLE_RATE, output="sos")
    return np.asarray(signal.sosfilt(band, samples), dtype=np.float32)


def noisy(samples: Samples) -> Samples:
    """Add noise 10 dB below the signal."""
    noise = np.random.default_rng(0).normal(size=len(samples))
    return (samples + noise * np.sqrt(np.mean(samples**2)) * 10 ** (-10 / 20)).astype(np.float32)


CHANGES: dict[str, Callable[[Samples], Samples]] = {
    "a semitone up": lambda samples: transposed(samples, 1),
    "a semitone down": lambda samples: transposed(samples, -1),
    "turntable, a semitone up": lambda samples: turned(samples, SEMITONE),
    "turntable, a semitone down": lambda samples: turned(samples, 1 / SEMITONE),
    "20 s of it": middle,
    "on a telephone": telephoned,
    "noise": noisy,
}


def main() -> None:
    """Run all three measurements."""
    songs = real_songs(Path(sys.argv[1])) if len(sys.argv) > 1 else corpus_songs(SONGS)
    marks = [fingerprint(song) for song in songs]
    for name, change in CHANGES.items():
        likeness = [alike(mark, fingerprint(change(song))) for mark, song in zip(marks, songs, strict=True)]
        known = np.mean(np.array(likeness) >= SAME_SONG)
        print(f"{name:27} least {min(likeness):.2f}  median {np.median(likeness):.2f}  recognised {known:.1%}")
    likeness = np.array([alike(one, other) for one, other in itertools.combinations(marks, 2)])
    print(
        f"{'others':27} median {np.median(likeness):.2f}  99th percentile {np.quantile(likeness, 0.99):.2f}  "
        f"largest {likeness.max():.2f}  taken for the same {np.mean(likeness >= SAME_SONG):.2%} of {len(likeness):,}"
    )
    library()


def library() -> None:
    """Print the groups found in a library with copies."""
    songs = corpus_songs(LIBRARY)
    changes = itertools.cycle(CHANGES.values())
    copied = range(0, LIBRARY, LIBRARY // COPIES)
    started = time.perf_counter()
    marks = {f"song {number}": fingerprint(song) for number, song in enumerate(songs)}
    heard_s = time.perf_counter() - started
    marks |= {f"copy {number}": fingerprint(next(changes)(songs[number])) for number in copied}
    started = time.perf_counter()
    groups = same_song_groups(marks)
    compared_s = time.perf_counter() - started
    found = sum(groups[f"song {number}"] == groups[f"copy {number}"] for number in copied)
    sizes = Counter(groups[f"song {number}"] for number in range(LIBRARY))
    wrong = sum(size for size in sizes.values() if size > 1)
    rows = [{"uri": name, "song": name, "dancer": UNKNOWN, "category": "all"} for name in marks]
    leaks = []
    for guard in (groups, {}):
        sides = split(rows, 0.1, 0.1, "song", guard)
        leaks.append(sum(sides[f"song {number}"] != sides[f"copy {number}"] for number in copied))
    print(
        f"library: {found} of {len(copied)} copies found among {LIBRARY} songs, {wrong} songs grouped with others; "
        f"{leaks[0]} copies leak (without the guard {leaks[1]}); "
        f"{1000 * heard_s / LIBRARY:.0f} ms to fingerprint a song of a minute, "
        f"{1000 * compared_s / len(marks):.0f} ms per song to compare"
    )


def corpus_songs(count: int) -> list[Samples]:
    """Synthetic songs, cycling through the categories."""
    each = itertools.product(range(-(-count // len(CATEGORIES))), CATEGORIES)
    return [synthesize(compose(category, 500 + seed, SECONDS), SAMPLE_RATE) for seed, category in each][:count]


def real_songs(folder: Path) -> list[Samples]:
    """Songs of a folder, at least 12 s long."""
    songs = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SOUND_SUFFIXES:
            try:
                songs.append(audio.load(path, path.name))
            except BadMediaError as error:
                print(error, file=sys.stderr)
    return [song for song in songs if len(song) >= 12 * SAMPLE_RATE]


if __name__ == "__main__":
    main()
