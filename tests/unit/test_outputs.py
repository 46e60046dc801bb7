"""No command writes over what it reads, into a folder that it lists, or over files of others."""

import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from dancegen import cli, outputs, storage
from dancegen.config import Config, inputs
from dancegen.config import outputs as outputs_of
from dancegen.errors import ConfigError, StorageError
from dancegen.media import marks
from dancegen.media.video import VideoWriter
from dancegen.media.wav import write_wav
from dancegen.steps.cut_clips.settings import CutClipsConfig
from dancegen.steps.evaluate.settings import EvaluateConfig
from dancegen.steps.extract_poses.settings import ExtractPosesConfig
from dancegen.steps.import_poses.settings import ImportPosesConfig
from dancegen.steps.make_corpus.settings import MakeCorpusConfig
from dancegen.steps.pretrain_perceptual.settings import PretrainPerceptualConfig
from dancegen.steps.render.settings import DanceConfig, RenderConfig
from dancegen.steps.search.settings import SearchConfig
from dancegen.steps.train_cross_modal.settings import TrainCrossModalConfig
from dancegen.steps.train_dance.settings import TrainDanceConfig
from dancegen.tools.compare_estimators.settings import CompareEstimatorsConfig
from dancegen.tools.contact_sheet.run import write_contact_sheet
from dancegen.tools.contact_sheet.settings import SheetConfig
from dancegen.tools.import_weights.settings import ImportWeightsConfig
from dancegen.tools.study.settings import AnalyseStudyConfig, MakeStudyConfig

ROOT = Path(__file__).parents[2]


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "lib" / "song.wav"
    path.parent.mkdir()
    write_wav(path, 0.2 * np.sin(np.arange(16_000) / 10).astype(np.float32), 16_000)
    return path


def video(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, 64, 48, 10) as writer:
        writer.write(np.full((48, 64, 3), 90, dtype=np.uint8))
    return path


def command(*words: object) -> tuple[int, str]:
    found = CliRunner().invoke(cli.main, [str(word) for word in words])
    assert not isinstance(found.exception, Exception), found.exception
    return found.exit_code, found.stderr.strip()


def test_every_command_declares_what_it_reads_and_writes():
    classes = [
        getattr(import_module(step.settings.partition(":")[0]), step.settings_class) for step in cli.STEPS.values()
    ]
    classes += [DanceConfig, SheetConfig, ImportWeightsConfig, CompareEstimatorsConfig, MakeStudyConfig]
    for kind in (*classes, AnalyseStudyConfig):
        given = {
            name: "mediapipe" if name == "format" else "x" for name, f in kind.model_fields.items() if f.is_required()
        }
        given |= {"format": "bvh"} if "format" in given else {}
        given |= {"videos": ("x",)} if kind is SheetConfig else {}
        config = kind.model_validate(given)
        assert [name for name, _, _ in outputs_of(config)], kind.__name__
        assert kind is MakeCorpusConfig or [name for name, _ in inputs(config)], kind.__name__


@pytest.mark.parametrize("name", ["song.wav", "../lib/song.wav", "link.wav", "hard.wav"])
def test_dance_refuses_to_replace_its_song_under_any_name(song: Path, name: str):
    (song.parent / "link.wav").symlink_to(song)
    os.link(song, song.parent / "hard.wav")
    before = song.read_bytes()
    with pytest.raises(ConfigError, match="is an input of the job: song="):
        outputs.check(DanceConfig.model_construct(song=str(song), video=str(song.parent / name), overwrite=True))
    code, told = command("dance", song, "-o", song.parent / name)
    assert (code, len(told.splitlines())) == (2, 1)
    assert song.read_bytes() == before


def test_dance_refuses_to_replace_a_video_that_is_its_song_or_its_checkpoint(tmp_path: Path):
    film = video(tmp_path / "film.mp4")
    (tmp_path / "link.mp4").symlink_to(film)
    before = film.read_bytes()
    for output in (film, tmp_path / "link.mp4"):
        code, told = command("dance", film, "-o", output, "--overwrite")
        assert (code, f"is an input of the job: song={film}" in told) == (2, True)
    other = DanceConfig(song="/s.wav", checkpoint=str(film), video=str(film))
    with pytest.raises(ConfigError, match="is an input of the job: checkpoint="):
        outputs.check(other)
    assert film.read_bytes() == before


LIBRARY = [
    (RenderConfig, {"songs": "lib"}, "output"),
    (ExtractPosesConfig, {"videos": "lib"}, "poses"),
    (ExtractPosesConfig, {"videos": "lib", "poses": "apart"}, "people"),
    (ImportPosesConfig, {"source": "lib", "format": "bvh"}, "poses"),
    (ImportPosesConfig, {"source": "apart", "music": "lib", "format": "bvh"}, "poses"),
    (CutClipsConfig, {"poses": "lib"}, "clips"),
    (CompareEstimatorsConfig, {"videos": "lib"}, "output"),
    (MakeStudyConfig, {"a": "apart", "b": "lib"}, "output"),
    (AnalyseStudyConfig, {"study": "lib"}, "output"),
    (TrainDanceConfig, {"clips": "lib"}, "output"),
    (TrainCrossModalConfig, {"clips": "lib"}, "output"),
    (PretrainPerceptualConfig, {"clips": "lib"}, "output"),
    (SearchConfig, {"train": {"clips": "lib"}}, "output"),
    (EvaluateConfig, {"clips": "lib"}, "output"),
    (EvaluateConfig, {"clips": "apart", "dances": "lib"}, "output"),
    (ImportWeightsConfig, {"weights": "lib"}, "output"),
    (SheetConfig, {"videos": ("apart", "lib")}, "picture"),
]


@pytest.mark.parametrize(("kind", "given", "output"), LIBRARY)
@pytest.mark.parametrize("place", ["lib", "lib/deep/below.png", "link/new.png", "apart/../lib/x.png"])
def test_no_step_writes_into_a_folder_that_it_reads(
    kind: type[Config], given: dict, output: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lib" / "deep").mkdir(parents=True)
    (tmp_path / "apart").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "lib" / "deep")
    before = sorted(tmp_path.rglob("*"))
    config = kind.model_validate({**given, output: str(tmp_path / place)})
    with pytest.raises((ConfigError, StorageError)):
        outputs.check(config)
    outputs.check(kind.model_validate({**given, output: str(tmp_path / "elsewhere.png")}))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("read", "written", "wrong"),
    [
        ("s3://b/lib", "s3://b/lib", True),
        ("s3://b/lib/", "s3://b/lib/out", True),
        ("s3://b", "s3://b/out", True),
        ("s3://b/lib", "s3://b/lib_out", False),
        ("s3://b/lib", "s3://c/lib", False),
        ("s3://b/lib", "/lib", False),
    ],
)
def test_prefixes_on_s3_are_compared_whole(read: str, written: str, wrong: bool):
    config = RenderConfig(songs=read, output=written)
    if wrong:
        with pytest.raises(ConfigError, match="an input of the job: songs=s3://b"):
            outputs.check(config)
    else:
        outputs.check(config)


def test_what_a_job_reads_may_not_lie_in_what_it_replaces(tmp_path: Path):
    model = tmp_path / "run" / "dance.safetensors"
    model.parent.mkdir()
    model.write_bytes(b"")
    with pytest.raises(ConfigError, match=r"lies in|is an input of the job"):
        outputs.check(TrainDanceConfig(clips=str(tmp_path / "clips"), init_from=str(model), output=str(model.parent)))
    (tmp_path / "table" / "videos").mkdir(parents=True)
    with pytest.raises(ConfigError, match="would overwrite an input of the job"):
        outputs.check(ExtractPosesConfig(videos=str(tmp_path / "table" / "videos"), poses=str(tmp_path / "table")))
    tables = {"clips": str(tmp_path / "clips"), "output": str(model.parent)}
    outputs.check(EvaluateConfig(**tables, checkpoint=str(model), overwrite=True))  # only its own names are written


def test_a_file_of_a_list_is_not_written_over_either(song: Path, tmp_path: Path):
    songs = tmp_path / "songs.txt"
    film = video(tmp_path / "out" / "film.mp4")
    songs.write_text(f"{song}\n{film}\n")
    before = film.read_bytes()
    code, told = command("render", f"songs={songs}", f"output={tmp_path}/out", "overwrite=true")
    assert (code, "is both an output and an input" in told) == (2, True)
    code, told = command("extract_poses", f"videos={songs}", f"poses={tmp_path}/out", "overwrite=true")
    assert (code, f"overwrite an input of the job: {film}" in told) == (2, True)
    assert film.read_bytes() == before


def test_a_path_that_is_not_utf8_is_compared_by_what_it_is_too(tmp_path: Path):
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(folder)
    (tmp_path / "link").symlink_to(os.fsdecode(folder))
    songs = RenderConfig(songs=f"file://{tmp_path}/caf%E9", output=f"{tmp_path}/link/out")
    with pytest.raises(ConfigError, match="lies in an input of the job"):
        outputs.check(songs)


def test_a_library_is_not_danced_into_itself(song: Path):
    code, told = command("render", f"songs={song.parent}", f"output={song.parent}")
    assert (code, f"is an input of the job: songs={song.parent}" in told) == (2, True)
    assert [path.name for path in song.parent.iterdir()] == ["song.wav"]


def test_a_settings_file_is_read_too(song: Path, tmp_path: Path):
    settings = tmp_path / "out" / "best.yaml"
    settings.parent.mkdir()
    (tmp_path / "clips").mkdir()
    settings.write_text(f"train: {{clips: {tmp_path}/clips}}\noutput: {tmp_path}/out\n")
    code, told = command("search", settings)
    assert (code, f"is an input of the job: {settings}" in told) == (2, True)


def test_files_of_dancegen_are_known_from_those_of_others(tmp_path: Path):
    ours, other = video(tmp_path / "a.mp4"), tmp_path / "b.mp4"
    other.write_bytes(ours.read_bytes().replace(b"dancegen", b"somebody"))
    assert (marks.is_ours(ours), marks.is_ours(other)) == (True, False)
    for name in ("sheet.png", "sheet.jpg"):
        write_contact_sheet([str(ours)], str(tmp_path / name))
        assert marks.is_ours(tmp_path / name)
        cv2.imwrite(str(tmp_path / f"other_{name}"), np.zeros((8, 8, 3), np.uint8))
        assert not marks.is_ours(tmp_path / f"other_{name}")
    assert marks.is_ours(ROOT / "dancegen" / "checkpoints" / "dance.safetensors")
    for name, content in {
        "x.safetensors": b"",
        "y.safetensors": b"\xff" * 99,
        "page.html": b"<p>",
        "z.csv": b"1",
    }.items():
        (tmp_path / name).write_bytes(content)
        assert not marks.is_ours(tmp_path / name)
    (tmp_path / "_table.json").write_text("{}")
    assert marks.is_ours(tmp_path / "z.csv")


@pytest.mark.parametrize("content", [b"", b"family film", None])
def test_a_file_of_others_is_replaced_only_when_that_is_asked_for(content: bytes | None, song: Path, tmp_path: Path):
    place = video(tmp_path / "film.mp4")
    content = place.read_bytes().replace(b"dancegen", b"somebody") if content is None else content
    place.write_bytes(content)
    small = ("--size", "64x64", "--look", "skeleton")
    code, told = command("dance", song, "-o", place, *small)
    assert (code, told) == (
        2, f"{place}: exists, and was not written by dancegen. Give --overwrite to replace it, or name another output."
    )  # fmt: skip
    assert place.read_bytes() == content
    for again in (("--overwrite",), ()):  # the second time it is dancegen's own
        assert command("dance", song, "-o", place, *small, *again)[0] == 0


def test_sheets_and_weights_do_not_replace_files_of_others(tmp_path: Path):
    clip, place = video(tmp_path / "clip.mp4"), tmp_path / "holiday.png"
    place.write_bytes(b"holiday")
    assert command("sheet", clip, "-o", place)[0] == 2
    assert place.read_bytes() == b"holiday"
    for again in (("--overwrite",), ()):
        assert command("sheet", clip, "-o", place, *again)[0] == 0
    assert command("sheet", clip, "-o", clip)[0] == 2
    assert command("import-weights", clip, "-o", clip)[0] == 2
    assert command("import-weights", clip, "-o", tmp_path / "holiday.png")[0] == 2


def test_a_video_of_others_in_the_place_of_a_songs_video_is_told_before_the_work(song: Path, tmp_path: Path):
    place = tmp_path / "out" / "song.mp4"
    place.parent.mkdir()
    place.write_bytes(b"film")
    code, told = command("render", f"songs={song.parent}", f"output={place.parent}")
    assert (code, f"{place}: exists, and was not written by dancegen" in told) == (2, True)
    assert place.read_bytes() == b"film"
    assert not (tmp_path / "out_renders").exists()


def test_a_bucket_that_is_not_there_is_told_before_the_work(s3: str, song: Path):
    code, told = command("dance", song, "-o", "s3://no-such-bucket-here/a.mp4")
    assert (code, "bucket s3://no-such-bucket-here does not exist" in told, "dance:" in told) == (2, True, False)
    outputs.check_writable(DanceConfig(song=str(song), video=f"{s3}/below/a.mp4"))


def test_a_folder_that_cannot_be_made_is_told_before_the_work(song: Path, tmp_path: Path):
    code, told = command("render", f"songs={song.parent}", f"output={song}/videos")
    assert (code, "cannot be written" in told or "lies in an input of the job" in told) == (2, True)
    code, told = command("make_corpus", "output=/proc/nowhere/corpus")
    assert (code, "output=/proc/nowhere/corpus: cannot be written" in told) == (2, True)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "is empty"),
        ("a.avi", "its name must end in .mp4"),
        ("a", "its name must end in .mp4"),
        ("folder.mp4", "is a folder"),
        ("file/a.mp4", "cannot be written"),
        ("/proc/nowhere/a.mp4", "cannot be written"),
    ],
)
def test_where_dance_writes_is_checked_before_the_work(name: str, told: str, song: Path, tmp_path: Path):
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").write_text("")
    answer = subprocess.run(
        [sys.executable, "-m", "dancegen", "dance", song, "-o", name],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert answer.returncode == 2
    assert told in answer.stderr
    assert "dance:" not in answer.stderr
    shutil.rmtree(tmp_path / "folder.mp4")
    assert storage.find(str(tmp_path)) == sorted([str(song), str(tmp_path / "file")])
