"""Music classes and retrieval of the cross-modal metric, for the consistency of dance and music.

The cross-modal metric of Ren et al. (2020). Networks embed the music and the dance (psi) of each clip. Training songs
are entries of a dictionary; K-means of their music defines the classes of dances that psi is trained to distinguish.
The score of a dance is |psi(P_u) - psi(P_v)|, where P_v is the real dance of the training song with the nearest music:
0 is identical to that dance, and 2 is the largest distance of two vectors of length 1. This module processes the music;
the mean of the scores, its interval and its controls are in `scores`, as for all metrics.

Axes used in shapes:
    N clips of the dictionary    S its songs    Q clips that are scored    E music features
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int, Int64
from scipy.spatial.distance import cdist

FEWEST_CLUSTERS, MOST_CLUSTERS = 2, 10
STARTS = 10  # of K-means, of which the best is used


@dataclass(frozen=True)
class Clusters:
    """Clusters of songs that sound alike."""

    labels: Int64[np.ndarray, " S"]
    """The cluster of each song, from 0."""
    silhouettes: dict[int, float]
    """Mean silhouette for each number of clusters tried; the number with the largest is used."""

    @property
    def count(self) -> int:
        """Number of clusters."""
        return int(self.labels.max()) + 1


def song_means(music: Float[np.ndarray, "N E"], song: Int[np.ndarray, " N"], songs: int) -> Float64[np.ndarray, "S E"]:
    """The dictionary: the mean over the clips of each song; `song` is the song of each clip."""
    total = np.zeros((songs, music.shape[1]))
    np.add.at(total, song, np.asarray(music, dtype=np.float64))
    return total / np.bincount(song, minlength=songs)[:, None]


def cluster(means: Float[np.ndarray, "S E"], seed: int, most: int = MOST_CLUSTERS) -> Clusters:
    """K-means of songs, with the number of clusters, from 2 to `most`, of highest mean silhouette (Rousseeuw, 1987).

    Two songs are one cluster each. Raises ValueError if no two songs differ.
    """
    from sklearn.cluster import KMeans  # late: the import takes a second, and only the training of the metric needs it
    from sklearn.metrics import silhouette_score

    means = np.asarray(means, dtype=np.float64)
    different = len(np.unique(means, axis=0))
    if different < FEWEST_CLUSTERS:
        raise ValueError(f"clustering needs at least two different songs, and there are {different}")
    tried: dict[int, float] = {}
    best = np.zeros(len(means), dtype=np.int64)
    for count in range(FEWEST_CLUSTERS, min(most, different) + 1):
        groups = KMeans(count, n_init=STARTS, random_state=seed)  # pyright: ignore[reportArgumentType] (it infers str)
        found = groups.fit_predict(means)
        # the silhouette of clusters of one song each is 0 by definition
        score = float(silhouette_score(means, found)) if count < len(means) else 0.0
        if not tried or score > max(tried.values()):
            best = np.asarray(found, dtype=np.int64)
        tried[count] = score
    return Clusters(_in_order_of_appearance(best), tried)


def nearest(queries: Float[np.ndarray, "Q E"], known: Float[np.ndarray, "N E"]) -> Int64[np.ndarray, " Q"]:
    """Index of the known vector nearest to each query; the first of equally near ones."""
    apart = cdist(np.asarray(queries, dtype=np.float64), np.asarray(known, dtype=np.float64))
    return apart.argmin(axis=1).astype(np.int64)


def retrieve(
    queries: Float[np.ndarray, "Q E"], music: Float[np.ndarray, "N E"], song: Int[np.ndarray, " N"], songs: int
) -> Int64[np.ndarray, " Q"]:
    """The clip of the dictionary for each query: the nearest clip of the nearest song."""
    queries = np.asarray(queries, dtype=np.float64)
    chosen = nearest(queries, song_means(music, song, songs))
    clips = np.zeros(len(queries), dtype=np.int64)
    for number in np.unique(chosen):
        asked, of_song = np.flatnonzero(chosen == number), np.flatnonzero(song == number)
        clips[asked] = of_song[nearest(queries[asked], music[of_song])]
    return clips


def _in_order_of_appearance(labels: Int64[np.ndarray, " S"]) -> Int64[np.ndarray, " S"]:
    """The same clusters, numbered by their first song."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return rank[inverse].astype(np.int64)
