"""Frames of a person: as many as the dance has, the same each time, whatever fits into the memory at once."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from dancegen.precision import autocast
from dancegen.renderer.condition import draw_condition
from dancegen.renderer.driving.film import (
    BATCH,
    BLEND,
    SEGMENT_FRAMES,
    SEGMENTS,
    WARM_UP,
    Film,
    blended,
    groups,
    read_behind,
)
from dancegen.renderer.networks.person_generator import PersonGenerator
from dancegen.renderer.person import Person


def swaying(count: int) -> np.ndarray:
    """A dance of fitted joints, (count, 18, 3), that never repeats."""
    random = np.random.default_rng(1)
    standing = random.uniform(0.3, 0.7, (1, 18, 2))
    phase = np.arange(count)[:, None, None] / 7 + random.uniform(0, 6, (1, 18, 2))
    return np.concatenate([standing + 0.1 * np.sin(phase), np.ones((count, 18, 1))], axis=-1).astype(np.float32)


@pytest.fixture(scope="module")
def forgetful(tiny_person: Person) -> Person:
    """A person without memory."""
    torch.manual_seed(1)
    config = tiny_person.config.model_copy(update={"previous_frame": False})
    return replace(tiny_person, config=config, generator=PersonGenerator(config).eval())


@pytest.fixture(params=["with memory", "without memory"])
def someone(request: pytest.FixtureRequest, tiny_person: Person, forgetful: Person) -> Person:
    return tiny_person if request.param == "with memory" else forgetful


def film(person: Person, joints: np.ndarray) -> np.ndarray:
    frames = list(Film(person).frames(joints))
    return np.stack(frames) if frames else np.empty((0, person.height_px, person.width_px, 3), np.uint8)


@pytest.mark.parametrize("count", [0, 1, 5, BATCH, 2 * BATCH + 3, SEGMENT_FRAMES + 1])
def test_there_are_as_many_frames_as_poses_and_the_same_bytes_each_time(someone: Person, count: int):
    joints = swaying(count)
    frames = film(someone, joints)
    assert frames.shape == (count, 32, 32, 3)
    assert frames.dtype == np.uint8
    assert np.array_equal(frames, film(someone, joints))


def test_a_roll_out_continues_from_its_own_frames_without_a_cut(someone: Person):
    joints = swaying(4)
    frames = np.stack(list(Film(someone).rolled_out(joints)))
    again = np.stack(list(Film(someone).rolled_out(joints[1:])))
    assert frames.shape == (4, 32, 32, 3)
    assert np.array_equal(frames[1:], again) != someone.config.previous_frame, "a frame depends on those before it"


def test_without_memory_a_frame_is_what_the_generator_makes_of_its_pose(forgetful: Person):
    joints = swaying(BATCH + 4)
    frames = film(forgetful, joints)
    plate = torch.from_numpy(forgetful.plate).permute(2, 0, 1)[None] / 127.5 - 1
    for number in (0, BATCH + 3):
        condition = draw_condition(torch.from_numpy(joints[number : number + 1]), 32, 32, forgetful.config)
        with torch.inference_mode(), autocast("auto", condition):
            picture = forgetful.generator(condition, plate=plate).picture[0].float()
        wanted = ((picture + 1) * 127.5).permute(1, 2, 0).numpy()
        assert np.abs(frames[number] - wanted).max() <= 0.51


def test_with_memory_a_short_dance_is_what_the_generator_makes_of_pose_after_pose(tiny_person: Person):
    joints = swaying(6)
    frames = film(tiny_person, joints)
    plate = torch.from_numpy(tiny_person.plate).permute(2, 0, 1)[None] / 127.5 - 1
    previous = None
    with torch.inference_mode():
        for number in [0] * WARM_UP + list(range(6)):
            condition = draw_condition(torch.from_numpy(joints[number : number + 1]), 32, 32, tiny_person.config)
            with autocast("auto", condition):
                previous = tiny_person.generator(condition, previous, plate).picture.float()
    assert previous is not None
    wanted = ((previous[0] + 1) * 127.5).permute(1, 2, 0).numpy()
    assert np.abs(frames[-1] - wanted).max() <= 0.51


def test_frames_at_the_joins_change_no_more_than_elsewhere(tiny_person: Person):
    joints = swaying(SEGMENTS * SEGMENT_FRAMES + 40)  # two groups
    frames = film(tiny_person, joints).astype(float)
    change = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3))
    joins = [edge for edges in groups(len(joints)) for edge in edges[:-1]][1:]
    assert len(joins) == SEGMENTS
    around = np.concatenate([change[join - 1 : join + BLEND] for join in joins])
    assert around.max() < 1.2 * np.quantile(change, 0.99)


def test_segments_depend_on_the_length_alone_and_leave_nothing_out():
    for count in (1, SEGMENT_FRAMES, SEGMENT_FRAMES + 1, 5400, 5401):
        found = list(groups(count))
        edges = sorted({edge for group in found for edge in group})
        assert (edges[0], edges[-1]) == (0, count)
        assert max(len(group) - 1 for group in found) <= SEGMENTS
        lengths = np.diff(edges)
        assert lengths.max() <= SEGMENT_FRAMES
        assert count <= SEGMENT_FRAMES or lengths.min() >= SEGMENT_FRAMES // 2
    assert list(groups(0)) == []


def test_a_cross_fade_goes_from_one_to_the_other():
    faded = blended(np.zeros((4, 1, 1, 3), np.uint8), np.full((4, 1, 1, 3), 250, np.uint8))
    assert faded[:, 0, 0, 0].tolist() == [50, 100, 150, 200]


def test_a_batch_that_does_not_fit_into_the_memory_is_halved_until_it_does(someone: Person):
    joints = swaying(SEGMENT_FRAMES + 10)
    whole = film(someone, joints)
    sizes: list[int] = []

    def small_memory(module: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        sizes.append(len(inputs[0]))
        if sizes[-1] > 1:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    hook = someone.generator.register_forward_pre_hook(small_memory)
    try:
        camera = Film(someone)
        frames = np.stack(list(camera.frames(joints)))
    finally:
        hook.remove()
    assert camera.batch == 1
    assert set(sizes[10:]) == {1}, "the size that fits is remembered"
    assert np.abs(frames.astype(int) - whole).max() <= 1


def test_memory_that_does_not_suffice_for_one_frame_is_an_error(someone: Person):
    def no_memory(module: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    hook = someone.generator.register_forward_pre_hook(no_memory)
    try:
        with pytest.raises(torch.cuda.OutOfMemoryError):
            film(someone, swaying(3))
    finally:
        hook.remove()


def test_the_number_of_finished_frames_is_told_and_never_falls(someone: Person):
    told: list[int] = []
    list(Film(someone).frames(swaying(SEGMENT_FRAMES + 7), told.append))
    assert told == sorted(told)
    assert told[-1] == SEGMENT_FRAMES + 7
    assert len(told) > 5


def test_a_dance_is_fitted_to_the_person_before_it_is_filmed(tiny_person: Person):
    fitted, share = Film(tiny_person).fitted(swaying(60), 30.0)
    assert fitted.shape == (60, 18, 3)
    assert 0 <= share <= 1


def test_a_picture_is_read_after_the_next_one_was_asked_for():
    asked = []

    def pictures():
        for number in range(3):
            asked.append(number)
            yield torch.full((1, 3, 2, 2), number / 127.5 - 1)

    read = [(int(frames.mean()), len(asked)) for frames in read_behind(pictures())]
    assert read == [(0, 2), (1, 3), (2, 3)]
