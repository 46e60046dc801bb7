"""From a song to a video of a person."""

import json
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pytest

from dancegen import schema
from dancegen.checkpoints import checkpoint, person
from dancegen.checkpoints.checkpoint import load_model
from dancegen.checkpoints.header import SHIPPED_PEOPLE
from dancegen.checkpoints.identity import identity
from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.pictures import camera
from dancegen.corpus.structure import compose
from dancegen.errors import CheckpointError, ConfigError, StorageError
from dancegen.gan.dance_model import DanceModel, build_generator
from dancegen.gan.settings import DanceModelConfig
from dancegen.media import marks
from dancegen.media.audio import load
from dancegen.media.video import VideoWriter, frames, probe
from dancegen.media.wav import write_wav
from dancegen.media.write_behind import WriteBehind
from dancegen.renderer.driving.film import Film
from dancegen.renderer.person import Person
from dancegen.steps import checkpoints
from dancegen.steps.render.looks.look import load_look
from dancegen.steps.render.looks.sizes import person_size
from dancegen.steps.render.settings import PictureConfig
from dancegen.steps.render.stage import RenderSongs, render_song

ROOT = Path(__file__).parents[2]
RATE = 16_000
SIZE = 64  # pixels: the smallest side of a video


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("song") / "a song.wav"
    time_s = np.arange(round(5.03 * RATE)) / RATE
    write_wav(path, (0.3 * np.sin(2 * np.pi * 220 * time_s) * (time_s % 0.5 < 0.2)).astype(np.float32), RATE)
    return path


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory, tiny_model: dict[str, object]) -> Path:
    path = tmp_path_factory.mktemp("model") / "untrained.safetensors"
    config = DanceModelConfig.model_validate(tiny_model)
    checkpoint.save(path, DanceModel(build_generator(config), config), {})
    return path


@pytest.fixture(scope="module")
def someone(tmp_path_factory: pytest.TempPathFactory, tiny_person: Person) -> Path:
    path = tmp_path_factory.mktemp("person") / "tiny.safetensors"
    person.save(path, tiny_person)
    return path


@pytest.fixture
def picture(untrained: Path, someone: Path) -> PictureConfig:
    return PictureConfig(checkpoint=str(untrained), look=str(someone), fps=25, width_px=SIZE)


def made(song: Path, video: Path, picture: PictureConfig):
    return render_song(str(song), str(video), load_model(picture.checkpoint), picture, load_look(picture))


def test_a_video_of_a_person_is_as_long_as_the_song_and_has_its_sound(
    song: Path, picture: PictureConfig, tmp_path: Path
):
    video = tmp_path / "a.mp4"
    rendered = made(song, video, picture)
    found = probe(video, "video")
    assert (found.width_px, found.height_px, found.has_audio) == (SIZE, SIZE, True)
    assert rendered.frames == sum(1 for _ in frames(video, "video", 25)) == 126  # the last one begins before 5.03 s
    assert np.corrcoef(load(video, "video")[2000:4000], load(song, "song")[2000:4000])[0, 1] > 0.95
    assert rendered.out_of_range_share is not None
    assert 0 <= rendered.out_of_range_share <= 1


def test_the_same_seed_gives_the_same_bytes_and_another_one_another_dance(
    song: Path, picture: PictureConfig, tmp_path: Path
):
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        made(song, tmp_path / f"{name}.mp4", picture.model_copy(update={"seed": seed}))
    one, two, three = ((tmp_path / f"{name}.mp4").read_bytes() for name in ("one", "two", "three"))
    assert one == two
    assert one != three


def test_a_video_says_that_it_is_synthetic_by_which_models_and_with_whose_consent(
    song: Path, picture: PictureConfig, tiny_person: Person, tmp_path: Path
):
    video = tmp_path / "a.mp4"
    made(song, video, picture)
    with av.open(str(video)) as container:
        told = json.loads(container.metadata["description"])
    assert told["synthetic"] is True
    assert told["digital_source_type"].endswith("/trainedAlgorithmicMedia")
    assert (told["person"], told["consent"], told["licence"]) == ("tiny", tiny_person.consent, "CC0-1.0")
    assert told["person_checkpoint"] == identity(Path(picture.look).read_bytes())
    assert told["dance_checkpoint"] == identity(Path(str(picture.checkpoint)).read_bytes())
    assert (told["seed"], told["fps"]) == (0, 25.0)
    assert marks.is_ours(video)


def test_a_drawn_figure_has_no_such_description(song: Path, picture: PictureConfig, tmp_path: Path):
    drawn = picture.model_copy(update={"look": "skeleton"})
    rendered = made(song, tmp_path / "a.mp4", drawn)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert "description" not in container.metadata
    assert rendered.out_of_range_share is None


def test_rows_tell_how_many_poses_the_footage_does_not_have(song: Path, picture: PictureConfig, tmp_path: Path):
    given = {"uri": str(song), "version": "1", "output_uri": str(tmp_path / "a.mp4"), "checkpoint_hash": "h"}
    broken = {**given, "uri": str(tmp_path / "none.wav"), "output_uri": str(tmp_path / "b.mp4")}
    table = RenderSongs(picture)(pa.Table.from_pylist([given, broken]))
    assert table.schema.equals(schema.RENDERS)
    row, bad = table.to_pylist()
    assert (row["error"], row["look"]) == (None, picture.look)
    assert row["out_of_range_share"] > 0.1  # an untrained model dances like nobody
    assert f"{row['out_of_range_share']:.0%} of its poses are unlike the person's footage" in row["note"]
    assert bad["out_of_range_share"] is None
    assert "does not exist" in bad["error"]


@pytest.mark.parametrize(
    ("width_px", "height_px", "size"),
    [(None, None, (256, 512)), (128, None, (128, 256)), (None, 300, (150, 300)), (100, 200, (100, 200))],
)
def test_a_persons_video_has_the_persons_aspect(width_px: int | None, height_px: int | None, size: tuple[int, int]):
    assert person_size(PictureConfig(width_px=width_px, height_px=height_px), (256, 512)) == size


def test_another_aspect_is_refused_with_what_fits(picture: PictureConfig):
    wide = picture.model_copy(update={"width_px": 128, "height_px": 64})
    with pytest.raises(ConfigError, match=r"width_px=128 height_px=64: has another aspect .* 32x32\. Omit both"):
        checkpoints.check(wide)
    with pytest.raises(ConfigError, match="another aspect"):
        load_look(wide)


def test_a_file_that_is_no_person_is_refused_before_any_work(
    picture: PictureConfig, untrained: Path, tiny_person: Person, tmp_path: Path
):
    with pytest.raises(CheckpointError, match=r"holds no person of dancegen"):
        checkpoints.check(picture.model_copy(update={"look": str(untrained)}))
    with pytest.raises(StorageError, match="does not exist"):
        checkpoints.check(picture.model_copy(update={"look": str(tmp_path / "none.safetensors")}))
    silent = replace(tiny_person)
    object.__setattr__(silent, "consent", " ")
    person.save(tmp_path / "silent.safetensors", silent)
    with pytest.raises(CheckpointError, match="states no consent"):
        checkpoints.check(picture.model_copy(update={"look": str(tmp_path / "silent.safetensors")}))
    checkpoints.check(picture)


def dance_command(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dancegen", "dance", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_dance_takes_a_person_and_refuses_what_is_none(
    song: Path, picture: PictureConfig, untrained: Path, tiny_person: Person, tmp_path: Path
):
    video = tmp_path / "a.mp4"
    options = ("--checkpoint", untrained, "--size", "64x64")
    ended = dance_command(song, "-o", video, "--look", picture.look, *options)
    assert ended.returncode == 0, ended.stderr
    assert probe(video, "video").width_px == 64
    assert "151/151" in ended.stderr, ended.stderr
    wrong = dance_command(song, "-o", tmp_path / "b.mp4", "--look", untrained, *options)
    assert wrong.returncode == 2
    assert wrong.stderr.count("\n") == 1, wrong.stderr
    assert "holds no person" in wrong.stderr
    missing = dance_command(song, "-o", tmp_path / "b.mp4", "--look", tmp_path / "no.safetensors", *options)
    assert (missing.returncode, "look=" in missing.stderr, "does not exist" in missing.stderr) == (2, True, True)
    over = dance_command(song, "-o", f"{picture.look}/x.mp4", "--look", picture.look, *options)
    assert over.returncode == 2


def test_frames_are_encoded_in_order_while_others_are_made(tmp_path: Path):
    with VideoWriter(tmp_path / "a.mp4", 64, 64, 25) as writer, WriteBehind(writer) as behind:
        for level in range(0, 250, 10):
            behind.write(np.full((64, 64, 3), level, np.uint8))
    levels = [frame.mean() for _, frame in zip(range(25), frames(tmp_path / "a.mp4", "a", 25), strict=True)]
    assert np.allclose(levels, range(0, 250, 10), atol=3)


def write_some_and_fail(behind: WriteBehind) -> None:
    for _ in range(50):
        behind.write(np.zeros((64, 64, 3), np.uint8))
    raise RuntimeError("no more")


def write_wrong_sizes(behind: WriteBehind) -> None:
    behind.write(np.zeros((64, 32, 3), np.uint8))
    time.sleep(0.05)
    behind.write(np.zeros((64, 64, 3), np.uint8))


def test_an_error_of_the_encoder_is_raised_and_leaves_no_file_and_no_thread(tmp_path: Path):
    with (
        pytest.raises(ValueError, match="a frame must be uint8"),
        VideoWriter(tmp_path / "a.mp4", 64, 64, 25) as writer,
        WriteBehind(writer) as behind,
    ):
        write_wrong_sizes(behind)
    assert not (tmp_path / "a.mp4").exists()
    assert not [thread.name for thread in threading.enumerate() if "ThreadPool" in thread.name]


def test_an_error_while_frames_are_made_drops_those_that_wait(tmp_path: Path):
    with (
        pytest.raises(RuntimeError, match="no more"),
        VideoWriter(tmp_path / "a.mp4", 64, 64, 25) as writer,
        WriteBehind(writer) as behind,
    ):
        write_some_and_fail(behind)
    assert not (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize("name", SHIPPED_PEOPLE)
def test_a_shipped_person_is_a_look_by_name_and_fits_into_the_package(name: str):
    picture = PictureConfig(look=name)
    assert picture.person == str(SHIPPED_PEOPLE[name])
    checkpoints.check(picture)
    assert SHIPPED_PEOPLE[name].stat().st_size <= 17_000_000
    description = json.loads(load_look(picture).describe(picture) or "")
    assert (description["person"], description["synthetic"], description["licence"]) == (name, True, "Apache-2.0")
    assert "made by dancegen" in description["consent"]


@pytest.mark.parametrize("name", SHIPPED_PEOPLE)
def test_a_shipped_person_is_drawn_where_the_pose_is_and_the_room_is_left_alone(name: str):
    someone = person.load_person(str(SHIPPED_PEOPLE[name]))
    width, height = someone.width_px, someone.height_px
    pose = choreograph(compose("kpop", 1, 4), Dancer.from_seed(1), 25, 0)[:12]
    film = Film(someone)
    joints, _ = film.fitted(camera.film(pose, width, height, 0) / np.array([width, height, 1]), 25)
    *_, shown = film.frames(joints)
    changed = np.abs(shown.astype(int) - someone.plate).max(axis=-1) > 20
    x, y = joints[-1, :, :2].T * [[width], [height]]
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot(columns[..., None] - x, rows[..., None] - y).min(axis=-1)
    assert changed[distance < 0.01 * height].mean() > 0.8
    assert changed[distance > 0.15 * height].mean() < 0.01
