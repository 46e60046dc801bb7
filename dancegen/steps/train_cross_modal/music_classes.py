"""music, dances and a dictionary of danced songs -> how far a dance is from how such music is danced

The cross-modal metric of Ren et al. (2020). Networks give each clip two vectors: of its music, and of its dance (psi).
Training songs are entries of a dictionary; K-means of their music says which dances are of one class, which psi is
trained to tell apart. The score of a dance is |psi(P_u) - psi(P_v)|, where P_v is the real dance of the training song
whose music is nearest: 0 is as that song is danced, and 2 is as far apart as two vectors of length 1 can be. Here is
what is done with the music; the mean of the scores, its interval and its controls are in `scores`, as for all metrics.

Axes used in shapes:
    N clips of the dictionary    S its songs    Q clips that are scored    E music features
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int, Int64
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

FEWEST_CLUSTERS, MOST_CLUSTERS = 2, 10
STARTS = 10  # of K-means: the best of so many


@dataclass(frozen=True)
class Clusters:
    """Songs in groups that sound alike."""

    labels: Int64[np.ndarray, " S"]
    """The group of each song, from 0."""
    silhouettes: dict[int, float]
    """For each number of groups that was tried, how well they are apart: the largest is the one that is taken."""

    @property
    def count(self) -> int:
        """How many groups there are."""
        return int(self.labels.max()) + 1


def song_means(music: Float[np.ndarray, "N E"], song: Int[np.ndarray, " N"], songs: int) -> Float64[np.ndarray, "S E"]:
    """The dictionary: the mean over the clips of each song, where `song` says whose clip each is."""
    total = np.zeros((songs, music.shape[1]))
    np.add.at(total, song, np.asarray(music, dtype=np.float64))
    return total / np.bincount(song, minlength=songs)[:, None]


def cluster(means: Float[np.ndarray, "S E"], seed: int, most: int = MOST_CLUSTERS) -> Clusters:
    """K-means of songs, with as many groups, from 2 to `most`, as have the highest mean silhouette (Rousseeuw, 1987).

    Two songs are a group each. Raises ValueError where no two songs differ.
    """
    means = np.asarray(means, dtype=np.float64)
    different = len(np.unique(means, axis=0))
    if different < FEWEST_CLUSTERS:
        raise ValueError(f"groups need two songs that differ, and there are {different}")
    tried: dict[int, float] = {}
    best = np.zeros(len(means), dtype=np.int64)
    for count in range(FEWEST_CLUSTERS, min(most, different) + 1):
        groups = KMeans(count, n_init=STARTS, random_state=seed)  # pyright: ignore[reportArgumentType] (it infers str)
        found = groups.fit_predict(means)
        # the silhouette of groups of one song each is 0 by definition
        score = float(silhouette_score(means, found)) if count < len(means) else 0.0
        if not tried or score > max(tried.values()):
            best = np.asarray(found, dtype=np.int64)
        tried[count] = score
    return Clusters(_in_order_of_appearance(best), tried)


def nearest(queries: Float[np.ndarray, "Q E"], known: Float[np.ndarray, "N E"]) -> Int64[np.ndarray, " Q"]:
    """Which of the known is nearest to each query; of equally near ones the first."""
    apart = cdist(np.asarray(queries, dtype=np.float64), np.asarray(known, dtype=np.float64))
    return apart.argmin(axis=1).astype(np.int64)


def retrieve(
    queries: Float[np.ndarray, "Q E"], music: Float[np.ndarray, "N E"], song: Int[np.ndarray, " N"], songs: int
) -> Int64[np.ndarray, " Q"]:
    """The clip of the dictionary whose dance belongs to each query: of the nearest song, the clip that is nearest."""
    queries = np.asarray(queries, dtype=np.float64)
    chosen = nearest(queries, song_means(music, song, songs))
    clips = np.zeros(len(queries), dtype=np.int64)
    for number in np.unique(chosen):
        asked, of_song = np.flatnonzero(chosen == number), np.flatnonzero(song == number)
        clips[asked] = of_song[nearest(queries[asked], music[of_song])]
    return clips


def _in_order_of_appearance(labels: Int64[np.ndarray, " S"]) -> Int64[np.ndarray, " S"]:
    """The same groups, numbered by their first song."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return rank[inverse].astype(np.int64)
