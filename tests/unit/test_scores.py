"""The table of scores on dances whose quality is known."""

import math
from functools import cache

import numpy as np
import pytest

from dancegen.metrics.diversity import diversity, multimodality, style_accuracy
from dancegen.metrics.moves import moves
from dancegen.metrics.scores import Music, danced, metrics, score
from dancegen.skeleton import COCO18

FPS, FRAMES, SONGS, CLIPS = 10.0, 50, 12, 4
JOINTS = len(COCO18)
STANDING = np.linspace(-0.5, 0.5, JOINTS)[:, None] * (0.2, 1.0)


def sway(seed, beat_s, size=1.0, late_s=0.0):
    """A body that is slowest on every beat."""
    random = np.random.default_rng(seed)
    seconds = np.arange(FRAMES)[:, None, None] / FPS
    swing = np.cos(np.pi * (seconds - late_s) / beat_s) * random.normal(0, 0.05, (1, JOINTS, 2)) * size
    return STANDING + random.normal(0, 0.03, (1, JOINTS, 2)) + swing


@cache
def dances(size=1.0, late=0.0, seed=0, songs=SONGS, dances_a_clip=1, published=False):
    """Dances to songs of different tempo, each in a manner of its own (psi); `late` in beats."""
    names, clips, all_moves, music, seen, psi = [], [], [], [], [], []
    for song in range(songs):
        manner = np.eye(songs)[song]
        beat_s = np.random.default_rng(song).uniform(0.45, 0.85)
        for clip in range(CLIPS):
            for number in range(dances_a_clip):
                pose = sway([seed, song, clip, number], beat_s, size, late * beat_s)
                names.append(f"song {song:02d}")
                clips.append(f"clip {song:02d} {clip}")
                all_moves.append(moves(pose, FPS, published))
                music.append(Music(np.arange(0, FRAMES / FPS, beat_s), manner))
                psi.append(manner + 0.01 * np.random.default_rng([seed, song, clip, number]).normal(0, 1, songs))
                seen.append(pose[::10].ravel()[:20])
    return danced(names, clips, all_moves, music, {"perceptual": np.array(seen)}, psi)


def table(real, made, seed=0, resamples=20):
    return {(one.metric, one.whose): one for one in score(real, made, seed, resamples)}


REAL = dances()


@cache
def own_table():
    """Scores of other dances of the same kind as the real ones."""
    return table(REAL, dances(seed=1))


@cache
def two_dances_a_clip():
    return table(REAL, dances(seed=1, dances_a_clip=2))


def test_the_real_dances_themselves_are_as_good_as_real_ones():
    found = table(REAL, REAL)
    for name in ("fid_perceptual", "fid_k2", "frechet_pose"):
        assert found[name, "made"].value == pytest.approx(0, abs=1e-6)
        assert found[name, "real"].value > 0, "two halves of the real songs differ a little"
    for name in ("diversity_perceptual", "beat_alignment", "speed", "jerk", "foot_skate"):
        assert found[name, "made"].value == pytest.approx(found[name, "real"].value, rel=0.05)


def test_a_dance_on_the_beat_scores_well_one_off_it_does_not_and_other_songs_are_the_control():
    on, off = own_table(), table(REAL, dances(seed=1, late=0.5))
    assert on["beat_alignment", "made"].value > 0.8
    assert on["beat_alignment_music", "made"].value > 0.7
    assert on["beat_hit_rate", "made"].value > 0.9
    assert off["beat_alignment", "made"].value < 0.2
    for name in ("beat_alignment", "beat_alignment_music", "beat_hit_rate"):
        assert on[name, "shuffled"].value < 0.6 * on[name, "made"].value
        assert on[name, "real shuffled"].value < 0.6 * on[name, "real"].value


def test_small_movements_cost_distance_speed_and_seconds_that_freeze():
    found = table(REAL, dances(seed=1, size=0.1))
    assert found["fid_k2", "made"].value > 3 * found["fid_k2", "real"].value
    for name in ("speed", "speed_wrists", "speed_ankles"):
        assert found[name, "made"].value == pytest.approx(0.1 * found[name, "real"].value, rel=0.25)
    assert found["freeze_share", "made"].value > 0.9 > 0.2 > found["freeze_share", "real"].value


def test_the_same_dances_and_the_same_seed_give_the_same_table_and_another_seed_other_intervals():
    one, again, other = (score(REAL, dances(seed=1), seed, 5) for seed in (0, 0, 1))
    assert one == again
    assert one != other
    assert [each.value for each in one if "diversity" not in each.metric] == [
        each.value for each in other if "diversity" not in each.metric
    ]


def test_intervals_hold_the_value_and_are_narrower_with_more_songs():
    def width(songs):
        one = table(dances(songs=songs), dances(songs=songs, seed=1), resamples=60)["speed", "made"]
        assert one.low < one.value < one.high
        return one.high - one.low

    assert width(24) < 0.75 * width(6)


def test_numbers_of_dances_are_told():
    one = two_dances_a_clip()["fid_k2", "made"]
    assert (one.n, one.n_real) == (2 * SONGS * CLIPS, SONGS * CLIPS)


def test_one_song_has_no_control_and_no_halves_and_nothing_breaks():
    found = table(dances(songs=1), dances(songs=1, seed=1))
    assert ("fid_k2", "real") not in found
    assert ("beat_alignment", "shuffled") not in found
    assert all(math.isfinite(one.value) for one in found.values())


def test_music_without_beats_gives_no_beat_scores():
    silent = danced(REAL.songs, REAL.clips, REAL.moves, [Music(np.zeros(0))] * len(REAL), REAL.embeddings)
    assert not [one for one in score(silent, silent, 0, 20) if one.metric.startswith(("beat", "cross"))]


def test_dances_in_the_manner_of_their_music_are_near_it_and_the_same_dances_to_other_songs_are_not():
    found = own_table()
    for whose in ("made", "real"):
        assert found["cross_modal", whose].value < 0.1
    for whose in ("shuffled", "real shuffled"):
        assert found["cross_modal", whose].value == pytest.approx(math.sqrt(2), abs=0.05)


def test_every_metric_is_told_of_made_dances():
    found = two_dances_a_clip()
    assert {metric for metric, whose in found if whose == "made"} == set(metrics(["perceptual"]))


def test_the_published_protocol_adds_scores_under_names_of_their_own_and_changes_no_other():
    plain, both = own_table(), table(REAL, dances(seed=1, published=True))
    added = {metric for metric, _ in both} - {metric for metric, _ in plain}
    assert added == {"published_fid_perceptual", "published_beat_alignment"}
    assert all(both[key].value == one.value for key, one in plain.items() if "diversity" not in key[0])
    name = "published_beat_alignment"
    assert both[name, "made"].value > 2 * both[name, "shuffled"].value
    assert both["published_fid_perceptual", "made"].value != both["fid_perceptual", "made"].value


def test_missing_joints_leave_every_metric_finite_and_near():
    hidden = np.random.default_rng(0).random((FRAMES, JOINTS)) < 0.1
    whole, holes = [], []
    for song in range(20):
        pose = sway([9, song], 0.6)
        whole.append(moves(pose, FPS))
        holes.append(moves(np.where(hidden[..., None], np.nan, pose), FPS))
    music = [Music(np.arange(0, 5, 0.6))] * 20
    names, seen = [f"{song}" for song in range(20)], {"perceptual": np.zeros((20, 2))}
    full, part = (table(*[danced(names, names, each, music, seen)] * 2) for each in (whole, holes))
    for name in ("speed", "jerk", "beat_alignment", "div_k2"):
        assert math.isfinite(part[name, "made"].value)
        assert part[name, "made"].value == pytest.approx(full[name, "made"].value, rel=0.15)


def test_a_mirror_changes_no_score():
    poses = [sway([5, song], 0.6) for song in range(6)]
    mirrored = [pose[:, COCO18.mirror] * (-1, 1) for pose in poses]
    music, names, seen = [Music(np.arange(0, 5, 0.6))] * 6, list("abcdef"), {"perceptual": np.zeros((6, 2))}
    one, other = (
        table(*[danced(names, names, [moves(pose, FPS) for pose in each], music, seen)] * 2)
        for each in (poses, mirrored)
    )
    for key, score_of in one.items():
        least = 0.01 if key[0] == "freeze_share" else 1e-6  # windows as slow as the slowest twentieth may tip over
        assert other[key].value == pytest.approx(score_of.value, rel=1e-6, abs=least), key


def test_diversity_is_the_mean_distance_of_random_pairs():
    random = np.random.default_rng(0)
    points = random.normal(size=(500, 2))
    assert diversity(points, seed=0) == pytest.approx(math.sqrt(math.pi), rel=0.05)  # of two normal draws in a plane
    assert diversity(points, 0) == diversity(points, 0) != diversity(points, 1)
    assert diversity(np.zeros((5, 3)), seed=0) == 0


def test_two_dances_are_never_compared_with_themselves():
    assert diversity(np.array([[0.0], [1.0]]), seed=0) == pytest.approx(1)


def test_multimodality_is_of_dances_to_the_same_music_alone():
    points = np.array([[0.0], [1.0], [10.0], [13.0], [50.0]])
    assert multimodality(points, ["a", "a", "b", "b", "c"]) == pytest.approx((1 + 3) / 2)
    assert math.isnan(multimodality(points, list("abcde")))


def test_styles_are_told_apart_where_they_differ_and_only_by_chance_where_they_do_not():
    random, styles = np.random.default_rng(0), ["house", "krump", "kpop"] * 40
    spread = np.array([1.0, 9.0, 0.1])
    of_style = dict(zip(("house", "krump", "kpop"), 0.5 * np.eye(3), strict=True))
    known, others = (
        np.stack([of_style[style] + spread * random.normal(0, 1, 3) for style in styles]) for _ in range(2)
    )
    assert style_accuracy(known, styles, others, styles) > 0.5
    sharp = np.stack([10 * spread * of_style[style] for style in styles])
    assert style_accuracy(sharp + 0.1 * known, styles, sharp + 0.1 * others, styles) == 1
    same = random.normal(0, 1, (2, 120, 3))
    assert style_accuracy(same[0], styles, same[1], styles) == pytest.approx(1 / 3, abs=0.12)
