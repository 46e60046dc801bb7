"""Dances that are kept in the table of motions, and reused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dancegen import schema, storage, tables
from dancegen.checkpoints import checkpoint, person
from dancegen.corpus.music.practice import practice_song
from dancegen.gan.dance_model import DanceModel, build_generator
from dancegen.gan.settings import DanceModelConfig
from dancegen.media.wav import write_wav
from dancegen.renderer.person import Person
from dancegen.steps.render.settings import PictureConfig
from dancegen.steps.render.stage import RenderSongs

RATE = 16_000
EXPORTS = ("npz", "beats-csv", "sections-csv")
TIMES = {"wall_s", "compute_s", "motion_s", "pictures_s", "encoding_s"}


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("song") / "song.wav"
    write_wav(path, practice_song(11, 8.0, RATE, "two_step", 168.0).samples, RATE)
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


@pytest.fixture(scope="module")
def someone(tmp_path_factory: pytest.TempPathFactory, tiny_person: Person) -> Path:
    path = tmp_path_factory.mktemp("person") / "tiny.safetensors"
    person.save(path, tiny_person)
    return path


@pytest.fixture
def picture(styled: Path) -> PictureConfig:
    return PictureConfig(
        checkpoint=str(styled), look="skeleton", fps=25, width_px=160, height_px=96, exports=EXPORTS, candidates=2
    )


class Renders:
    """Renders a song into numbered files, with dances in one table."""

    def __init__(self, picture: PictureConfig, folder: Path) -> None:
        self.picture, self.folder, self.table, self.count = picture, folder, str(folder / "motions"), 0
        tables.begin(self.table, schema.MOTIONS, {})

    def __call__(self, song: Path, kept: bool = True, again: bool = False, **changed: Any) -> dict[str, Any]:
        """The row. With a column `settings` for a part of the song; with `kept` false the table is not used."""
        own = {name: changed.pop(name) for name in ("start_s", "end_s") if name in changed}
        picture = self.picture.model_copy(update=changed)
        self.count += 1
        row = {
            **{"uri": str(song), "version": "1", "checkpoint_hash": storage.content_hash(str(picture.checkpoint))},
            **{"output_uri": f"{self.folder}/{self.count}.mp4", "settings": json.dumps(own)},
            "exports": [f"{self.folder}/{self.count}.{name}" for name in picture.exports],
        }
        made = RenderSongs(picture, "cpu", self.table if kept else None, again).one(row)
        assert made.get("error") is None, made["error"]
        return made


@pytest.fixture
def render(picture: PictureConfig, tmp_path: Path) -> Renders:
    return Renders(picture, tmp_path)


def files(row: dict[str, Any]) -> list[bytes]:
    """The files of other formats; the first has the joints in pixels. The bytes of H.264 and AAC vary."""
    return [Path(uri).read_bytes() for uri in row["exports"]]


def test_another_look_and_size_of_a_reused_dance_are_those_of_a_render_from_nothing(song: Path, render: Renders):
    assert render(song)["motion_reused"] is False
    other = {"look": "skeleton-light", "width_px": 200, "height_px": 120, "fps": 30.0}
    reused, anew = render(song, **other), render(song, kept=False, **other)
    assert (reused["motion_reused"], anew["motion_reused"], anew["motion"]) == (True, None, None)
    assert files(reused) == files(anew)
    different = {"output_uri", "output_bytes", "output_hash", "exports", "motion", "motion_reused", *TIMES}
    assert {name: reused[name] for name in reused.keys() - different} == {
        name: anew[name] for name in anew.keys() - different
    }
    assert reused["tempo_bpm"] == pytest.approx(168, rel=0.02)
    assert reused["candidate_scores"] == pytest.approx(anew["candidate_scores"])


def test_a_copy_of_a_song_reuses_its_dance_and_all_that_changes_a_dance_makes_another(
    song: Path, render: Renders, tmp_path: Path
):
    copy = tmp_path / "copy.wav"
    copy.write_bytes(song.read_bytes())
    first = render(song)
    assert (render(copy)["motion"], render(copy)["motion_reused"]) == (first["motion"], True)
    longer = tmp_path / "longer.wav"
    write_wav(longer, practice_song(11, 9.0, RATE, "two_step", 168.0).samples, RATE)
    others = [
        render(longer),
        *(render(song, **{name: value}) for name, value in {"seed": 1, "style": "krump", "candidates": 1}.items()),
        render(song, start_s=2.0),
        render(song, end_s=6.0),
    ]
    assert not any(row["motion_reused"] for row in others)
    assert len({first["motion"], *(row["motion"] for row in others)}) == 7
    rows = tables.read(render.table, schema.MOTIONS).to_pylist()
    assert {row["uri"] for row in rows} == {first["motion"], *(row["motion"] for row in others)}


def test_a_dance_that_was_chosen_for_a_person_is_that_persons_own(song: Path, someone: Path, render: Renders):
    drawn = render(song, exports=())
    of_person = {"look": str(someone), "width_px": 64, "height_px": None, "end_s": 3.0, "exports": ()}
    chosen = render(song, **of_person)
    assert not chosen["motion_reused"]
    assert render(song, **of_person)["motion_reused"]
    rows = {row["uri"]: row for row in tables.read(render.table, schema.MOTIONS).to_pylist()}
    assert rows[drawn["motion"]]["chosen_for"] is None
    assert rows[chosen["motion"]]["chosen_for"].endswith(" 64x64 25")
    single = {**of_person, "candidates": 1}
    assert not render(song, **single)["motion_reused"]
    assert render(song, **{**single, "look": "avatar", "height_px": 64})["motion_reused"], "nothing was chosen"


def test_a_damaged_dance_is_made_again_and_so_are_all_if_that_is_wanted(song: Path, render: Renders):
    first = render(song)
    (part,) = tables.parts(render.table)
    before = tables.read(part, schema.MOTIONS)
    Path(part).write_bytes(b"damaged")
    assert not render(song, exports=())["motion_reused"]
    assert tables.read(part, schema.MOTIONS).equals(before)
    assert not render(song, again=True, exports=())["motion_reused"]
    assert tables.parts(render.table) == [part]
    assert files(render(song)) == files(first)


def test_poses_are_in_the_table_as_the_model_made_them(song: Path, render: Renders):
    row = render(song, candidates=1)
    (kept,) = tables.read(render.table, schema.MOTIONS).to_pylist()
    poses = schema.from_bytes(kept["poses"], "float32", -1, 18, 2)
    with np.load(row["exports"][0]) as exported:
        assert np.array_equal(poses, exported["poses"])
    assert (kept["seconds"], kept["fps"], kept["dance_seed"]) == (8.0, 10.0, row["dance_seed"])
    assert (len(poses), kept["style"], kept["wanted_style"]) == (80, row["style"], "auto")


def test_a_model_without_rhythm_is_kept_without_beats(
    song: Path, render: Renders, tiny_model: dict[str, object], tmp_path: Path
):
    config = DanceModelConfig.model_validate({**tiny_model, "rhythm": False})
    checkpoint.save(tmp_path / "deaf.safetensors", DanceModel(build_generator(config), config), {})
    deaf = {"checkpoint": str(tmp_path / "deaf.safetensors"), "style": "none", "candidates": 1}
    anew, first, reused = render(song, kept=False, **deaf), render(song, **deaf), render(song, **deaf)
    assert (first["motion_reused"], reused["motion_reused"]) == (False, True)
    assert files(anew) == files(reused)
    assert (reused["tempo_bpm"], reused["tempo_confidence"]) == (None, None)
