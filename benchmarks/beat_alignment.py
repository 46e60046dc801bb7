"""Does the shipped model dance on the beat of songs that it has not heard? Against the same beats, half a beat later.

    python benchmarks/beat_alignment.py [CHECKPOINT]

Beat Alignment Score, motion side: the mean over the dance's beats (minima of its joints' summed speed, at 60 fps,
smoothed) of exp(-d^2 / 2 sigma^2), d seconds to the song's nearest beat, sigma = 50 ms. The true choreography of the
same songs is shown beside it. Songs are the corpus's, of seeds that no corpus in configs/ uses.
"""

import sys

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import resample_poly

from dancegen.corpus.choreography import choreograph
from dancegen.corpus.dancers import Dancer
from dancegen.corpus.songs import RATE, synthesize
from dancegen.corpus.structure import CATEGORIES, SongStructure, compose
from dancegen.media.audio import SAMPLE_RATE
from dancegen.models.dance_model import DanceModel
from dancegen.motion.resample import resample
from dancegen.stages.render import load_model

SONGS, SECONDS, FIRST_SEED = 4, 45.0, 900_000
FPS, SIGMA_S, SMOOTHING_S = 60, 0.05, 0.04


def main() -> None:
    """A line for each category."""
    model = load_model(sys.argv[1] if len(sys.argv) > 1 else None)
    print("category  model  shifted  choreography  shifted  speed of the model's joints / the choreography's")
    for category in CATEGORIES:
        rows = [measure(compose(category, FIRST_SEED + number, SECONDS), model) for number in range(SONGS)]
        print(f"{category:8}", "  ".join(f"{value:.2f}" for value in np.mean(rows, axis=0)))


def measure(song: SongStructure, model: DanceModel) -> tuple[float, float, float, float, float]:
    """Alignment of the model's dance and of the true one, each with its control, and the ratio of their speeds."""
    sound = resample_poly(synthesize(song), SAMPLE_RATE, RATE).astype(np.float32)
    pose = model.dance(sound, seed=0)
    mine = speed(resample(pose, model.config.fps, FPS, int(len(pose) / model.config.fps * FPS)))
    true = speed(choreograph(song, Dancer.from_seed(FIRST_SEED), FPS, 0)) / 4  # the model's unit is four torsos
    beats = np.asarray(song.beats)
    shifted = beats + 30 / song.bpm
    scores = (alignment(moved, at) for moved in (mine, true) for at in (beats, shifted))
    return (*scores, mine.mean() / true.mean())


def speed(pose: np.ndarray) -> np.ndarray:
    """Mean speed of the joints, units per second, smoothed."""
    return gaussian_filter1d(np.linalg.norm(np.gradient(pose, axis=0), axis=-1).mean(-1) * FPS, SMOOTHING_S * FPS)


def alignment(moved: np.ndarray, beats: np.ndarray) -> float:
    """Beat Alignment Score of a dance's speed with beats in seconds."""
    inner = moved[1:-1]
    found = (np.flatnonzero((inner < moved[:-2]) & (inner <= moved[2:])) + 1) / FPS
    distance = np.abs(found[:, None] - beats[None]).min(axis=1)
    return float(np.exp(-(distance**2) / (2 * SIGMA_S**2)).mean())


if __name__ == "__main__":
    main()
