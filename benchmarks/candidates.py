"""Best of several dances: what the choice gains on a measure that it does not use, and what it costs.

    python benchmarks/candidates.py [SONGS] [CANDIDATES]

Songs are synthetic, of 20 s. Printed are means over songs: of all candidates, of the chosen one, and of the best one by
each measure alone. The beat hit rate (`metrics/beat.py`) is not part of the score. Times are CPU times in one process,
relative to hearing the song and generating one dance.
"""

import sys
import time

import numpy as np

from dancegen.checkpoints.checkpoint import load_model
from dancegen.corpus.music.songs import synthesize
from dancegen.corpus.structure import CATEGORIES, compose
from dancegen.metrics import beat
from dancegen.pose.kinematic_beats import NO_BEATS, kinematic_beats
from dancegen.pose.normalize import square
from dancegen.steps.render.candidates import best, measure
from dancegen.steps.render.dancing import song_seed

SECONDS = 20
NAMES = ("beat_lift", "jerk", "freeze_share", "foot_skate", "outside", "score")


def main() -> None:
    """Measure all songs."""
    songs, candidates = (int(given) for given in (*sys.argv[1:], *("6", "8")[len(sys.argv) - 1 :]))
    model = load_model(None)
    rows, chosen, clocks = [], [], []
    for number in range(songs):
        samples = synthesize(compose(CATEGORIES[number % len(CATEGORIES)], number, SECONDS)).astype(np.float32)
        seeds = [song_seed(0, f"song {number}", index) for index in range(candidates)]
        started = time.process_time()
        heard = model.hear(samples)
        model.dance(samples, seeds[0], heard=heard)
        single = time.process_time()
        found = model.candidates(samples, seeds, heard)
        poses = [square(dance, model.config.normalization) for dance in found]
        beats_s = heard.count.beat_times() if heard else NO_BEATS
        measured = [measure(pose, model.config.fps, beats_s) for pose in poses]
        clocks.append((single - started, time.process_time() - single))
        hits = [beat.scores(kinematic_beats(pose, model.config.fps), beats_s)["beat_hit_rate"] for pose in poses]
        table = np.array(
            [[getattr(one, name) for name in NAMES] + [hit] for one, hit in zip(measured, hits, strict=True)]
        )
        rows.append(table)
        chosen.append(table[best(measured)])
    print(f"{songs} songs of {SECONDS} s, {candidates} candidates")
    for column, name in enumerate((*NAMES, "beat_hit_rate")):
        mean, one = np.mean([table[:, column].mean() for table in rows]), np.mean([row[column] for row in chosen])
        print(f"{name}: mean of the candidates {mean:.3f}, chosen {one:.3f}")
    single, more = np.sum(clocks, axis=0)
    print(f"generating and measuring {candidates} candidates: {more / single:.2f} times hearing and one dance")


if __name__ == "__main__":
    main()
