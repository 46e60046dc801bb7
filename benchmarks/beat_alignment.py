"""Beat alignment of the shipped model on unseen songs, compared with the same beats shifted by half a beat.

    python benchmarks/beat_alignment.py [CHECKPOINT]

Beat Alignment Score, motion side (`dancegen/metrics/beat.py`). The true choreography of the same songs is shown
beside it. Songs are synthetic, with seeds that no corpus in configs/ uses.
"""

import sys

import numpy as np
from scipy.signal import resample_poly

from dancegen.checkpoints.checkpoint import load_model
from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.music.songs import RATE, synthesize
from dancegen.corpus.structure import CATEGORIES, SongStructure, compose
from dancegen.gan.dance_model import DanceModel
from dancegen.media.audio import SAMPLE_RATE
from dancegen.metrics import beat
from dancegen.pose.kinematic_beats import FPS, body_speed, kinematic_beats
from dancegen.pose.normalize import TORSOS_A_UNIT

SONGS, SECONDS, FIRST_SEED = 4, 45.0, 900_000


def main() -> None:
    """Print a line per category."""
    model = load_model(sys.argv[1] if len(sys.argv) > 1 else None)
    print("category  model  shifted  choreography  shifted  speed of the model's joints / the choreography's")
    for category in CATEGORIES:
        rows = [measure(compose(category, FIRST_SEED + number, SECONDS), model) for number in range(SONGS)]
        print(f"{category:8}", "  ".join(f"{value:.2f}" for value in np.mean(rows, axis=0)))


def measure(song: SongStructure, model: DanceModel) -> tuple[float, float, float, float, float]:
    """Alignment of the generated and the true dance, each with its control, and the ratio of their speeds."""
    sound = resample_poly(synthesize(song), SAMPLE_RATE, RATE).astype(np.float32)
    mine = model.dance(sound, seed=0), model.config.fps
    true = choreograph(song, Dancer.from_seed(FIRST_SEED), FPS, 0) / TORSOS_A_UNIT, FPS
    beats = np.asarray(song.beats)
    on_beat = [
        beat.scores(kinematic_beats(*dance), music)["beat_alignment"]
        for dance in (mine, true)
        for music in (beats, beat.half_a_beat_later(beats))
    ]
    return (*on_beat, body_speed(*mine).mean() / body_speed(*true).mean())


if __name__ == "__main__":
    main()
