from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.signal import argrelmin

from dancegen.corpus.body.curves import EASES, Key, curve
from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.energy import LEVELS, energized, level_of
from dancegen.corpus.choreography.moves import NEUTRAL, combined, mirror
from dancegen.corpus.choreography.repertoire import LEGS, LEGS_OF, MOVES, PROGRAMME
from dancegen.corpus.choreography.routine import choreograph, dance_in_space, score_in_space
from dancegen.corpus.choreography.score import count_to_beat, moves_of, score_of
from dancegen.corpus.structure import CATEGORIES, KINDS, Section, SongStructure, compose
from dancegen.metrics import beat, real_dances
from dancegen.metrics.joint_motion import JOINTS, joint_motion
from dancegen.metrics.motion_quality import foot_skate
from dancegen.pose.kinematic_beats import kinematic_beats
from dancegen.skeleton import COCO18

FPS = 60.0
LEFT_ANKLE, RIGHT_ANKLE = COCO18.indices("left_ankle", "right_ankle")
METERS = 0.5  # a torso length

each_category = pytest.mark.parametrize("category", CATEGORIES)


@cache
def dance(category: str, seed: int = 2, fps: float = FPS) -> tuple[SongStructure, Dancer, np.ndarray]:
    song, dancer = compose(category, seed, 40.0), Dancer.from_seed(seed)
    return song, dancer, dance_in_space(song, dancer, np.arange(0.0, song.seconds, 1 / fps), seed)


def length(joints: np.ndarray, start: str, end: str) -> np.ndarray:
    return np.linalg.norm(joints[:, COCO18.index(end)] - joints[:, COCO18.index(start)], axis=-1)


@each_category
def test_bones_keep_their_length_in_space(category):
    _, dancer, joints = dance(category)
    for side in ("left", "right"):
        assert np.allclose(length(joints, f"{side}_shoulder", f"{side}_elbow"), dancer.upper_arm)
        assert np.allclose(length(joints, f"{side}_elbow", f"{side}_wrist"), dancer.forearm)
        assert np.allclose(length(joints, f"{side}_hip", f"{side}_knee"), dancer.thigh)
        assert np.allclose(length(joints, f"{side}_knee", f"{side}_ankle"), dancer.shin)
    assert np.allclose(length(joints, "left_hip", "right_hip"), 2 * dancer.half_hips)
    assert np.allclose(length(joints, "left_ear", "right_ear"), 2 * dancer.half_head)


@each_category
def test_feet_are_never_below_the_floor(category):
    for seed in range(3):
        joints = dance(category, seed)[2]
        assert joints[:, [LEFT_ANKLE, RIGHT_ANKLE], 1].max() < 1e-9  # y is down


@each_category
def test_a_foot_that_stands_does_not_move(category):
    joints = dance(category)[2]
    for ankle in (LEFT_ANKLE, RIGHT_ANKLE):
        path = joints[:, ankle]
        down = np.abs(path[:, 1]) < 1e-6
        standing = down[1:] & down[:-1]
        assert standing.mean() > 0.25
        slip = np.linalg.norm(np.diff(path[:, [0, 2]], axis=0), axis=-1)[standing] * FPS
        # the first and last moments of a step, when it is not yet lifted, are all that is left
        assert np.quantile(slip, 0.97) < 1e-6
        assert slip.max() < 0.12


@each_category
def test_the_body_is_in_the_air_only_in_leaps_that_gravity_allows(category):
    joints = dance(category)[2]
    height = -joints[:, [LEFT_ANKLE, RIGHT_ANKLE], 1].max(axis=1)  # of the lower foot; a heel may be up
    assert height.max() * METERS < 0.3
    flying = np.flatnonzero(np.diff(np.pad(height > 0.3, 1).astype(int))).reshape(-1, 2)
    assert (np.diff(flying, axis=1) / FPS).max(initial=0) < 0.4


@each_category
def test_knees_stay_above_the_floor_also_of_bodies_that_kneel(category):
    song, dancer, _ = dance(category)
    phrases = [LEGS[name] for name in sorted({name for names in LEGS_OF[category].values() for name in names})]
    neutral = NEUTRAL[category]
    arms = next(iter(MOVES[category].values()))
    song = replace(song, sections=(Section("verse", 0, 2 * len(phrases)),), beats_per_bar=4)
    wild = [energized(combined(legs.name, arms, legs), neutral, "wild") for legs in phrases]
    score = score_of([(2 * place, 2, move) for place, move in enumerate(wild)], song, dancer)
    joints = score_in_space(score, song, dancer, np.arange(0.0, song.seconds, 1 / 30))
    assert joints[:, COCO18.indices("left_knee", "right_knee"), 1].max() < 0.06  # a standing ankle is at 0
    assert joints[:, COCO18.indices("left_hip", "right_hip"), 1].max() < -0.25 * dancer.leg


@each_category
def test_nothing_moves_faster_than_a_human_can(category):
    for seed in range(3):
        joints = dance(category, seed)[2]
        speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1) * FPS * METERS
        acceleration = np.linalg.norm(np.diff(joints, 2, axis=0), axis=-1) * FPS**2 * METERS
        assert speed.max() < 11.5
        assert np.quantile(acceleration, 0.999) < 200.0
        assert acceleration.max() < 330.0


@each_category
def test_moves_join_without_a_seam(category):
    song, dancer, _ = dance(category)
    at = np.array([first_bar for first_bar, _, _ in moves_of(song, dancer, 2)]) * song.bar_s + song.start_s
    around = np.unique(np.concatenate([at - 1e-4, at + 1e-4]))
    jumps = np.linalg.norm(np.diff(dance_in_space(song, dancer, around, 2), axis=0), axis=-1)[::2]
    assert jumps.max() < 0.005


@each_category
def test_it_is_the_same_dance_at_every_frame_rate(category):
    song, dancer, _ = dance(category)
    slow, fast = choreograph(song, dancer, 10.0, 0), choreograph(song, dancer, 60.0, 0)
    assert np.allclose(slow, fast[::6][: len(slow)], atol=1e-5)
    assert len(slow) == int(np.ceil(song.seconds * 10.0))


def test_the_same_seeds_give_the_same_bytes():
    song = compose("kpop", 1, 30.0)
    first, second = (choreograph(song, Dancer.from_seed(1), 30.0, 4) for _ in range(2))
    assert first.dtype == np.float32
    assert first.tobytes() == second.tobytes()


def test_the_standing_dancer_has_its_hips_at_the_origin_and_its_ankles_a_leg_below():
    song, dancer, _ = dance("ballet")
    first = choreograph(replace(song, start_s=3.0), dancer, 10.0, 0)[0]
    hips = first[COCO18.indices("left_hip", "right_hip")].mean(axis=0)
    assert np.abs(hips).max() < 0.06
    assert first[LEFT_ANKLE, 1] == pytest.approx(dancer.leg, abs=0.08)
    assert first[LEFT_ANKLE, 0] > first[RIGHT_ANKLE, 0]
    assert np.hypot(*(first[COCO18.index("neck")] - hips)) == pytest.approx(1.0, abs=0.03)


@each_category
def test_elbows_and_knees_bend_the_human_way(category):
    _, dancer, joints = dance(category)
    for side in ("left", "right"):
        hip, knee, ankle = (joints[:, COCO18.index(f"{side}_{name}")] for name in ("hip", "knee", "ankle"))
        middle = hip + (ankle - hip) * dancer.thigh / dancer.leg
        facing = joints[:, COCO18.index("left_hip")] - joints[:, COCO18.index("right_hip")]
        ahead = np.cross(facing, np.array([0.0, 1.0, 0.0]))
        assert (((knee - middle) * ahead).sum(axis=-1) > -0.01).all()
        straight = length(joints, f"{side}_shoulder", f"{side}_wrist") / dancer.arm
        assert straight.min() > 0.2
        assert straight.max() < 1.0


@each_category
def test_joints_rest_on_the_beats_of_the_music(category):
    on_beat, between = [], []
    for seed in range(3):
        song, _, joints = dance(category, seed)
        speed = gaussian_filter1d(np.linalg.norm(np.diff(joints, axis=0), axis=-1).sum(axis=-1), 3)
        rests = (argrelmin(speed)[0] + 0.5) / 60.0
        rests = rests[(rests > song.beats[0]) & (rests < song.beats[-1])]
        on_beat.append(beat_alignment(rests, song.beats))
        between.append(beat_alignment(rests, song.beats + song.beat_s / 2))
    assert np.mean(on_beat) > 0.3
    assert np.mean(on_beat) > 2 * np.mean(between)


def beat_alignment(rests: np.ndarray, beats: np.ndarray) -> float:
    nearest = np.abs(rests[:, None] - beats).min(axis=1)
    return float(np.exp(-(nearest**2) / (2 * 0.05**2)).mean())


@each_category
def test_every_style_dances_all_its_moves_over_legs_of_every_section(category):
    used = {name.removeprefix("~") for slots in PROGRAMME[category].values() for slot in slots for name in slot}
    assert used == set(MOVES[category])
    assert set(PROGRAMME[category]) == set(LEGS_OF[category]) == set(KINDS)
    assert len({name for names in LEGS_OF[category].values() for name in names}) >= 6


def test_every_pattern_of_the_legs_is_danced():
    assert {name for kinds in LEGS_OF.values() for names in kinds.values() for name in names} == set(LEGS)


@each_category
def test_every_chorus_of_a_song_has_the_same_moves_of_a_dancer_and_other_dancers_have_others(category):
    dances = []
    for seed in range(3):
        song = compose(category, seed, 150.0)
        choruses = [section for section in song.sections if section.kind == "chorus" and section.bars == 8]
        for dancer in map(Dancer.from_seed, range(3)):
            names = {bar: move.name for bar, _, move in moves_of(song, dancer, 0)}
            here = [tuple(names[part.first_bar + bar] for bar in (0, 2, 4, 6)) for part in choruses]
            assert all(first == second for first, second in pairwise(here))
            dances += here[:1]
    assert len(set(dances)) > 0.8 * len(dances) > 6


@each_category
def test_energy_follows_the_sections_and_the_last_chorus_is_the_biggest(category):
    speeds: dict[str, list[float]] = {level: [] for level in LEVELS}
    for seed in (1, 2):
        song = compose(category, seed, 100.0)
        joints = choreograph(song, Dancer.from_seed(seed), 10.0, 0)
        steps = np.linalg.norm(np.diff(joints, axis=0), axis=-1).mean(axis=1)
        choruses = [section for section in song.sections if section.kind == "chorus"]
        assert level_of(song, choruses[-1].first_bar) == "wild"
        for section in song.sections:
            first, after = (int(10 * (song.start_s + bar * song.bar_s)) for bar in (section.first_bar, section.end_bar))
            speeds[level_of(song, section.first_bar)].append(steps[first:after].mean())
    calm, steady, full, wild = (float(np.mean(speeds[level])) for level in LEVELS)
    assert calm < steady
    assert steady < 1.1 * min(full, wild)
    assert calm < 0.9 * wild


@each_category
def test_mirroring_a_move_twice_gives_the_move(category):
    for move in MOVES[category].values():
        assert move.mirrored().mirrored() == move


def test_a_mirrored_pose_swaps_the_limbs_and_turns_what_leans():
    assert mirror({"left_raise": 80.0, "lean": 5.0, "drop": 0.1}) == {"right_raise": 80.0, "lean": -5.0, "drop": 0.1}


@each_category
def test_a_left_handed_dancer_dances_verses_in_the_mirror(category):
    song = SongStructure("song", category, 0, 100.0, 4, (Section("verse", 0, 8),), 2.0)
    dancer = replace(Dancer.from_seed(1), left_handed=False)
    seconds = np.arange(2.0, song.seconds, 0.05)
    right = dance_in_space(song, dancer, seconds, 0)
    left = dance_in_space(song, replace(dancer, left_handed=True), seconds, 0)
    mirrored = left[:, COCO18.mirror] * (-1.0, 1.0, 1.0)
    # the sway to the beat goes to the left on even beats for everybody, and of two equal steps either foot is the first
    assert np.median(np.abs(right - mirrored).max(axis=(1, 2))) < 0.4
    assert np.abs(right - mirrored).mean() < 0.25 * np.abs(right - left).mean()
    assert np.abs(right - left).max() > 1.0


def test_a_waltz_has_three_beats_for_four_counts():
    assert [count_to_beat(count, 3) for count in (1, 2, 3, 5, 7, 9)] == [0, 1, 2, 3, 5, 6]
    assert [count_to_beat(count, 4) for count in (1, 2, 3, 5, 7, 9)] == [0, 1, 2, 4, 6, 8]


@pytest.mark.parametrize("ease", EASES)
def test_a_value_arrives_about_when_its_key_says_and_stays(ease):
    beats = np.linspace(0.0, 8.0, 8001)
    values = curve([Key(4.0, 90.0, ease)], 0.0, beats, beat_s=0.5)
    assert values[0] == 0.0
    assert values[4000] == pytest.approx(90.0, abs=8.0)
    assert values[-1] == pytest.approx(90.0)


@pytest.mark.parametrize("ease", EASES)
def test_values_have_no_jumps_in_acceleration(ease):
    beats = np.linspace(0.0, 8.0, 8001)
    keys = [Key(2.0, 60.0, ease), Key(3.0, -40.0, ease), Key(3.5, 10.0, ease), Key(6.0, 90.0, ease)]
    acceleration = np.diff(curve(keys, 0.0, beats, beat_s=0.5), 2) * 1e6
    assert np.abs(np.diff(acceleration)).max() < 0.03 * np.abs(acceleration).max()


REAL = {"speed": real_dances.SPEED, "range": real_dances.RANGE, "rotation": real_dances.ROTATION}
"""Of AIST++. Ballet and popping are held to the calmest recording."""
CLOSE = 0.86
"""A style may be this much below the calmest of the real dancers, or above the liveliest, for the few songs here."""


@cache
def short_dances(category: str) -> list[tuple[SongStructure, np.ndarray]]:
    songs = [compose(category, 40 + seed, 50.0) for seed in range(3)]
    return [(song, choreograph(song, Dancer.from_seed(3 * song.seed), 10.0, 0)) for song in songs]


@each_category
def test_every_joint_moves_as_fast_as_far_and_turns_as_much_as_those_of_real_dancers(category):
    motions = [joint_motion(pose, 10.0) for _, pose in short_dances(category)]
    for field, known in REAL.items():
        low, high = zip(*(known[joint] for joint in JOINTS), strict=True)
        low = real_dances.CALMEST[field] if category in ("ballet", "popping") else low
        found = np.array([np.median([getattr(motion[joint], field) for motion in motions]) for joint in JOINTS])
        assert (found > CLOSE * np.array(low)).all(), (field, found)
        assert (found < np.array(high) / CLOSE).all(), (field, found)


@each_category
def test_dances_keep_the_beat_and_their_feet_skate_no_more_than_real_ones(category):
    hits, control, skate = [], [], []
    for song, pose in short_dances(category):
        rests, beats = kinematic_beats(pose, 10.0), np.asarray(song.beats)
        hits.append(beat.scores(rests, beats)["beat_hit_rate"])
        control.append(beat.scores(rests, beat.half_a_beat_later(beats))["beat_hit_rate"])
        skate.append(foot_skate(pose, 10.0))
    assert np.mean(hits) > (0.5 if category == "ballet" else 0.6)
    assert np.mean(control) < 0.2
    assert np.median(skate) < real_dances.FOOT_SKATE.low
