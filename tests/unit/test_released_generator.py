"""`dancegen import-weights` for generators of pix2pixHD: what follows from the file, and what has to be told."""

from collections import OrderedDict
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch.nn import functional as F

from dancegen import config as settings
from dancegen import schema, tables
from dancegen.checkpoints.person import load
from dancegen.cli import main
from dancegen.errors import CheckpointError, ConfigError, TableError
from dancegen.perceptual.stgcn import STGCN
from dancegen.perceptual.stgcn_settings import PAPER_STGCN
from dancegen.renderer.condition import draw_condition
from dancegen.renderer.settings import GeneratorConfig
from dancegen.tools.import_weights import released_generator
from dancegen.tools.import_weights.run import run
from dancegen.tools.import_weights.settings import ImportWeightsConfig

FACTS = {
    "name": "someone",
    "consent": "They agreed.",
    "licence": "CC0-1.0",
    "height_px": 32,
    "width_px": 64,
    "joint_set": "coco18",
    "stick_style": "openpose",
    "background": "light",
    "condition_range": "signed",
    "previous_frame": False,
}


class Drawn:
    """Random weights under the published names, straight from the layer table."""

    def __init__(self, seed=0):
        self.random = torch.Generator().manual_seed(seed)
        self.weights = OrderedDict()

    def conv(self, name, *shape, outputs=None):
        self.weights[f"{name}.weight"] = 0.2 * torch.randn(shape, generator=self.random)
        self.weights[f"{name}.bias"] = 0.2 * torch.randn(outputs or shape[0], generator=self.random)

    def block(self, name, width):
        for part in (1, 5):
            self.conv(f"{name}.conv_block.{part}", width, width, 3, 3)

    def half_of_g1(self, inputs, n, d, b):
        self.conv("model.1", n, inputs, 7, 7)
        for i in range(d):
            self.conv(f"model.{4 + 3 * i}", n * 2 ** (i + 1), n * 2**i, 3, 3)
        for j in range(b):
            self.block(f"model.{4 + 3 * d + j}", n * 2**d)
        for i in range(d):
            width = n * 2 ** (d - i)
            self.conv(f"model.{4 + 3 * d + b + 3 * i}", width, width // 2, 3, 3, outputs=width // 2)


def g1(inputs=3, n=4, d=2, b=2):
    drawn = Drawn()
    drawn.half_of_g1(inputs, n, d, b)
    drawn.conv(f"model.{5 + 6 * d + b}", 3, n, 7, 7)
    return drawn.weights


def g2(inputs=3, e=2, d=2, b=2, blocks=3):
    drawn = Drawn()
    drawn.half_of_g1(inputs, 2 * e, d, b)
    drawn.conv("model1_1.1", e, inputs, 7, 7)
    drawn.conv("model1_1.4", 2 * e, e, 3, 3)
    for j in range(blocks):
        drawn.block(f"model1_2.{j}", 2 * e)
    drawn.conv(f"model1_2.{blocks}", 2 * e, e, 3, 3, outputs=e)
    drawn.conv(f"model1_2.{blocks + 4}", 3, e, 7, 7)
    return drawn.weights


def norm(x):
    return F.instance_norm(x, eps=1e-5)


def conv(x, w, name, pad=0, **options):
    x = F.pad(x, (pad,) * 4, mode="reflect") if pad else x
    return F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], **options)


def picture_of_g1(x, w, d=2, b=2):
    x = norm(conv(x, w, "model.1", pad=3)).relu()
    for i in range(d):
        x = norm(conv(x, w, f"model.{4 + 3 * i}", stride=2, padding=1)).relu()
    for j in range(b):
        name = f"model.{4 + 3 * d + j}.conv_block"
        x = x + norm(conv(norm(conv(x, w, f"{name}.1", pad=1)).relu(), w, f"{name}.5", pad=1))
    for i in range(d):
        name = f"model.{4 + 3 * d + b + 3 * i}"
        how = {"stride": 2, "padding": 1, "output_padding": 1}
        x = norm(F.conv_transpose2d(x, w[f"{name}.weight"], w[f"{name}.bias"], **how)).relu()
    return conv(x, w, f"model.{5 + 6 * d + b}", pad=3).tanh()


@pytest.fixture(scope="module")
def poses(tmp_path_factory) -> str:
    """A table of the poses of a person who sways."""
    uri = str(tmp_path_factory.mktemp("poses") / "poses")
    random = np.random.default_rng(0)
    standing = np.concatenate([random.uniform(0.3, 0.7, (18, 2)), np.full((18, 1), 0.9)], axis=1)
    joints = np.tile(standing, (40, 1, 1))
    joints[..., 0] += 0.02 * np.sin(np.arange(40) / 5)[:, None]
    tables.begin(uri, schema.POSES, {})
    row = dict.fromkeys(schema.POSES.names) | {"uri": "a.mp4", "frames": 40}
    row["joints"] = schema.to_bytes(joints, "float32")
    bad = dict.fromkeys(schema.POSES.names) | {"uri": "b.mp4", "error": "b.mp4: is empty."}
    for part in (row, bad):
        tables.write_part(uri, schema.table(schema.POSES, [part]), part["uri"])
    return uri


def imported(folder: Path, content: object, poses: str, **facts: object):
    torch.save(content, folder / "netG.pth")
    person = {**FACTS, "poses": poses, **facts}
    values = {"weights": str(folder / "netG.pth"), "output": str(folder / "person"), "person": person}
    found = run(settings.validate(ImportWeightsConfig, values))
    assert found == released_generator.KIND
    return load(folder / "person")


@torch.no_grad()
def test_an_imported_generator_gives_the_pictures_of_the_published_layers(poses, tmp_path):
    person = imported(tmp_path, g1(), poses)
    condition = torch.rand(2, 3, 32, 64) * 2 - 1
    torch.testing.assert_close(person.generator(condition).picture, picture_of_g1(condition, g1()), atol=1e-5, rtol=0)
    assert (person.name, person.consent, person.licence) == ("someone", "They agreed.", "CC0-1.0")
    assert person.plate.shape == (32, 64, 3)
    assert person.body.aspect == 2
    assert person.card["imported_from"] == "netG.pth"


@torch.no_grad()
def test_a_generator_for_conditions_in_0_to_1_and_with_memory_gives_the_same_pictures(poses, tmp_path):
    person = imported(tmp_path, g1(6), poses, condition_range="unit", previous_frame=True)
    condition, previous = torch.rand(1, 3, 32, 64), torch.rand(1, 3, 32, 64) * 2 - 1
    wanted = picture_of_g1(torch.cat([condition, previous], dim=1), g1(6))
    found = person.generator(condition * 2 - 1, previous).picture
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0)


@torch.no_grad()
def test_conditions_in_0_to_1_are_folded_into_both_halves_of_a_local_enhancer(poses, tmp_path):
    signed = imported(tmp_path, g2(), poses)
    unit = imported(tmp_path, g2(), poses, condition_range="unit")
    condition = torch.rand(1, 3, 32, 64)
    found, wanted = (one.generator(x).picture for one, x in ((unit, condition * 2 - 1), (signed, condition)))
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0)


@torch.no_grad()
def test_the_condition_has_the_background_of_the_facts(poses, tmp_path):
    config = imported(tmp_path, g1(), poses).config
    assert (draw_condition(torch.zeros(1, 18, 3), 32, 64, config) == 1).all()
    assert not config.matte


@pytest.mark.parametrize(
    ("weights", "wanted"),
    [
        (g1(3, 4, 3, 6), GeneratorConfig(width=4, downsamplings=3, blocks=6)),
        (g1(3, 8, 1, 1), GeneratorConfig(width=8, downsamplings=1, blocks=1)),
        (g2(3, 2, 2, 4), GeneratorConfig(kind="local_enhancer", width=2, downsamplings=2, blocks=4)),
        (
            g2(3, 2, 1, 1, 1),
            GeneratorConfig(kind="local_enhancer", width=2, downsamplings=1, blocks=1, enhancer_blocks=1),
        ),
    ],
)
def test_the_architecture_follows_from_names_and_shapes(weights, wanted):
    assert released_generator.architecture(weights, "x") == wanted


def old_buffers(weights):
    buffers = {"model.2.running_mean": torch.zeros(4), "model.2.num_batches_tracked": torch.tensor(7)}
    return {**weights, **buffers, "model.10.conv_block.2.running_var": torch.ones(16)}


@pytest.mark.parametrize(
    "form",
    [
        old_buffers,
        lambda weights: {f"module.{name}": value for name, value in old_buffers(weights).items()},
        lambda weights: {"netG": weights, "epoch": 3},
        lambda weights: {name: value.double() for name, value in weights.items()},
    ],
)
def test_the_form_in_which_weights_were_saved_changes_nothing(form, poses, tmp_path):
    person = imported(tmp_path, form(g1()), poses)
    assert all(person.generator.generator.state_dict()[name].equal(value) for name, value in g1().items())


def without(name):
    return lambda: {key: value for key, value in g1().items() if key != name}


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        (without("model.7.bias"), r"published generator of pix2pixHD: model\.7\.bias \(16,\) is missing\."),
        (lambda: {**g1(), "model.99.bias": torch.ones(3)}, r"model\.99\.bias \(3,\) is unexpected\."),
        (lambda: {**g1(), "model.2.weight": torch.ones(4)}, r"has batch normalisation"),
        (lambda: {**g2(), "model2_1.1.weight": torch.ones(4)}, r"has more than one local enhancer"),
        (lambda: {**g1(), "model.1.weight": torch.ones(4)}, r"model\.1\.weight is not of a convolution"),
        (lambda: {**g1(), "model.1.weight": torch.ones(0, 3, 7, 7)}, r"model\.1\.weight is not of a convolution"),
        (lambda: {"model.1.weight": torch.ones(4, 3, 7, 7)}, r"residual blocks are in the layers \[\] of `model`"),
        (
            lambda: {"model.1.weight": torch.ones(4, 3, 7, 7), "model.3004.conv_block.1.weight": torch.ones(1)},
            r"residual blocks are in the layers \[3004\] of `model`",
        ),
        (lambda: g1(36), r"has 36 input channels, but a stick figure has 3\."),
        (lambda: {**g1(), "model.1.bias": torch.full((4,), torch.nan)}, r"model\.1\.bias contains NaN or Inf"),
    ],
)
def test_weights_that_do_not_fit_are_named(weights, told, poses, tmp_path):
    with pytest.raises(CheckpointError, match=rf"netG\.pth: .*{told}"):
        imported(tmp_path, weights(), poses)
    assert not (tmp_path / "person").exists()


@pytest.mark.parametrize(("inputs", "told", "remedy"), [(6, False, "Give true if"), (3, True, "Give false for")])
def test_memory_of_the_previous_picture_is_told_and_not_guessed(inputs, told, remedy, poses, tmp_path):
    with pytest.raises(ConfigError, match=rf"person\.previous_frame=\w+: contradicts .* {inputs} input.*{remedy}"):
        imported(tmp_path, g1(inputs), poses, previous_frame=told)


def test_facts_that_are_missing_are_asked_for(tmp_path):
    torch.save(g1(), tmp_path / "netG.pth")
    values = {"weights": str(tmp_path / "netG.pth"), "output": str(tmp_path / "person")}
    with pytest.raises(ConfigError, match=r"but not how to draw.*Give person\.name=\.\.\. .*person\.poses=\.\.\."):
        run(settings.validate(ImportWeightsConfig, values))
    with pytest.raises(ConfigError, match=r"person\.consent: is required and not set"):
        settings.validate(ImportWeightsConfig, {**values, "person": {"name": "a"}})


def test_facts_about_a_person_are_refused_for_another_network(poses, tmp_path):
    weights = STGCN(PAPER_STGCN, 16).state_dict()
    with pytest.raises(ConfigError, match=r"person: is set, but .*netG\.pth contains the published ST-GCN\. Omit it\."):
        imported(tmp_path, weights, poses)


def test_poses_by_which_no_body_can_be_measured_are_refused(poses, tmp_path):
    tables.begin(str(tmp_path / "poses"), schema.POSES, {})
    nobody = np.tile(np.float32([np.nan, np.nan, 0]), (5, 18, 1))
    row = dict.fromkeys(schema.POSES.names) | {"uri": "a", "joints": schema.to_bytes(nobody, "float32")}
    tables.write_part(str(tmp_path / "poses"), schema.table(schema.POSES, [row]), "a")
    with pytest.raises(TableError, match="no pose with neck and hips"):
        imported(tmp_path, g1(), str(tmp_path / "poses"))


def test_the_command_imports_a_person(poses, tmp_path):
    torch.save(g1(), tmp_path / "netG.pth")
    facts = [f"person.{name}={str(value).lower() if value is False else value}" for name, value in FACTS.items()]
    words = ["import-weights", f"{tmp_path}/netG.pth", *facts, f"person.poses={poses}", "-o", f"{tmp_path}/person"]
    answer = CliRunner().invoke(main, words)
    assert answer.exit_code == 0, answer.output
    assert answer.stdout == (
        f"Wrote the published generator of pix2pixHD as a checkpoint: {tmp_path}/person\n"
        f"Check that its pictures show the person: {tmp_path}/person.jpg\n"
    )
    sheet = np.asarray(cv2.imread(f"{tmp_path}/person.jpg"))
    assert sheet.shape == (2 * 256, 6 * 512, 3)
    condition, made = np.split(sheet, 2)
    assert (condition.max(axis=(0, 1)) > 150).all(), "the colours of the limbs"
    assert made.std() > 0
    assert load(tmp_path / "person").height_px == 32
