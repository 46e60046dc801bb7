"""`dancegen import-weights`: in what forms the published weights may come, and what is said of other files.

Our networks in their published form have the published names and shapes: tests/unit/test_released.py.
"""

import os
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from torch import Tensor

from dancegen.checkpoints import checkpoint
from dancegen.cli import main
from dancegen.errors import CheckpointError
from dancegen.gan.dance_model import build_generator
from dancegen.gan.settings import PAPER, DanceModelConfig
from dancegen.perceptual.stgcn import STGCN
from dancegen.perceptual.stgcn_settings import PAPER_STGCN
from dancegen.tools.import_weights.run import run
from dancegen.tools.import_weights.settings import ImportWeightsConfig


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """Those of a ST-GCN, the smaller of the two."""
    torch.manual_seed(0)
    return STGCN(PAPER_STGCN, 16).state_dict()


def imported(folder: Path, content: object, name: str = "checkpoint.safetensors", **options: object) -> Path:
    torch.save(content, folder / "weights.pth", **options)
    run(ImportWeightsConfig(weights=str(folder / "weights.pth"), output=str(folder / name)))
    return folder / name


def holds(path: Path, weights: dict[str, Tensor]) -> bool:
    found = checkpoint.load_perceptual(path).state_dict()
    return found.keys() == weights.keys() and all(found[name].equal(value) for name, value in weights.items())


def of_a_network_on_several_devices(weights):
    return {f"module.{name}": value for name, value in weights.items()}


def inside_a_training(weights):
    return {"epoch": 3, "state_dict": weights, "optimizer": {"state": {}, "param_groups": [{"lr": 1e-3}]}}


def of_parameters(weights):
    return OrderedDict((name, torch.nn.Parameter(v) if v.is_floating_point() else v) for name, v in weights.items())


@pytest.mark.parametrize(
    "form",
    [
        of_a_network_on_several_devices,
        inside_a_training,
        lambda weights: {"model": of_a_network_on_several_devices(weights)},
        of_parameters,
        lambda weights: {name: value.double() for name, value in weights.items()},
    ],
)
def test_the_form_in_which_weights_were_saved_changes_nothing(weights, form, tmp_path):
    assert holds(imported(tmp_path, form(weights)), weights)


def test_old_files_of_torch_can_be_imported(weights, tmp_path):
    assert holds(imported(tmp_path, weights, _use_new_zipfile_serialization=False), weights)


def test_half_precision_becomes_single_precision_with_the_same_values(weights, tmp_path):
    half = {name: value.half() for name, value in weights.items()}
    single = {name: half[name].to(value.dtype) for name, value in weights.items()}
    assert holds(imported(tmp_path, half), single)


def test_a_stgcn_of_any_number_of_classes_can_be_imported(weights, tmp_path):
    three = {**weights, **{name: weights[name][:3] for name in ("fcn.weight", "fcn.bias")}}
    assert checkpoint.load_perceptual(imported(tmp_path, three))(torch.zeros(2, 30, 18, 2)).shape == (2, 3)


class Runs:
    """Pickled, this is a file that runs a command when it is loaded without care."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple:
        return os.system, (self.command,)


def test_code_in_a_file_is_not_run(weights, tmp_path):
    with pytest.raises(
        CheckpointError, match=r"weights\.pth: contains more than weights: .* execute code \(\w+\.system\)"
    ):
        imported(tmp_path, {"state_dict": weights, "logger": Runs(f"touch '{tmp_path}/ran'")})
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "checkpoint.safetensors").exists()


def without(*names):
    return lambda weights: {name: value for name, value in weights.items() if name not in names}


def with_value(name, value):
    return lambda weights: {**weights, name: value}


IMPORTANCE = [f"edge_importance.{index}" for index in range(5)]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (without("A"), r"does not match the published ST-GCN: A \(3, 18, 18\) is missing\."),
        (without("fcn.bias"), r"ST-GCN: fcn\.bias \(16,\) is missing\."),
        (without(*IMPORTANCE), r"importance\.0 \(3, 18, 18\) is missing; .*\.1 .*; .*\.2 .* missing; and 2 more\."),
        (with_value("A", torch.zeros(1, 25, 25)), r"ST-GCN: A has shape \(1, 25, 25\), expected \(3, 18, 18\)\."),
        (with_value("fcn.scale", torch.zeros(7)), r"ST-GCN: fcn\.scale \(7,\) is unexpected\."),
        (
            with_value("data_bn.bias", torch.zeros(36, dtype=torch.int8)),
            r"data_bn\.bias has dtype int8, expected float32",
        ),
        (with_value("data_bn.bias", torch.full((36,), torch.nan)), r"data_bn\.bias contains NaN or Inf"),
        (
            with_value("data_bn.bias", torch.full((36,), 1e300, dtype=torch.float64)),
            r"data_bn\.bias contains NaN or Inf",
        ),
        (with_value("data_bn.bias", "0.5"), r"data_bn\.bias is not a dense tensor"),
        (with_value("data_bn.bias", torch.eye(6).to_sparse()), r"data_bn\.bias is not a dense tensor"),
        (lambda weights: [*weights.values()], r"contains neither .* but: list\."),
        (lambda weights: {"a": torch.ones(1), "b": 2, "c": 3, "d": 4}, r"contains neither .* but: a, b, c\."),
        (lambda weights: {}, r"contains neither .* but: nothing\."),
        (lambda weights: torch.ones(3), r"contains neither .* but: Tensor\."),
        (
            lambda weights: {"g": {"pose_generator.": 1}, "p": weights},
            r"contains several networks \(generator, ST-GCN\)",
        ),
    ],
)
def test_weights_that_do_not_fit_are_named(weights, tmp_path, spoil, told):
    with pytest.raises(CheckpointError, match=told) as error:
        imported(tmp_path, spoil(weights))
    assert error.value.subject == str(tmp_path / "weights.pth")
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_the_message_names_what_a_generator_lacks(tmp_path):
    weights = build_generator(PAPER).state_dict()
    spoilt = {**weights, "pose_generator.layer0.weight": torch.zeros(1024, 256)}
    told = r"generator: pose_generator\.layer0\.weight has shape \(1024, 256\), expected \(1024, 266\)\."
    with pytest.raises(CheckpointError, match=told):
        imported(tmp_path, spoilt)


@pytest.mark.parametrize("kept", [0, 3, 1000, -1000])
@pytest.mark.parametrize("new", [True, False])
def test_a_damaged_file_is_told(tmp_path, kept, new):
    weights = tmp_path / "weights.pth"
    torch.save({"pose_generator.layer0.bias": torch.zeros(2000)}, weights, _use_new_zipfile_serialization=new)
    weights.write_bytes(weights.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match=r"weights\.pth: is damaged, or was not written by torch\.save"):
        run(ImportWeightsConfig(weights=str(weights), output=str(tmp_path / "out")))


def test_a_checkpoint_of_ours_is_no_published_file(weights, tmp_path):
    ours = imported(tmp_path, weights)
    with pytest.raises(CheckpointError, match=r"is damaged, or was not written by torch\.save"):
        run(ImportWeightsConfig(weights=str(ours), output=str(tmp_path / "out")))


def test_the_file_to_import_is_not_written_over(weights, tmp_path):
    torch.save(weights, tmp_path / "weights.pth")
    refused = command("import-weights", tmp_path / "weights.pth", "-o", tmp_path / "weights.pth", "--overwrite")
    assert (refused.exit_code, "is an input of the job: weights=" in refused.stderr) == (2, True)
    assert "A" in torch.load(tmp_path / "weights.pth")


def test_the_checkpoint_says_where_it_comes_from(weights, tmp_path):
    card = checkpoint.read_perceptual_card(imported(tmp_path, weights))
    assert card["imported_from"] == "weights.pth"
    assert len(card["sha256"]) == 64


def test_a_published_stgcn_judges_only_dances_in_the_cameras_coordinates(weights, tmp_path):
    published = imported(tmp_path, weights)
    checkpoint.load_perceptual(published, PAPER)
    with pytest.raises(CheckpointError, match="camera"):
        checkpoint.load_perceptual(published, DanceModelConfig())


def test_the_command_says_what_it_found_and_the_checkpoint_dances(make_sound, tmp_path):
    torch.save(build_generator(PAPER).state_dict(), tmp_path / "generator.pth")
    song = make_sound(tmp_path / "song.wav", 0.1 * np.random.default_rng(0).standard_normal(16_000), rate=16_000)
    out, video = tmp_path / "generator.safetensors", tmp_path / "dance.mp4"
    found = command("import-weights", tmp_path / "generator.pth", "-o", out)
    assert (found.exit_code, found.stdout) == (0, f"Wrote the published generator as a checkpoint: {out}\n")
    danced = command("dance", song, "-o", video, "--checkpoint", out, "--size", "64x64", "--look", "skeleton")
    assert danced.exit_code == 0, danced.stderr
    assert video.stat().st_size > 1000


def test_a_file_that_would_run_code_is_one_line_and_exit_code_2(tmp_path):
    torch.save(Runs("true"), tmp_path / "wrong.pth")
    wrong = command("import-weights", tmp_path / "wrong.pth", "-o", tmp_path / "out")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert len(wrong.stderr.strip().splitlines()) == 1


def command(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))
