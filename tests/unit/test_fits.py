"""Checkpoints that do not fit the settings are refused by their headers, before torch is loaded or Ray is started."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dancegen import config, storage
from dancegen.checkpoints import checkpoint, header
from dancegen.config import Config
from dancegen.errors import CheckpointError, ConfigError
from dancegen.gan.dance_model import DanceModel, build_generator
from dancegen.gan.settings import DanceModelConfig
from dancegen.perceptual.heldout import Heldout
from dancegen.perceptual.heldout_settings import HeldoutConfig
from dancegen.steps import checkpoints
from dancegen.steps.evaluate.settings import EvaluateConfig
from dancegen.steps.evaluate_renderer.settings import EvaluateRendererConfig
from dancegen.steps.render.settings import DanceConfig, RenderConfig
from dancegen.steps.search.settings import SearchConfig
from dancegen.steps.train_cross_modal.settings import TrainCrossModalConfig
from dancegen.steps.train_dance.settings import TrainDanceConfig

ROOT = Path(__file__).parents[2]
DANCE, STGCN = str(checkpoint.shipped()), str(checkpoint.shipped_perceptual())
CAMERA = {"normalization": "camera"}
PAPER, TOKENS = (ROOT / "configs" / "presets" / name for name in ("paper.yaml", "tokens.yaml"))


@pytest.fixture(scope="module")
def gan(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A dance model of the default settings."""
    path, settings = tmp_path_factory.mktemp("gan") / "dance.safetensors", DanceModelConfig()
    checkpoint.save(path, DanceModel(build_generator(settings), settings), {})
    return str(path)


@pytest.fixture(scope="module")
def heldout(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A held-out extractor that sees the camera's coordinates, which no shipped checkpoint makes."""
    path = tmp_path_factory.mktemp("heldout") / "heldout.safetensors"
    checkpoint.save_perceptual(
        path, Heldout(HeldoutConfig(hidden=4, size=4, normalization="camera"), 2), ["a", "b"], {}
    )
    return str(path)


@pytest.mark.parametrize(
    ("kind", "given", "told"),
    [
        (TrainDanceConfig, {"model": CAMERA}, "stgcn.safetensors: expects dances with normalization 'body'"),
        (TrainDanceConfig, {"model": {"fps": 25}}, "expects dances with fps 10.0"),
        (TrainDanceConfig, {"perceptual": DANCE}, "holds no perceptual network"),
        (TrainDanceConfig, {"init_from": STGCN}, "holds no dance model"),
        (SearchConfig, {"train": {"model": CAMERA}}, "expects dances with normalization 'body'"),
        (SearchConfig, {"ablation": {"ours": {}, "theirs": CAMERA}}, "expects dances with normalization 'body'"),
        (
            SearchConfig,
            {"ablation": {"l1": {**CAMERA, "losses": {"perceptual": 0}}}},
            "perceptual network: expects dances",
        ),
        (EvaluateConfig, {"checkpoint": STGCN}, "holds no dance model"),
        (EvaluateConfig, {"perceptual": DANCE}, "holds no perceptual network"),
        (EvaluateConfig, {"heldout": STGCN}, "holds no heldout extractor"),
        (EvaluateConfig, {"cross_modal": STGCN}, "holds no cross modal metric"),
        (EvaluateRendererConfig, {"people": DANCE}, "holds no person"),
        (RenderConfig, {"checkpoint": STGCN}, "holds no dance model"),
        (DanceConfig, {"checkpoint": STGCN}, "holds no dance model"),
        (TrainCrossModalConfig, {"tagger_weights": DANCE}, "holds no cross modal metric"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_named(kind: type[Config], given: dict[str, object], told: str):
    needed = {
        name: "x" for name in ("songs", "output", "song", "video", "clips", "frames") if name in kind.model_fields
    }
    with pytest.raises(CheckpointError, match=told):
        checkpoints.check(config.validate(kind, {**needed, **given}))


def test_networks_that_see_other_dances_than_those_to_measure_are_named(heldout: str):
    with pytest.raises(CheckpointError, match=r"heldout network: expects dances of 'camera' at 10 .* are of 'body'"):
        checkpoints.check(EvaluateConfig(clips="clips", heldout=heldout))
    with pytest.raises(CheckpointError, match="heldout network"):  # whoever made the dances
        checkpoints.check(EvaluateConfig(clips="clips", dances="dances", heldout=heldout))


@pytest.mark.parametrize("kind", [TrainDanceConfig, SearchConfig])
def test_the_settings_that_come_with_the_project_fit_what_comes_with_it(kind: type[Config]):
    checkpoints.check(kind())


def test_a_network_that_is_not_used_is_not_looked_at():
    checkpoints.check(TrainDanceConfig.model_validate({"model": {**CAMERA, "losses": {"perceptual": 0}}}))


def test_for_another_machine_only_what_comes_with_dancegen_is_looked_at():
    checkpoints.check(TrainDanceConfig.model_validate({"perceptual": "/on/the/cluster"}), here=False)
    with pytest.raises(CheckpointError, match="expects dances"):
        checkpoints.check(TrainDanceConfig.model_validate({"model": CAMERA}), here=False)


@pytest.mark.parametrize("kind", [DanceConfig, RenderConfig])
def test_a_style_that_the_shipped_model_lacks_is_named_before_anything_starts(kind: type[Config]):
    places = {"songs": "x", "output": "y"} if kind is RenderConfig else {"song": "x", "video": "y.mp4"}
    for style in ("auto", "none"):
        checkpoints.check(config.validate(kind, {**places, "style": style}))
    with pytest.raises(ConfigError, match="style=tango: the dance model has no"):
        checkpoints.check(config.validate(kind, {**places, "style": "tango"}))


@pytest.mark.parametrize("styles", ["krump", 3, [1]])
def test_styles_that_are_no_names_are_refused(styles: object):
    with pytest.raises(CheckpointError, match="styles is no list of names"):
        header.dance_styles({"styles": styles}, "a.safetensors")


def test_a_model_can_be_fine_tuned_with_the_settings_that_it_was_trained_with(gan: str):
    checkpoints.check(TrainDanceConfig(init_from=gan))
    with pytest.raises(CheckpointError, match="was trained with norm 'layer'"):
        checkpoints.check(config.validate(TrainDanceConfig, {"init_from": gan, "model": {"norm": "batch"}}))


def test_the_shipped_model_can_be_fine_tuned_with_its_preset():
    checkpoints.check(config.load(TrainDanceConfig, None, [f"base={TOKENS}", f"init_from={DANCE}"]))
    with pytest.raises(CheckpointError, match=r"head 'tokens', and not with 'gan'. Train with base=.*tokens.yaml"):
        checkpoints.check(TrainDanceConfig(init_from=DANCE))


@pytest.mark.parametrize("size", [0, 5, 1000, -1])
def test_a_file_that_was_cut_off_is_damaged(size: int, tmp_path: Path):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(Path(DANCE).read_bytes()[:size])
    with pytest.raises(CheckpointError, match="is damaged or not a safetensors file"):
        header.read(str(path), header.DANCE)


@pytest.mark.parametrize("content", [b"no weights but text that is longer than a length", b"\x02" + bytes(7) + b"[]"])
def test_a_file_of_another_kind_is_no_checkpoint(content: bytes, tmp_path: Path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="is damaged or not a safetensors file"):
        header.read(str(path), header.DANCE)


def test_the_header_says_what_the_loader_finds_here_and_on_s3(s3: str):
    storage.write_bytes(f"{s3}/dance.safetensors", Path(DANCE).read_bytes())
    for uri in (DANCE, f"{s3}/dance.safetensors"):
        about = header.read(uri, header.DANCE)
        assert about["card"] == checkpoint.read_card(Path(DANCE))
        assert header.dance_settings(about) == checkpoint.load(Path(DANCE)).config


def test_the_paper_preset_with_the_shipped_network_is_refused_before_anything_heavy_is_loaded(tmp_path: Path):
    clips = tmp_path / "clips"
    clips.mkdir()
    code = f"""
import sys
from dancegen.cli import main
try:
    main(["train-dance", {str(PAPER)!r}, "clips={clips}", "output={tmp_path}/out", *sys.argv[1:]])
except SystemExit as end:
    print(end.code, [name for name in ("ray", "torch", "mlflow") if name in sys.modules])
"""
    for words in ([], ["--submit", "http://127.0.0.1:9"]):
        answer = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=ROOT)
        assert answer.stdout.strip() == "2 []"
        assert answer.stderr.count("\n") == 1
        assert "perceptual=..." in answer.stderr
    assert not (tmp_path / "out").exists()


def test_a_copy_of_a_checkpoint_fits_as_it_does(gan: str, tmp_path: Path):
    copies = [shutil.copy(path, tmp_path) for path in (gan, STGCN)]
    checkpoints.check(TrainDanceConfig(clips="clips", init_from=str(copies[0]), perceptual=str(copies[1])))
