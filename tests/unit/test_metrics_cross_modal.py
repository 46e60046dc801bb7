"""Dictionaries, groups and retrieval of music whose answer is known."""

import numpy as np
import pytest

from dancegen.steps.train_cross_modal.music_classes import cluster, nearest, retrieve, song_means


def blobs(count, each=12, seed=0):
    """Points around so many corners, far from one another; and whose corner each is."""
    random = np.random.default_rng(seed)
    truth = random.permutation(np.repeat(np.arange(count), each))
    return 10 * np.eye(count)[truth] + 0.3 * random.standard_normal((len(truth), count)), truth


@pytest.mark.parametrize("count", [2, 3, 5])
def test_as_many_groups_are_found_as_there_are(count):
    points, truth = blobs(count)
    found = cluster(points, seed=0)
    assert found.count == count
    assert max(found.silhouettes, key=found.silhouettes.__getitem__) == count
    assert set(found.silhouettes) == set(range(2, 11))
    assert len(set(zip(found.labels.tolist(), truth.tolist(), strict=True))) == count


def test_the_same_seed_gives_the_same_groups():
    points = np.random.default_rng(0).standard_normal((30, 4))
    assert np.array_equal(cluster(points, seed=5).labels, cluster(points, seed=5).labels)


def test_two_songs_are_a_group_each_and_songs_that_are_the_same_are_refused():
    assert cluster(np.array([[0.0], [1.0]]), seed=0).labels.tolist() == [0, 1]
    with pytest.raises(ValueError, match="differ"):
        cluster(np.ones((5, 3)), seed=0)


def test_an_entry_of_the_dictionary_is_the_mean_over_a_songs_clips():
    music = np.array([[0.0, 2.0], [5.0, 5.0], [4.0, 0.0]])
    assert song_means(music, np.array([1, 0, 1]), 2).tolist() == [[5.0, 5.0], [2.0, 1.0]]


def test_a_song_of_the_dictionary_is_its_own_nearest():
    random = np.random.default_rng(0)
    song = np.repeat(np.arange(6), 5)
    music = 5 * np.eye(6)[song] + 0.5 * random.standard_normal((30, 6))
    assert nearest(song_means(music, song, 6), song_means(music, song, 6)).tolist() == list(range(6))
    assert retrieve(music, music, song, 6).tolist() == list(range(30))


def test_the_clip_is_of_the_nearest_song_even_where_another_songs_clip_is_nearer():
    music = np.array([[0.0], [8.0], [9.0], [11.0]])  # means are 4 and 10
    assert retrieve(np.array([[7.5]]), music, np.array([0, 0, 1, 1]), 2).tolist() == [2]
