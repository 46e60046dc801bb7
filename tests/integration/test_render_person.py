"""Songs to videos of a person, on a real Ray."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dancegen import schema, storage, tables
from dancegen.checkpoints import checkpoint, person
from dancegen.errors import CheckpointError
from dancegen.gan.dance_model import DanceModel, build_generator
from dancegen.gan.settings import DanceModelConfig
from dancegen.media.video import probe
from dancegen.media.wav import write_wav
from dancegen.renderer.person import Person
from dancegen.steps.render.pipeline import run
from dancegen.steps.render.settings import RenderConfig

pytestmark = pytest.mark.ray
RATE = 16_000


def make_song(path: Path, seconds: float, pitch_hz: float = 220.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    time_s = np.arange(round(seconds * RATE)) / RATE
    write_wav(path, (0.3 * np.sin(2 * np.pi * pitch_hz * time_s)).astype(np.float32), RATE)
    return path


@pytest.fixture
def config(tmp_path: Path, tiny_model: dict[str, object], tiny_person: Person) -> RenderConfig:
    """Two songs and one that is none, a tiny dance model and a tiny person."""
    model = DanceModelConfig.model_validate(tiny_model)
    checkpoint.save(tmp_path / "dance.safetensors", DanceModel(build_generator(model), model), {})
    person.save(tmp_path / "person.safetensors", tiny_person)
    make_song(tmp_path / "songs" / "one.wav", 1.0)
    make_song(tmp_path / "songs" / "two.wav", 4.5, 330)  # two segments
    (tmp_path / "songs" / "broken.mp3").write_bytes(b"no song")
    return RenderConfig(
        songs=str(tmp_path / "songs"),
        output=str(tmp_path / "dances"),
        checkpoint=str(tmp_path / "dance.safetensors"),
        look=str(tmp_path / "person.safetensors"),
        fps=25,
        width_px=64,
        max_error_fraction=0.5,
        max_attempts=1,
        actors=1,
    )


def renders(config: RenderConfig) -> dict[str, dict]:
    return {
        storage.name(row["uri"]): row for row in tables.read(f"{config.output}_renders", schema.RENDERS).to_pylist()
    }


def test_songs_become_videos_of_a_person_and_again_only_when_the_person_changed(
    ray_session: str,
    config: RenderConfig,
    tiny_person: Person,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    first = run(config)
    assert (first.rows, first.bad, first.done_before) == (3, 1, 0)
    rows = renders(config)
    assert {name: row["frames"] for name, row in rows.items()} == {"one.wav": 25, "two.wav": 113, "broken.mp3": None}
    assert all(rows[name]["look"] == config.look for name in rows)
    assert all(0 <= rows[name]["out_of_range_share"] <= 1 for name in ("one.wav", "two.wav"))
    assert "cannot be opened" in rows["broken.mp3"]["error"]
    said = capsys.readouterr().err
    assert "poses unlike the person's footage: " in said
    assert "column out_of_range_share" in said
    found = probe(tmp_path / "dances" / "two.mp4", "video")
    assert (found.width_px, found.height_px, found.has_audio) == (64, 64, True)
    bytes_of_one = (tmp_path / "dances" / "one.mp4").read_bytes()

    moved = tmp_path / "elsewhere" / "same person.safetensors"
    person.save(moved, replace(tiny_person, card={"copied": True}))
    assert run(config.model_copy(update={"look": str(moved)})).done_before == 2
    assert run(config.model_copy(update={"width_px": None, "height_px": 64})).done_before == 2, "the same size"

    person.save(Path(config.look), replace(tiny_person, plate=255 - tiny_person.plate))
    assert run(config).done_before == 0
    assert (tmp_path / "dances" / "one.mp4").read_bytes() != bytes_of_one

    with pytest.raises(CheckpointError, match="holds no person"):
        run(config.model_copy(update={"look": config.checkpoint}))
    assert run(config).done_before == 2
