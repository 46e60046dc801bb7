"""Settings of the renderer: presets, their files, and combinations that cannot be used."""

from pathlib import Path

import pytest

from dancegen import config as settings
from dancegen.errors import ConfigError
from dancegen.renderer.settings import DEFAULT, ENHANCED_1024, PAPER, TINY, RendererConfig
from dancegen.steps.train_renderer.settings import TrainRendererConfig

PRESETS = Path(__file__).parents[2] / "configs" / "presets"


STATED = "consent=The person agreed."


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("renderer_default", DEFAULT),
        ("renderer_paper", PAPER),
        ("renderer_1024", ENHANCED_1024),
        ("renderer_tiny", TINY),
    ],
)
def test_a_preset_file_is_the_model_of_its_name_over_any_other_settings(name, model, tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text("model: {}\n")
    assert settings.load(TrainRendererConfig, str(path), [STATED, f"base={PRESETS}/{name}.yaml"]).model == model


@pytest.mark.parametrize("model", [DEFAULT, PAPER, ENHANCED_1024, TINY])
def test_a_preset_is_valid(model):
    assert RendererConfig.model_validate(model.model_dump()) == model


@pytest.mark.parametrize("size", ["model.height_px=512", "model.width_px=1024"])
def test_the_face_requires_a_picture_in_which_it_has_pixels(size):
    with pytest.raises(ConfigError, match=r"requires pictures of at least 512x512 px.*too small to refine"):
        settings.load(TrainRendererConfig, None, [STATED, "model.face=true", size])
    assert settings.load(
        TrainRendererConfig, None, [STATED, "model.face=true", "model.height_px=512", "model.width_px=512"]
    ).model.face


@pytest.mark.parametrize("size", ["model.height_px=250", "model.width_px=16"])
def test_sizes_are_multiples_of_32(size):
    with pytest.raises(ConfigError, match=r"model\.(height|width)_px=\d+: input should be"):
        settings.load(TrainRendererConfig, None, [STATED, size])
