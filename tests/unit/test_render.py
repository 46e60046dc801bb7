"""From one song to one video."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from dancegen import schema, storage, tables
from dancegen.checkpoints import checkpoint
from dancegen.checkpoints.checkpoint import load_model
from dancegen.corpus.music.practice import practice_song
from dancegen.errors import ConfigError, StorageError
from dancegen.exports.dance import load as load_dance
from dancegen.gan.dance_model import DanceModel, build_generator
from dancegen.gan.settings import DanceModelConfig
from dancegen.media.audio import load
from dancegen.media.inputs import SONG_SUFFIXES, list_media
from dancegen.media.video import probe
from dancegen.media.wav import write_wav
from dancegen.pose import kinematics
from dancegen.skeleton import COCO18
from dancegen.steps.render.candidates import Measures, best, measure
from dancegen.steps.render.dancing import dance, song_seed
from dancegen.steps.render.library import Library
from dancegen.steps.render.looks.look import load_look
from dancegen.steps.render.pipeline import input_rows, library
from dancegen.steps.render.settings import PictureConfig, RenderConfig
from dancegen.steps.render.song_settings import COLUMNS, Choices
from dancegen.steps.render.stage import Rendered, RenderSongs, render_song
from dancegen.steps.render.video_names import video_name

ROOT = Path(__file__).parents[2]
RATE = 16_000


def make_song(path: Path, seconds: float, volume: float = 0.3) -> Path:
    """A wav with two clicks a second over a tone."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    sound = volume * (
        np.sin(2 * np.pi * 220 * time_s) + np.exp(-30 * (time_s % 0.5)) * np.sin(2 * np.pi * 900 * time_s)
    )
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that knows nothing, which is enough to render."""
    torch.manual_seed(0)  # the feet of some other weights slide, of which the row has a note
    path = tmp_path_factory.mktemp("model") / "untrained.safetensors"
    config = DanceModelConfig()
    checkpoint.save(path, DanceModel(build_generator(config), config), {})
    return path


@pytest.fixture(scope="module")
def styled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with two styles that differ."""
    path = tmp_path_factory.mktemp("styled") / "styled.safetensors"
    config = DanceModelConfig()
    generator = build_generator(config, styles=2)
    torch.nn.init.normal_(generator.pose_generator.style.projection.weight)
    checkpoint.save(path, DanceModel(generator, config, styles=("ballet", "krump")), {})
    return path


@pytest.fixture
def picture(untrained: Path) -> PictureConfig:
    return PictureConfig(checkpoint=str(untrained), look="skeleton", fps=25, width_px=160, height_px=96)


def rows(*songs: Path | str) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "uri": str(song),
                "version": "1",
                "output_uri": f"{song}.mp4",
                "checkpoint_hash": "h",
            }
            for song in songs
        ]
    )


def test_a_song_whose_name_is_not_utf8_is_rendered_and_its_row_stored(picture: PictureConfig, tmp_path: Path):
    folder = tmp_path / "songs"
    folder.mkdir()
    make_song(tmp_path / "a.wav", 0.5).rename(folder / os.fsdecode("Café.wav".encode("latin-1")))
    (song,) = list_media(str(folder), SONG_SUFFIXES)
    video = tmp_path / "videos" / video_name(song["uri"], False)
    (row,) = rows(song["uri"]).to_pylist()
    rendered = RenderSongs(picture, "cpu")(pa.Table.from_pylist([{**row, "output_uri": str(video)}]))
    tables.write_part(str(tmp_path / "renders"), rendered, song["uri"])
    (told,) = tables.read(str(tmp_path / "renders"), schema.RENDERS).to_pylist()
    assert (told["uri"], told["error"]) == (f"file://{folder}/Caf%E9.wav", None)
    assert video.name == "Caf%E9.mp4"
    assert probe(video, str(video)).has_audio


@pytest.mark.parametrize(
    ("seconds", "fps", "look"),
    [
        *((0.3, 25, look) for look in ("skeleton", "skeleton-light", "avatar")),
        (2.0, 30, "skeleton"),
        (1.37, 59.94, "skeleton-light"),
    ],
)
def test_a_video_is_as_long_as_its_song_and_has_its_sound(
    seconds: float, fps: float, look: str, picture: PictureConfig, tmp_path: Path
):
    song, video = make_song(tmp_path / 'it\'s a "song".wav', seconds), tmp_path / "a video.mp4"
    picture = picture.model_copy(update={"fps": fps, "look": look})
    made = render_song(str(song), str(video), load_model(picture.checkpoint), picture, load_look(picture))
    found = probe(video, "video")
    assert (found.width_px, found.height_px, found.has_audio) == (160, 96, True)
    assert found.fps == pytest.approx(fps, abs=0.01)
    assert seconds <= made.seconds < seconds + 1 / fps + 1e-6
    assert 0 < made.motion_s + made.pictures_s < made.wall_s
    assert 0 < made.encoding_s < made.wall_s
    assert found.seconds == pytest.approx(made.frames / fps, abs=2 / fps)
    sound = load(video, "video")
    assert len(sound) / RATE == pytest.approx(seconds, abs=2 / fps)
    assert np.corrcoef(sound[2000:4000], load(song, "song")[2000:4000])[0, 1] > 0.95  # in step


def test_the_row_has_the_video_that_another_process_published_first(picture: PictureConfig, s3: str, tmp_path: Path):
    song, video = make_song(tmp_path / "song.wav", 0.4), f"{s3}/song.mp4"
    storage.write_bytes(video, b"published")
    made = render_song(str(song), video, load_model(picture.checkpoint), picture, load_look(picture), new=True)
    assert (made.output_bytes, made.output_hash) == (9, storage.content_hash(video))


def test_the_row_of_a_song_has_its_tempo_that_of_the_dance_and_its_metre(picture: PictureConfig, tmp_path: Path):
    song = tmp_path / "song.wav"
    samples = practice_song(11, 10.0, RATE, "two_step", 168.0).samples
    with wave.open(str(song), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    (row,) = RenderSongs(picture)(rows(song)).to_pylist()
    assert row["tempo_bpm"] == pytest.approx(168, rel=0.02)
    assert row["counted_bpm"] == pytest.approx(84, rel=0.02)
    assert row["meter"] == "4/4"
    assert row["tempo_confidence"] > 0.2


def test_a_dance_whose_feet_slide_has_a_note(picture: PictureConfig, tmp_path: Path):
    song, model, look = make_song(tmp_path / "song.wav", 2.0), load_model(picture.checkpoint), load_look(picture)
    standing = kinematics.to_joints(kinematics.standing(), kinematics.longest(), kinematics.chains()).numpy()
    stepping = np.repeat(standing[None], 20, axis=0)
    stepping[::2, COCO18.index("left_ankle"), 1] -= 0.1
    sliding = np.repeat(standing[None], 20, axis=0)
    sliding[..., 0] += np.linspace(0, 1, 20, dtype=np.float32)[:, None]

    def rendered(poses: np.ndarray) -> Rendered:
        made = dance(load(song, "song"), model, look.size, picture.fps, 1)
        danced = dataclasses.replace(made, poses=poses)
        return render_song(str(song), f"{tmp_path}/a.mp4", model, picture, look, make=lambda *given: danced)

    still, slide = rendered(stepping), rendered(sliding)
    assert (still.slide_share, slide.slide_share) == pytest.approx((0.0, 1.0))
    assert "slide" not in (still.note or "")
    assert "its feet slide: 100% of their path" in (slide.note or "")


def test_a_song_dances_alike_under_every_name_and_in_another_way_with_another_seed(
    picture: PictureConfig, tmp_path: Path
):
    songs = [make_song(tmp_path / name, 2.0) for name in ("one.wav", "two.wav")]
    model = load_model(picture.checkpoint)
    one, two = (dance(load(song, "song"), model, (160, 96), 25, song_seed(7, "content")).joints_px for song in songs)
    other = dance(load(songs[0], "song"), model, (160, 96), 25, song_seed(8, "content")).joints_px
    assert np.array_equal(one, two)
    assert not np.allclose(one, other)
    assert song_seed(7, "content") != song_seed(7, "other content")


def test_the_dance_does_not_depend_on_the_size_of_the_picture(picture: PictureConfig, tmp_path: Path):
    song = load(make_song(tmp_path / "song.wav", 1.0), "song")
    model = load_model(picture.checkpoint)
    small = dance(song, model, (160, 96), 25, 1).joints_px
    large = dance(song, model, (320, 192), 25, 1).joints_px
    assert np.allclose(small[..., :2] * 2, large[..., :2], atol=0.01)


def test_a_broken_song_is_a_row_with_its_reason_and_leaves_no_file(picture: PictureConfig, tmp_path: Path):
    broken, empty = tmp_path / "broken.mp3", tmp_path / "empty.wav"
    broken.write_bytes(b"no sound in here" * 100)
    empty.write_bytes(b"")
    good = make_song(tmp_path / "good.wav", 0.5)
    missing = tmp_path / "missing.wav"
    table = RenderSongs(picture)(rows(broken, good, empty, missing))
    assert table.schema.equals(schema.RENDERS)
    errors = table["error"].to_pylist()
    assert [error is None for error in errors] == [False, True, False, False]
    assert all(error.startswith(uri) for error, uri in zip(errors, table["uri"].to_pylist(), strict=True) if error)
    assert table["output_uri"].to_pylist() == [None, f"{good}.mp4", None, None]
    assert sorted(path.name for path in tmp_path.glob("*.mp4*")) == ["good.wav.mp4"]


def test_a_row_has_its_own_seed_look_and_part_of_the_song(picture: PictureConfig, tmp_path: Path):
    song, quiet = make_song(tmp_path / "song.wav", 3.0), make_song(tmp_path / "other.wav", 1.0)
    own = {"seed": 9, "look": "skeleton-light", "start_s": 1.0, "end_s": 2.5}
    settings = ({"settings": json.dumps(each)} for each in (own, {}))
    given = [{**row, **each} for row, each in zip(rows(song, quiet).to_pylist(), settings, strict=True)]
    one, other = RenderSongs(picture)(pa.Table.from_pylist(given)).to_pylist()
    assert (one["seed"], one["look"], one["seconds"], one["error"]) == (9, "skeleton-light", pytest.approx(1.52), None)
    assert (other["seed"], other["look"], other["seconds"]) == (0, "skeleton", 1.0)
    whole, part = load(song, "song"), load(Path(f"{song}.mp4"), "video")
    assert np.corrcoef(part[2000:6000], whole[RATE + 2000 : RATE + 6000])[0, 1] > 0.95
    late = {**given[0], "settings": json.dumps({"start_s": 9.0})}
    assert "lasts 3.0 s" in RenderSongs(picture).one(late)["error"]


def test_columns_of_a_table_are_settings_and_a_wrong_value_is_the_reason_of_its_row(
    picture: PictureConfig, untrained: Path, tmp_path: Path
):
    table = tmp_path / "songs.csv"
    lines = ["a.wav,,,", "b.wav,7,skeleton,", "c.wav,soon,,", "d.wav,,gone.safetensors,", "e.wav,,,-3"]
    table.write_text("\n".join(["uri,seed,look,start_s", *lines]))
    listed = list_media(str(table), SONG_SUFFIXES, COLUMNS)
    choices = Choices(picture)
    plain, own, *wrong = [choices.of(song) for song in listed]
    assert (plain.settings, plain.problem) == ("{}", None)
    assert json.loads(own.settings) == {"seed": 7, "look": "skeleton"}
    assert own.stamp != plain.stamp
    assert own.stamp == Choices(picture.model_copy(update={"seed": 7})).of({}).stamp
    problems = [str(choice.problem) for choice in wrong]
    assert problems[0].startswith(f"{tmp_path}/c.wav: seed='soon': input should be a valid integer")
    assert "gone.safetensors" in problems[1]
    assert "start_s='-3'" in problems[2]
    assert all(
        problem.endswith(f"{name}.wav in the table of songs.") for name, problem in zip("cde", problems, strict=True)
    )
    row = {**rows(make_song(tmp_path / "c.wav", 0.5)).to_pylist()[0], "problem": problems[0]}
    assert RenderSongs(picture).one(row)["error"] == problems[0]
    with pytest.raises(StorageError, match="no_model"):
        Choices(picture.model_copy(update={"checkpoint": "/no_model.safetensors"}))
    with_part = choices.of({"uri": "a", "start_s": 1.0, "end_s": 0.5})
    assert "end_s=0.5 is not after start_s=1" in str(with_part.problem)


def test_a_song_is_danced_in_the_style_of_its_row_or_in_the_one_that_fits_it_and_the_row_says_which(
    picture: PictureConfig, styled: Path, tmp_path: Path
):
    picture = picture.model_copy(update={"checkpoint": str(styled), "exports": ("npz",)})
    given, found = rows(make_song(tmp_path / "song.wav", 2.0)).to_pylist()[0], {}
    for style in ("krump", "ballet", "none", "auto"):
        places = {"output_uri": f"{tmp_path}/{style}.mp4", "exports": [f"{tmp_path}/{style}.npz"]}
        found[style] = RenderSongs(picture).one({**given, **places, "settings": json.dumps({"style": style})})
    model = load_model(str(styled))
    fits = model.style_of(load(tmp_path / "song.wav", "song"))
    assert {style: row["style"] for style, row in found.items()} == {
        **{"krump": "krump", "ballet": "ballet"},
        **{"none": None, "auto": fits},
    }
    poses = {style: load_dance(tmp_path / f"{style}.npz", "").poses for style in found}
    assert np.array_equal(poses["auto"], poses[fits])
    assert np.abs(poses["krump"] - poses["ballet"]).mean() > 0.01
    assert np.abs(poses["none"] - poses["ballet"]).mean() > 0.01
    assert schema.table(schema.RENDERS, [found["krump"]])["style"].to_pylist() == ["krump"]


def test_a_changed_style_renders_a_song_again_and_nothing_changes_for_a_model_without_styles(
    picture: PictureConfig, styled: Path
):
    plain = Choices(picture)
    assert plain.of({"uri": "a", "style": "none"}).stamp == plain.of({"uri": "a"}).stamp == plain.of({}).stamp
    assert plain.of({"uri": "a", "style": "auto"}).stamp == plain.of({"uri": "a"}).stamp
    with_styles = Choices(picture.model_copy(update={"checkpoint": str(styled)}))
    stamps = {style: with_styles.of({"uri": "a", "style": style}).stamp for style in ("", "none", "krump", "ballet")}
    assert len(set(stamps.values())) == 4
    assert with_styles.of({"uri": "a", "style": "auto"}).stamp == stamps[""]
    assert (
        with_styles.of({"uri": "a", "seed": 7, "style": "krump"}).stamp
        == Choices(picture.model_copy(update={"checkpoint": str(styled), "style": "krump", "seed": 7})).of({}).stamp
    )


def test_a_style_that_the_model_lacks_is_the_reason_of_its_row_and_ends_a_job_that_sets_it(
    picture: PictureConfig, styled: Path
):
    with_styles = picture.model_copy(update={"checkpoint": str(styled)})
    problem = Choices(with_styles).of({"uri": "a.wav", "style": "tango"}).problem
    assert problem is not None
    assert problem.startswith("a.wav: style=tango: the dance model has no such style, but ballet, krump.")
    assert problem.endswith("Correct the row of a.wav in the table of songs.")
    assert "has no styles" in str(Choices(picture).of({"uri": "a.wav", "style": "krump"}).problem)
    for job, told in ((with_styles, "no such style, but ballet, krump"), (picture, "has no styles")):
        with pytest.raises(ConfigError, match=f"style=tango: .*{told}"):
            Choices(job.model_copy(update={"style": "tango"}))


def test_of_several_candidates_the_best_is_rendered_and_all_scores_are_kept(picture: PictureConfig, tmp_path: Path):
    song = make_song(tmp_path / "song.wav", 4.0)
    row = RenderSongs(picture.model_copy(update={"candidates": 3})).one(rows(song).to_pylist()[0])
    content = storage.content_hash(str(song))
    seeds = [song_seed(0, content, number) for number in range(3)]
    assert seeds[0] == song_seed(0, content)
    assert len(row["candidate_scores"]) == len({*seeds}) == 3
    model = load_model(picture.checkpoint)
    heard = model.hear(load(song, "song"))
    poses = (model.dance(load(song, "song"), seed, heard=heard) for seed in seeds)
    measured = [measure(pose, model.config.fps, heard.count.beat_times()) for pose in poses]
    assert [one.score for one in measured] == pytest.approx(row["candidate_scores"], abs=0.02)
    assert row["dance_seed"] == seeds[best(measured)]
    (alone,) = RenderSongs(picture)(rows(song)).to_pylist()
    assert (alone["dance_seed"], alone["candidate_scores"]) == (seeds[0], None)


def test_a_candidate_like_real_dancers_wins_then_the_one_on_the_beat():
    good = Measures(beat_lift=0.3, jerk=60.0, freeze_share=0.1, foot_skate=0.5)
    off_the_beat = dataclasses.replace(good, beat_lift=0.0)
    frozen = dataclasses.replace(good, beat_lift=0.9, freeze_share=0.9)
    unlike = dataclasses.replace(good, out_of_range_share=0.2)
    assert [one.outside for one in (good, off_the_beat, frozen)] == [0, 0, 1]
    assert best([frozen, off_the_beat, unlike, good, good]) == 3
    assert best([frozen, off_the_beat]) == 1


def test_silence_is_danced_to(picture: PictureConfig, tmp_path: Path):
    row = RenderSongs(picture)(rows(make_song(tmp_path / "silence.wav", 1.0, volume=0.0))).to_pylist()[0]
    assert row["error"] is None
    assert row["frames"] == 25
    assert row["note"] == "it is silent"


def test_a_song_without_a_steady_beat_says_so_and_one_with_a_beat_does_not(picture: PictureConfig, tmp_path: Path):
    time_s = np.arange(10 * RATE) / RATE
    drone = (0.2 * np.sin(2 * np.pi * 220 * time_s) * np.sin(np.pi * time_s / 10)).astype(np.float32)
    write_wav(tmp_path / "drone.wav", drone, RATE)
    table = RenderSongs(picture)(rows(make_song(tmp_path / "song.wav", 10.0), tmp_path / "drone.wav"))
    with_beat, without = table["note"].to_pylist()
    assert with_beat is None
    assert without.startswith("no steady beat was detected (confidence 0")


def test_an_empty_table_and_one_with_broken_songs_only_are_tables_of_renders(picture: PictureConfig, tmp_path: Path):
    stage = RenderSongs(picture)
    assert stage(rows()).schema.equals(schema.RENDERS)
    assert stage(rows(tmp_path / "missing.wav")).schema.equals(schema.RENDERS)


@pytest.fixture
def named(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """A function that gives the names of songs' videos, after those of earlier runs."""

    def names(songs: list[str], given: dict[str, str]) -> dict[str, str]:
        table = str(tmp_path / f"{len(list(tmp_path.iterdir()))}_renders")
        tables.begin(table, schema.RENDERS, {})
        for uri, name in given.items():
            tables.write_part(table, schema.table(schema.RENDERS, [{"uri": uri, "name": name}]), uri)
        with Library(({"uri": song, "version": None} for song in songs), table if given else "", ()) as library:
            return {song.uri: song.name for song in library.songs()}

    return names


def test_songs_that_share_a_stem_get_videos_of_their_own(named: Callable[..., dict[str, str]]):
    songs = ["/a/song.mp3", "/b/song.wav", "/a/Song.ogg", "/a/other.mp3"]
    videos = named(songs, {})
    assert videos["/a/other.mp3"] == "other.mp4"
    assert len({video.casefold() for video in videos.values()}) == 4
    assert all(Path(video).stem.startswith(Path(song).stem) for song, video in videos.items())
    assert named(songs[::-1], {}) == videos


def test_a_name_that_was_given_is_kept_and_given_to_no_other_song(named: Callable[..., dict[str, str]]):
    given = {"/a/song.mp3": "song.mp4", "/a/gone.mp3": "Gone.mp4"}
    videos = named(["/b/song.wav", "/a/song.mp3", "/b/gone.ogg"], given)
    assert videos["/a/song.mp3"] == "song.mp4"
    assert videos["/b/song.wav"].startswith("song-")
    assert videos["/b/gone.ogg"].startswith("gone-")
    assert named(["/b/song.wav"], {**given, **videos}) == {"/b/song.wav": videos["/b/song.wav"]}


def dance_command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "dancegen", "dance", *map(str, arguments)]


def test_dance_makes_a_video_without_settings_or_cluster(untrained: Path, tmp_path: Path):
    song, video = make_song(tmp_path / "my song.wav", 1.0), tmp_path / "my video.mp4"
    options = ("--checkpoint", untrained, "--size", "160x96", "--look", "skeleton", "--seed", 7, "--export", "npz")
    ended = subprocess.run(dance_command(song, "-o", video, *options), capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.startswith(f"dance: {song} to {video}\n")
    assert probe(video, "video").has_audio
    made = load_dance(tmp_path / "my video.npz", "dance")
    expected = dance(load(song, "song"), load_model(str(untrained)), (160, 96), 30, made.seed)
    assert made.seed == song_seed(7, storage.content_hash(str(song)))
    assert np.array_equal(made.joints_px, expected.joints_px)


def test_dance_says_what_is_wrong_with_a_song_and_exits_with_2(untrained: Path, tmp_path: Path):
    song = tmp_path / "broken.mp3"
    song.write_bytes(b"nothing")
    ended = subprocess.run(
        dance_command(song, "-o", tmp_path / "a.mp4", "--checkpoint", untrained),
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert ended.returncode == 2
    assert f"{song}: cannot be opened" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_leave_no_half_video(untrained: Path, tmp_path: Path, number: int, code: int):
    song = make_song(tmp_path / "long.wav", 20.0)
    command = dance_command(song, "-o", tmp_path / "out" / "a.mp4", "--checkpoint", untrained)
    # A shell may start the tests deaf to Ctrl-C, and what they start would be so, too.
    hearing = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT, preexec_fn=hearing) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        while not list(tmp_path.glob("out/*")):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        said += process.stderr.read()
    assert process.returncode == code
    assert said.rstrip().endswith("Stopped.")
    assert "Traceback" not in said
    assert not list(tmp_path.glob("out/*"))


def planned(config: RenderConfig) -> list[dict]:
    with library(config) as songs:
        return list(input_rows(config, songs))


def test_the_rows_of_a_library_are_done_until_a_file_is_gone_or_a_setting_of_the_song_changes(
    untrained: Path, tmp_path: Path
):
    make_song(tmp_path / "one.wav", 0.4)
    make_song(tmp_path / "two.wav", 0.4)
    table = tmp_path / "songs.csv"
    table.write_text("uri,seed\none.wav,\ntwo.wav,5\n")
    small = {"look": "skeleton", "fps": 25, "width_px": 160, "height_px": 96}
    output = tmp_path / "videos"
    config = RenderConfig(
        songs=str(table), output=str(output), checkpoint=str(untrained), exports=("npz", "bvh"), **small
    )
    made = planned(config)
    assert all(row["gone"] for row in made)
    stage = RenderSongs(PictureConfig(**{name: getattr(config, name) for name in PictureConfig.model_fields}))
    for row in made:
        rendered = stage(pa.Table.from_pylist([row]))
        tables.write_part(f"{output}_renders", rendered, row["uri"])
    again = planned(config)
    assert [row["gone"] for row in again] == [False, False]
    assert [row["version"] for row in again] == [row["version"] for row in made]
    assert [row["exports"][1] for row in again] == [f"{output}_exports/{name}.bvh" for name in ("one", "two")]
    (tmp_path / "videos_exports" / "two.bvh").unlink()
    table.write_text("uri,seed\none.wav,4\ntwo.wav,5\n")
    changed = planned(config)
    assert [row["gone"] for row in changed] == [False, True]
    assert [row["version"] == before["version"] for row, before in zip(changed, made, strict=True)] == [False, True]
    (tmp_path / "videos_exports" / "one.npz").unlink()
    (tmp_path / "videos_exports" / "one.npz").write_bytes(b"mine")
    tables.write_part(
        f"{output}_renders", schema.table(schema.RENDERS, [{**made[0], "exports": None, "error": "x"}]), made[0]["uri"]
    )
    with pytest.raises(ConfigError, match=r"one\.npz: exists, and was not written by dancegen"):
        planned(config)
