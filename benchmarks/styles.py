"""Whether the styles of a dance model are told apart by a classifier that has seen only dances of the corpus.

    python benchmarks/styles.py CHECKPOINT [SONGS=12] [SECONDS=30]

Every song, of the corpus's categories in turn and with seeds that no corpus in configs/ uses, is danced in every style.
The classifier is that of the release gate (`dance_quality.py`): linear discriminant analysis of embeddings of the
perceptual network. The same songs in the corpus's own choreography are the upper bound.
"""

import sys
from dataclasses import replace

import numpy as np
from dance_quality import FIRST_SEED, Song, embedding, examples, perceptual, synthetic

from dancegen.checkpoints.checkpoint import load_model
from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.structure import CATEGORIES
from dancegen.gan.dance_model import DanceModel
from dancegen.metrics.diversity import style_accuracy
from dancegen.metrics.joint_motion import RATE
from dancegen.pose.normalize import square


def main() -> None:
    """Print the table."""
    model = load_model(sys.argv[1])
    number, seconds = (int(given) for given in (*sys.argv[2:], *("12", "30")[len(sys.argv) - 2 :]))
    styles = [style for style in model.styles if style in CATEGORIES]
    if len(styles) < 2:
        sys.exit(f"{sys.argv[1]}: has fewer than two styles of the corpus.")
    songs = synthetic(number, float(seconds))
    pairs = [(song, style) for song in songs for style in styles]
    categories = [song.structure.category for song in songs if song.structure]
    other = np.array([category != style for category in categories for style in styles])
    found = {
        "corpus": np.stack([corpus_embedding(*pair) for pair in pairs]),
        "model": np.concatenate([model_embeddings(model, song, styles) for song in songs]),
    }
    print(f"styles recognised (chance {1 / len(CATEGORIES):.2f}) | all | other than the song's")
    for whose, embeddings in found.items():
        shares = [accuracy(embeddings[chosen], asked(pairs, chosen)) for chosen in (other | True, other)]
        print(f"{whose} | " + " | ".join(f"{share:.2f}" for share in shares))
    fits = [model.style_of(song.samples) for song in songs]
    right = np.mean([one == category for one, category in zip(fits, categories, strict=True) if category in styles])
    print(f"songs of the styles whose category is what auto finds: {right:.2f}")


def asked(pairs: list[tuple[Song, str]], chosen: np.ndarray) -> list[str]:
    """The styles of the chosen dances."""
    return [style for (_, style), one in zip(pairs, chosen, strict=True) if one]


def accuracy(embeddings: np.ndarray, styles: list[str]) -> float:
    """Share of the dances whose style the classifier recognises."""
    return style_accuracy(*examples(perceptual()), embeddings, styles)


def corpus_embedding(song: Song, style: str) -> np.ndarray:
    """Of the corpus's dance to a song in a style."""
    assert song.structure is not None
    dancer = replace(Dancer.from_seed(FIRST_SEED), seed=song.structure.seed)
    pose = choreograph(song.structure, dancer, RATE, 0, style).astype(np.float64)
    return embedding(perceptual(), pose, RATE)


def model_embeddings(model: DanceModel, song: Song, styles: list[str]) -> np.ndarray:
    """Of the model's dances to a song in several styles."""
    heard = model.hear(song.samples)
    dances = [model.dance(song.samples, 0, heard=heard, style=style) for style in styles]
    poses = [square(dance, model.config.normalization).astype(np.float64) for dance in dances]
    return np.stack([embedding(perceptual(), pose, model.config.fps) for pose in poses])


if __name__ == "__main__":
    main()
