"""Cuts between shots, in pictures that are drawn: rooms of coloured boxes with a dancer, seen by several cameras."""

from pathlib import Path

import numpy as np
import pytest

from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.pictures.camera import film
from dancegen.corpus.structure import compose
from dancegen.drawing.draw import LOOKS
from dancegen.media.shots import LOOK_AROUND, ShotDetector
from dancegen.media.video import frames

WIDTH, HEIGHT, FPS = 160, 120, 10
MEDIA = Path(__file__).resolve().parents[2].parent / "shared" / "media" / "videos"


def room(seed, width=WIDTH, height=HEIGHT):
    """A room: wall, floor and things in it."""
    rng = np.random.default_rng(seed)
    picture = np.empty((height, width, 3), dtype=np.uint8)
    picture[:] = rng.integers(60, 200, 3)
    picture[int(height * rng.uniform(0.5, 0.9)) :] = rng.integers(30, 220, 3)
    for _ in range(12):
        top, left = (rng.random(2) * (height, width)).astype(int)
        picture[top : top + rng.integers(10, height // 2), left : left + rng.integers(10, width // 3)] = rng.integers(
            0, 255, 3
        )
    return picture


def shot(seed, length=30):
    """A dancer in a room."""
    pose = choreograph(compose("kpop", seed, length / FPS + 4), Dancer.from_seed(seed), FPS, seed)[:length]
    joints, background = film(pose, WIDTH, HEIGHT, seed), room(seed)
    drawn = np.stack([LOOKS["skeleton"](each, WIDTH, HEIGHT) for each in joints])
    return np.where((drawn > 40).any(axis=-1, keepdims=True), drawn, background)


def lit(pictures, light):
    return np.clip(pictures * np.reshape(light, (-1, 1, 1, 1)), 0, 255).astype(np.uint8)


def cuts(pictures):
    detector = ShotDetector()
    passed = list(detector.watch(iter(pictures)))
    assert all(one is other for one, other in zip(passed, pictures, strict=True))
    return detector.cuts()


def test_hard_cuts_are_found_where_they_are():
    lengths = [30, 12, 25, 8, 40]
    pictures = np.concatenate([shot(seed, length) for seed, length in enumerate(lengths)])
    assert cuts(list(pictures)) == np.cumsum(lengths)[:-1].tolist()


@pytest.mark.parametrize("seed", range(4))
def test_dancing_is_no_cut(seed):
    assert cuts(list(shot(seed, 100)[::2])) == []


@pytest.mark.parametrize(
    "light",
    [
        np.where(np.arange(60) % 2, 1.0, 0.2),
        np.where(np.arange(60) // 5 % 2, 1.0, 0.3),
        np.where(np.arange(60) < 30, 1.0, 0.4),
        np.abs(np.linspace(-1, 1, 60)),
        np.where(np.arange(60) == 30, 2.0, 1.0),
    ],
    ids=["strobe", "slow strobe", "lights go down", "fade out and in", "flash"],
)
def test_light_is_no_cut(light):
    assert cuts(list(lit(shot(2, 60), light))) == []


def test_a_white_or_a_black_moment_is_no_cut():
    pictures = list(shot(1, 40))
    pictures[15] = np.full_like(pictures[15], 255)
    pictures[28] = np.zeros_like(pictures[28])
    pictures[29] = np.zeros_like(pictures[29])
    assert cuts(pictures) == []


def test_a_camera_that_walks_is_no_cut():
    rng = np.random.default_rng(0)
    wide = room(5, 3 * WIDTH, 2 * HEIGHT)
    left = np.linspace(0, 1.5 * WIDTH, 60) + rng.normal(0, 2, 60)
    top = 30 + 10 * np.sin(np.arange(60) / 3) + rng.normal(0, 2, 60)
    views = [wide[int(y) : int(y) + HEIGHT, max(0, int(x)) :][:, :WIDTH] for x, y in zip(left, top, strict=True)]
    assert cuts(views) == []


def test_a_part_finds_the_cuts_that_the_whole_has_there():
    pictures = list(np.concatenate([shot(seed, 17) for seed in range(6)]))
    whole = cuts(pictures)
    assert len(whole) == 5
    for first in (15, 16, 17, 18, 33, 34, 51):
        lead = min(first, LOOK_AROUND)
        part = cuts(pictures[first - lead : first + 20 + LOOK_AROUND])
        told = [first - lead + cut for cut in part]
        assert [cut for cut in told if first <= cut < first + 20] == [cut for cut in whole if first <= cut < first + 20]


def test_pictures_of_any_size_are_looked_at():
    large = [np.repeat(np.repeat(picture, 20, axis=0), 20, axis=1) for picture in (room(1), room(2))]
    assert cuts([large[0]] * 6 + [large[1]] * 6) == [6]
    portrait, tiny = np.swapaxes(room(1), 0, 1), np.zeros((1, 1, 3), dtype=np.uint8)
    assert cuts([portrait] * 6 + [room(1)] * 6 + [tiny] * 6) == [6, 12]


def test_nothing_and_a_single_picture_have_no_cuts():
    assert cuts([]) == []
    assert cuts([room(1)]) == []
    assert cuts([room(1), room(2)]) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nobody/cosmos-curate__test_video_30s.mp4", [120, 145, 155, 218, 239, 255, 260]),
        ("groups/camp__dance2_group_outro.mp4", [152]),
        ("groups/D2M-GAN__tiktok_low1.mp4", []),
        ("solo/kustovass__dance_upperbody.mp4", []),
    ],
)
def test_of_real_videos_the_hard_cuts_are_found_and_no_others(name, expected):
    path = MEDIA / name
    if not path.exists():
        pytest.skip(f"needs the real video {name}, which does not come with dancegen")
    assert cuts(list(frames(path, name, FPS))) == expected
