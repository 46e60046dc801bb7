"""Dances joined from recorded moves: the recordings here are dances of the corpus, whose beats are known."""

from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from dancegen import schema, tables
from dancegen.config import load
from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.pictures.camera import film
from dancegen.corpus.recorded.joined import choose, joined_dance
from dancegen.corpus.recorded.library import BEATS, RecordedMove, bone_lengths, moves_of, recording
from dancegen.corpus.recorded.tempo import danced_beats
from dancegen.corpus.structure import compose
from dancegen.errors import ConfigError
from dancegen.metrics import beat
from dancegen.pose.kinematic_beats import kinematic_beats
from dancegen.skeleton import COCO18
from dancegen.steps.make_corpus.recorded import known_tempo, load_moves
from dancegen.steps.make_corpus.settings import MakeCorpusConfig
from dancegen.steps.make_corpus.stage import MakeCorpus

FPS, WIDTH, HEIGHT = 30.0, 640, 480
RECORDINGS = Path(__file__).parents[3] / "shared/media/motion"


@cache
def recorded(category: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Joints as fractions of the frame, and the beats of the music."""
    song = compose(category, seed, 40.0)
    joints = film(choreograph(song, Dancer.from_seed(seed), FPS, 0), WIDTH, HEIGHT, seed)
    return joints / np.array([WIDTH, HEIGHT, 1], np.float32), np.asarray(song.beats)


@cache
def library() -> list[RecordedMove]:
    moves = []
    for category, seed in (("hiphop", 1), ("house", 2)):
        joints, beats = recorded(category, seed)
        moves += moves_of(recording(category, joints, WIDTH / HEIGHT, FPS, beats))
    return moves


def the_dance(seed: int = 0, dancer: int = 1, fps: float = FPS):
    song = compose("kpop", 3, 60.0)
    return song, joined_dance(library(), song, Dancer.from_seed(dancer), fps, seed)


@pytest.mark.parametrize(("category", "seed"), [("hiphop", 1), ("house", 2), ("kpop", 4)])
def test_the_beat_of_a_recording_without_music_is_found_in_its_moments_of_rest(category, seed):
    joints, beats = recorded(category, seed)
    found = danced_beats(recording("", joints, WIDTH / HEIGHT, FPS, np.zeros(0)).pose, FPS)
    assert np.diff(found).mean() == pytest.approx(np.diff(beats).mean(), rel=0.02)
    assert np.median(beat.nearest(found[:40], beats)) < 0.08


def test_a_body_that_rests_has_no_beat():
    assert len(danced_beats(np.zeros((300, 18, 2), np.float32), FPS)) == 0


def test_moves_are_eight_beats_and_those_with_gaps_are_left_out():
    joints, beats = recorded("hiphop", 1)
    whole = list(moves_of(recording("a", joints, WIDTH / HEIGHT, FPS, beats)))
    assert [move.first_beat for move in whole] == list(range(len(beats) - BEATS))
    gap = joints.copy()
    gap[: round(12 * FPS), COCO18.indices("left_wrist", "left_elbow", "right_wrist")] = (np.nan, np.nan, 0)
    left = list(moves_of(recording("a", gap, WIDTH / HEIGHT, FPS, beats)))
    assert 0 < len(left) < len(whole)
    assert min(move.beats_s[0] for move in left) > 6.0


def test_a_dance_is_as_long_as_its_song_and_its_moves_keep_the_songs_beat():
    song, pose = the_dance()
    assert pose.shape == (int(np.ceil(song.seconds * FPS)), 18, 2)
    assert np.isfinite(pose).all()
    rests, beats = kinematic_beats(pose, FPS), np.asarray(song.beats)
    scores = [beat.scores(rests, music)["beat_hit_rate"] for music in (beats, beat.half_a_beat_later(beats))]
    assert scores[0] > 0.5 > 2 * scores[1]


def test_moves_join_without_a_jump_and_bones_are_never_longer_than_recorded():
    song, pose = the_dance(fps=60.0)
    starts = [song.start_s + at * song.beat_s for at, _ in choose(library(), song, Dancer.from_seed(1), 0)][1:]
    steps = np.linalg.norm(np.diff(pose, axis=0), axis=-1).max(axis=1)
    joins = [steps[round(start * 60) - 3 : round(start * 60) + 4].max() for start in starts]
    assert max(joins) < 1.5 * np.quantile(steps, 0.999)
    longest = np.max([bone_lengths(move.recording.pose) for move in library()], axis=0)
    ends = np.array(COCO18.bone_indices)
    bones = np.linalg.norm(pose[:, ends[:, 1]] - pose[:, ends[:, 0]], axis=-1)
    assert (bones < longest + 1e-4).all()


def test_sections_that_come_again_have_the_same_moves_and_dancers_have_other_ones():
    song = compose("hiphop", 1, 120.0)
    dances = []
    for dancer in map(Dancer.from_seed, range(3)):
        moves = {at: (move.recording.uri, move.first_beat) for at, move in choose(library(), song, dancer, 0)}
        choruses = [part for part in song.sections if part.kind == "chorus" and part.bars == 8]
        here = [tuple(moves[4.0 * (part.first_bar + bar)] for bar in (0, 2, 4, 6)) for part in choruses]
        assert all(first == second for first, second in pairwise(here))
        dances.append(here[0])
    assert len(set(dances)) == 3
    assert np.array_equal(the_dance()[1], the_dance()[1])


def test_the_names_of_songs_of_aist_say_their_tempo():
    assert [known_tempo(name) for name in ("mHO0", "mHO5", "mKR0", "mBR2", "song")] == [110, 135, 80, 100, None]


def write_poses(folder, joints):
    uri = str(folder / "poses")
    tables.begin(uri, schema.POSES, {})
    row = {"uri": "a.bvh", "song": "a", "fps": FPS, "width_px": WIDTH, "height_px": HEIGHT, "cuts": []}
    row |= {"joints": schema.to_bytes(joints, "float32"), "tracks": schema.to_bytes(np.zeros(len(joints)), "int32")}
    tables.write_part(uri, schema.table(schema.POSES, [row]), "a.bvh")
    return uri


def test_a_corpus_is_made_from_a_table_of_poses(tmp_path):
    poses = write_poses(tmp_path, recorded("hiphop", 1)[0])
    settings = [f"output={tmp_path / 'corpus'}", f"recordings={poses}", "look=skeleton", "seconds=8", "fps=10"]
    stage = MakeCorpus(load(MakeCorpusConfig, None, [*settings, "width_px=160", "height_px=120"]))
    row = {"uri": str(tmp_path / "a.mp4"), "song_uri": str(tmp_path / "a.wav"), "category": "house", "song_seed": 1}
    made = stage.one({**row, "style": "house", "dancer_seed": 1})
    assert made.get("error") is None
    assert made["frames"] == pytest.approx(80, abs=12)


def test_a_table_without_a_whole_move_is_a_mistake_and_so_are_recordings_of_rendered_people(tmp_path):
    poses = write_poses(tmp_path, recorded("hiphop", 1)[0][:60])
    with pytest.raises(ConfigError, match="has no eight beats of one dancer in 1 recordings"):
        load_moves(poses)
    with pytest.raises(ConfigError, match="look=human needs bodies in space"):
        load(MakeCorpusConfig, None, ["output=o", f"recordings={poses}", "look=human", "human_assets=h"])
