"""The published weights as checkpoints: they give what the published layers give, evaluated here one by one."""

import os
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from torch import Tensor
from torch.nn import functional as F

from dancegen.cli import main
from dancegen.errors import CheckpointError, ConfigError
from dancegen.media.audio import load as load_sound
from dancegen.models import checkpoint
from dancegen.pipelines.import_weights import run
from dancegen.settings.dance_model import PAPER, DanceModelConfig
from dancegen.settings.import_weights import ImportWeightsConfig
from dancegen.stages.render import load_model

FLOAT32 = 2e-5  # outputs lie in [-1, 1]; two orders of summation differ by less
FLOAT64 = 1e-11  # at which another epsilon, padding or order of gates would be seen

# kernel, stride, padding of the five convolutions over a piece of sound, and their channels
PIECE_LAYERS = ((80, 16, 32), (4, 2, 1), (4, 2, 1), (10, 5, 3), (5, 1, 0))
PIECE_CHANNELS = (1, 16, 32, 64, 128, 256)
BLOCKS = [(2, 64, 1), *[(64, 64, 1)] * 3, (64, 128, 2), *[(128, 128, 1)] * 2, (128, 256, 2), *[(256, 256, 1)] * 2]
LINKS = [(4, 3), (3, 2), (7, 6), (6, 5), (13, 12), (12, 11), (10, 9), (9, 8), (11, 5), (8, 2), (5, 1), (2, 1), (0, 1)]
LINKS += [(15, 0), (14, 0), (17, 15), (16, 14)]


class Drawn:
    """Random weights under the published names, of sizes at which no layer is saturated."""

    def __init__(self, seed: int) -> None:
        self.random = torch.Generator().manual_seed(seed)
        self.weights: dict[str, Tensor] = OrderedDict()

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.random)

    def affine(self, name: str, *shape: int, gain: float = 1.4) -> None:
        self.weights[f"{name}.weight"] = gain * self.normal(*shape) / np.sqrt(np.prod(shape[1:]))
        self.weights[f"{name}.bias"] = 0.1 * self.normal(shape[0])

    def norm(self, name: str, channels: int, scale: float = 1.0) -> None:
        uniform = torch.rand(2, channels, generator=self.random) + 0.5
        self.weights[f"{name}.weight"], variance = uniform
        self.weights[f"{name}.bias"] = 0.2 * self.normal(channels)
        self.weights[f"{name}.running_mean"] = scale * 0.2 * self.normal(channels)
        self.weights[f"{name}.running_var"] = scale**2 * variance
        self.weights[f"{name}.num_batches_tracked"] = torch.tensor(4321)

    def gru(self, name: str, inputs: int, hidden: int, ending: str) -> None:
        for source, width in (("ih", inputs), ("hh", hidden)):
            self.weights[f"{name}.weight_{source}_{ending}"] = self.normal(3 * hidden, width) / np.sqrt(width)
            self.weights[f"{name}.bias_{source}_{ending}"] = 0.1 * self.normal(3 * hidden)


def generator_weights(seed: int = 0) -> dict[str, Tensor]:
    drawn = Drawn(seed)
    for index, (kernel, _, _) in enumerate(PIECE_LAYERS):
        inputs, outputs = PIECE_CHANNELS[index : index + 2]
        drawn.affine(f"audio_encoder.encoder.cl.{index}", outputs, inputs, kernel)
        if index < 4:
            drawn.norm(f"audio_encoder.encoder.activations.{index}.0", outputs, scale=1.0 if index else 4000.0)
    for layer, inputs in enumerate((256, 512)):
        for way in ("", "_reverse"):
            drawn.gru("audio_encoder.rnn", inputs, 256, f"l{layer}{way}")
    drawn.affine("audio_encoder.fc", 256, 512)
    drawn.gru("pose_generator.rnn_noise", 10, 10, "l0")
    drawn.affine("pose_generator.layer0", 1024, 266)
    for block in (1, 2, 3):
        for place in (0, 3):
            drawn.affine(f"pose_generator.layer{block}.layer.{place}", 1024, 1024)
            drawn.norm(f"pose_generator.layer{block}.layer.{place + 1}", 1024)
    drawn.affine("pose_generator.final_linear", 36, 1024, gain=0.3)
    return drawn.weights


def stgcn_weights(seed: int = 0) -> dict[str, Tensor]:
    drawn = Drawn(seed)
    drawn.weights["A"] = published_graph()
    drawn.norm("data_bn", 36)
    for index, (inputs, outputs, stride) in enumerate(BLOCKS):
        name = f"st_gcn_networks.{index}"
        drawn.affine(f"{name}.gcn.conv", 3 * outputs, inputs, 1, 1)
        drawn.norm(f"{name}.tcn.0", outputs)
        drawn.affine(f"{name}.tcn.2", outputs, outputs, 9, 1)
        drawn.norm(f"{name}.tcn.3", outputs)
        if stride == 2:
            drawn.affine(f"{name}.residual.0", outputs, inputs, 1, 1)
            drawn.norm(f"{name}.residual.1", outputs)
    for index in range(10):
        drawn.weights[f"edge_importance.{index}"] = 1 + 0.3 * drawn.normal(3, 18, 18)
    drawn.affine("fcn", 16, 256, 1, 1)
    return drawn.weights


def published_graph() -> Tensor:
    """The buffer as the published code makes it: there, all joints that are two links from the neck are as far."""
    linked = torch.eye(18)
    for one, other in LINKS:
        linked[one, other] = linked[other, one] = 1
    weight = linked / linked.sum(dim=0)
    distance = torch.where(linked[1] > 0, 1.0, 2.0)
    distance[1] = 0
    farther = distance[:, None] - distance[None, :]
    itself = torch.eye(18, dtype=torch.bool)
    return torch.stack([weight * itself, weight * ((farther >= 0) & ~itself), weight * (farther < 0)])


def norm(weights: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    mean, variance, gain, shift = (
        weights[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
    )
    return F.batch_norm(x, mean, variance, gain, shift, training=False, eps=1e-5)


def gru(weights: dict[str, Tensor], name: str, ending: str, x: Tensor) -> Tensor:
    """(B, T, features) through one layer one way, from a state of zeros."""
    (wi, bi), (wh, bh) = (
        (weights[f"{name}.weight_{source}_{ending}"], weights[f"{name}.bias_{source}_{ending}"])
        for source in ("ih", "hh")
    )
    state, states = x.new_zeros(len(x), wh.shape[1]), []
    for frame in (x.flip(1) if ending.endswith("reverse") else x).unbind(1):
        (reset_i, update_i, new_i), (reset_h, update_h, new_h) = (
            F.linear(*through).chunk(3, dim=1) for through in ((frame, wi, bi), (state, wh, bh))
        )
        update = torch.sigmoid(update_i + update_h)
        new = torch.tanh(new_i + torch.sigmoid(reset_i + reset_h) * new_h)
        state = (1 - update) * new + update * state
        states.append(state)
    out = torch.stack(states, dim=1)
    return out.flip(1) if ending.endswith("reverse") else out


def published_dance(weights: dict[str, Tensor], amplitudes: Tensor, noise: Tensor) -> Tensor:
    """Sound (B, T, 1600) as 16-bit amplitudes and noise (B, T, 10) to joints (B, T, 18, 2)."""
    clips, frames, _ = amplitudes.shape
    x = amplitudes.reshape(-1, 1, 1600)
    for index, (_, stride, padding) in enumerate(PIECE_LAYERS):
        name = f"audio_encoder.encoder.cl.{index}"
        x = F.conv1d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], stride, padding)
        x = torch.tanh(x) if index == 4 else F.relu(norm(weights, f"audio_encoder.encoder.activations.{index}.0", x))
    x = x.reshape(clips, frames, 256)
    for layer in (0, 1):
        x = torch.cat([gru(weights, "audio_encoder.rnn", f"l{layer}{way}", x) for way in ("", "_reverse")], dim=2)
    x = F.linear(x, weights["audio_encoder.fc.weight"], weights["audio_encoder.fc.bias"])
    aux = torch.tanh(gru(weights, "pose_generator.rnn_noise", "l0", noise))
    x = torch.cat([x, aux], dim=2).reshape(-1, 266)
    x = F.linear(x, weights["pose_generator.layer0.weight"], weights["pose_generator.layer0.bias"])
    for block in (1, 2, 3):
        y = x
        for place in (0, 3):
            name = f"pose_generator.layer{block}.layer."
            y = F.linear(y, weights[f"{name}{place}.weight"], weights[f"{name}{place}.bias"])
            y = F.relu(norm(weights, f"{name}{place + 1}", y))
        x = y + x
    x = F.linear(x, weights["pose_generator.final_linear.weight"], weights["pose_generator.final_linear.bias"])
    return torch.tanh(x).reshape(clips, frames, 18, 2)


def published_maps(weights: dict[str, Tensor], pose: Tensor) -> tuple[list[Tensor], Tensor]:
    """A dance (B, T, 18, 2) to the maps of the ten blocks and the logits."""
    clips, frames = pose.shape[:2]
    x = norm(weights, "data_bn", pose.reshape(clips, frames, 36).transpose(1, 2))
    x = x.reshape(clips, 18, 2, frames).permute(0, 2, 3, 1)
    maps = []
    for index, (_, outputs, stride) in enumerate(BLOCKS):
        name = f"st_gcn_networks.{index}"
        y = F.conv2d(x, weights[f"{name}.gcn.conv.weight"], weights[f"{name}.gcn.conv.bias"])
        graph = weights["A"] * weights[f"edge_importance.{index}"]
        y = sum(y[:, k * outputs : (k + 1) * outputs] @ graph[k] for k in range(3))
        y = F.relu(norm(weights, f"{name}.tcn.0", y))
        y = F.conv2d(y, weights[f"{name}.tcn.2.weight"], weights[f"{name}.tcn.2.bias"], (stride, 1), (4, 0))
        y = norm(weights, f"{name}.tcn.3", y)
        if stride == 2:
            around = F.conv2d(x, weights[f"{name}.residual.0.weight"], weights[f"{name}.residual.0.bias"], (2, 1))
            y = y + norm(weights, f"{name}.residual.1", around)
        elif index:
            y = y + x
        x = F.relu(y)
        maps.append(x)
    pooled = x.mean(dim=(2, 3))
    return maps, F.linear(pooled, weights["fcn.weight"][:, :, 0, 0], weights["fcn.bias"])


def amplitudes(samples: int, seed: int = 0) -> np.ndarray:
    """Sound as 16-bit amplitudes, louder here and softer there."""
    random = np.random.default_rng(seed)
    swell = 3000 * (1.5 + np.sin(np.arange(samples) / 9000))
    return np.clip(swell * random.standard_normal(samples), -32768, 32767).astype(np.int16)


def imported(folder: Path, content: object, name: str = "checkpoint.safetensors", **options: object) -> Path:
    torch.save(content, folder / "weights.pth", **options)
    run(ImportWeightsConfig(weights=str(folder / "weights.pth"), output=str(folder / name)))
    return folder / name


@pytest.fixture(scope="module")
def published() -> dict[str, Tensor]:
    return generator_weights()


@pytest.fixture(scope="module")
def generator_file(tmp_path_factory: pytest.TempPathFactory, published: dict[str, Tensor]) -> Path:
    return imported(tmp_path_factory.mktemp("generator"), published)


@pytest.fixture(scope="module")
def stgcn_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return imported(tmp_path_factory.mktemp("stgcn"), stgcn_weights())


def in_precision(weights: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    return {name: value.to(dtype) for name, value in weights.items()}


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, FLOAT32), (torch.float64, FLOAT64)])
@pytest.mark.parametrize(("clips", "frames"), [(2, 50), (1, 73)])
def test_the_imported_generator_dances_what_the_published_layers_give(
    published, generator_file, clips, frames, dtype, tolerance
):
    sound = torch.from_numpy(amplitudes(clips * frames * 1600)).reshape(clips, frames, 1600).to(dtype)
    noise = 0.33 * torch.randn(clips, frames, 10, generator=torch.Generator().manual_seed(1)).to(dtype)
    generator = checkpoint.load(generator_file).generator.to(dtype)
    rhythm = torch.zeros(clips, frames, 1, dtype=dtype)  # a paper model does not look at it
    with torch.no_grad():
        ours = generator(sound / 32768, rhythm, noise)
    theirs = published_dance(in_precision(published, dtype), sound, noise)
    assert theirs.std() > 0.1
    assert theirs.abs().max() < 0.9999  # tanh is nowhere saturated, so that an error would show
    assert (theirs[:, 1:] - theirs[:, :-1]).abs().mean() > 1e-2
    assert (ours - theirs).abs().max() < tolerance


def test_a_song_is_danced_as_the_published_generator_heard_it_as_loud_as_it_is(
    published, generator_file, make_sound, tmp_path
):
    sound = amplitudes(50 * 1600 + 700)
    song = make_sound(tmp_path / "song.wav", sound / np.float32(32768), rate=16_000)
    model = load_model(str(generator_file))
    dance = model.dance(load_sound(song, "song"), seed=5)
    noise = model.generator.noise(1, 51, torch.Generator().manual_seed(5), torch.device("cpu"))
    heard = torch.from_numpy(np.pad(sound, (0, 900)).astype(np.float32)).reshape(1, 51, 1600)
    theirs = published_dance(published, heard, noise)[0].numpy()
    assert np.abs(dance - theirs).max() < FLOAT32
    softer = published_dance(published, heard / 3, noise)[0].numpy()
    assert np.abs(softer - theirs).mean() > 0.01  # so loudness matters


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, FLOAT32), (torch.float64, FLOAT64)])
@pytest.mark.parametrize(("clips", "frames"), [(2, 50), (1, 73)])
def test_the_imported_stgcn_sees_what_the_published_layers_see(stgcn_file, clips, frames, dtype, tolerance):
    pose = torch.rand(clips, frames, 18, 2, generator=torch.Generator().manual_seed(2)).to(dtype) * 2 - 1
    network = checkpoint.load_perceptual(stgcn_file, PAPER).to(dtype)
    with torch.no_grad():
        maps, logits = network.features(pose), network(pose)
    their_maps, their_logits = published_maps(in_precision(stgcn_weights(), dtype), pose)
    assert len(maps) == len(their_maps) == 10
    for ours, theirs in zip([*maps, logits], [*their_maps, their_logits], strict=True):
        assert ours.shape == theirs.shape
        assert theirs.std() > 0.01
        assert (ours - theirs).abs().max() < tolerance * theirs.abs().max()


def test_the_graph_of_the_file_is_kept(stgcn_file):
    assert torch.equal(checkpoint.load_perceptual(stgcn_file).A, published_graph())


def test_a_stgcn_of_any_number_of_classes_can_be_imported(tmp_path):
    weights = stgcn_weights()
    weights |= {name: weights[name][:3] for name in ("fcn.weight", "fcn.bias")}
    assert checkpoint.load_perceptual(imported(tmp_path, weights))(torch.zeros(2, 30, 18, 2)).shape == (2, 3)


def of_a_network_on_several_devices(weights):
    return {f"module.{name}": value for name, value in weights.items()}


def inside_a_training(weights):
    return {"epoch": 3, "state_dict": weights, "optimizer": {"state": {}, "param_groups": [{"lr": 1e-3}]}}


def of_parameters(weights):
    return OrderedDict((name, torch.nn.Parameter(v) if v.is_floating_point() else v) for name, v in weights.items())


def same_weights(one: Path, other: Path) -> bool:
    first, second = (checkpoint.load_perceptual(path).state_dict() for path in (one, other))
    return all(value.equal(second[name]) for name, value in first.items())


@pytest.mark.parametrize(
    "form",
    [
        of_a_network_on_several_devices,
        inside_a_training,
        lambda weights: {"model": of_a_network_on_several_devices(weights)},
        of_parameters,
        lambda weights: in_precision(weights, torch.float64),
    ],
)
def test_the_form_in_which_weights_were_saved_changes_nothing(stgcn_file, form, tmp_path):
    assert same_weights(imported(tmp_path, form(stgcn_weights())), stgcn_file)


def test_old_files_of_torch_can_be_imported(stgcn_file, tmp_path):
    old = imported(tmp_path, stgcn_weights(), _use_new_zipfile_serialization=False)
    assert same_weights(old, stgcn_file)


def test_half_precision_becomes_single_precision_with_the_same_values(tmp_path):
    weights = {name: value.half() for name, value in stgcn_weights().items()}
    found = checkpoint.load_perceptual(imported(tmp_path, weights)).state_dict()
    assert found["data_bn.running_mean"].dtype == torch.float32
    assert all(torch.equal(found[name], value.to(found[name].dtype)) for name, value in weights.items())


class Runs:
    """Pickled, this is a file that runs a command when it is loaded without care."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple:
        return os.system, (self.command,)


def test_code_in_a_file_is_not_run(tmp_path):
    with pytest.raises(CheckpointError, match=r"weights\.pth: holds more than weights: .* run code \(\w+\.system\)"):
        imported(tmp_path, {"state_dict": stgcn_weights(), "logger": Runs(f"touch '{tmp_path}/ran'")})
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
        (without("A"), r"does not fit the published ST-GCN: A \(3, 18, 18\) is missing\."),
        (without("fcn.bias"), r"ST-GCN: fcn\.bias \(16,\) is missing\."),
        (without(*IMPORTANCE), r"importance\.0 \(3, 18, 18\) is missing; .*\.1 .*; .*\.2 .* missing; and 2 more\."),
        (with_value("A", torch.zeros(1, 25, 25)), r"ST-GCN: A is \(1, 25, 25\) and should be \(3, 18, 18\)\."),
        (with_value("fcn.scale", torch.zeros(7)), r"ST-GCN: fcn\.scale \(7,\) is not in it\."),
        (with_value("data_bn.bias", torch.zeros(36, dtype=torch.int8)), r"data_bn\.bias is int8 and should be float32"),
        (with_value("data_bn.bias", torch.full((36,), torch.nan)), r"data_bn\.bias holds NaN or infinity"),
        (
            with_value("data_bn.bias", torch.full((36,), 1e300, dtype=torch.float64)),
            r"data_bn\.bias holds NaN or infinity",
        ),
        (with_value("data_bn.bias", "0.5"), r"data_bn\.bias is no tensor of numbers"),
        (with_value("data_bn.bias", torch.eye(6).to_sparse()), r"data_bn\.bias is no tensor of numbers"),
        (lambda weights: [*weights.values()], r"holds neither .* but: list\."),
        (lambda weights: {"a": torch.ones(1), "b": 2, "c": 3, "d": 4}, r"holds neither .* but: a, b, c\."),
        (lambda weights: {}, r"holds neither .* but: nothing\."),
        (lambda weights: torch.ones(3), r"holds neither .* but: Tensor\."),
        (lambda weights: {"g": {"pose_generator.": 1}, "p": weights}, r"holds several networks \(generator, ST-GCN\)"),
    ],
)
def test_weights_that_do_not_fit_are_named(tmp_path, spoil, told):
    with pytest.raises(CheckpointError, match=told) as error:
        imported(tmp_path, spoil(stgcn_weights()))
    assert error.value.thing == str(tmp_path / "weights.pth")
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_the_message_names_what_a_generator_lacks(published, tmp_path):
    spoilt = {**published, "pose_generator.layer0.weight": torch.zeros(1024, 256)}
    told = r"generator: pose_generator\.layer0\.weight is \(1024, 256\) and should be \(1024, 266\)\."
    with pytest.raises(CheckpointError, match=told):
        imported(tmp_path, spoilt)


@pytest.mark.parametrize("kept", [0, 3, 1000, -1000])
@pytest.mark.parametrize("new", [True, False])
def test_a_damaged_file_is_told(tmp_path, kept, new):
    weights = tmp_path / "weights.pth"
    torch.save({"pose_generator.layer0.bias": torch.zeros(2000)}, weights, _use_new_zipfile_serialization=new)
    weights.write_bytes(weights.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match=r"weights\.pth: is damaged, or not from torch\.save"):
        run(ImportWeightsConfig(weights=str(weights), output=str(tmp_path / "out")))


def test_a_checkpoint_of_ours_is_no_published_file(generator_file, tmp_path):
    with pytest.raises(CheckpointError, match=r"is damaged, or not from torch\.save"):
        run(ImportWeightsConfig(weights=str(generator_file), output=str(tmp_path / "out")))


def test_the_file_to_import_is_not_written_over(tmp_path):
    with pytest.raises(ConfigError, match="is the file to import"):
        imported(tmp_path, stgcn_weights(), name="weights.pth")
    assert "A" in torch.load(tmp_path / "weights.pth")


def test_the_checkpoint_says_where_it_comes_from(generator_file):
    card = checkpoint.read_card(generator_file)
    assert card["imported_from"] == "weights.pth"
    assert len(card["sha256"]) == 64


def test_a_published_stgcn_judges_only_dances_in_the_cameras_coordinates(stgcn_file):
    with pytest.raises(CheckpointError, match="camera"):
        checkpoint.load_perceptual(stgcn_file, DanceModelConfig())


def test_the_command_says_what_it_found_and_the_checkpoint_dances(published, make_sound, tmp_path):
    torch.save(published, tmp_path / "generator.pth")
    song = make_sound(tmp_path / "song.wav", amplitudes(16_000) / np.float32(32768), rate=16_000)
    out, video = tmp_path / "generator.safetensors", tmp_path / "dance.mp4"
    found = command("import-weights", tmp_path / "generator.pth", "-o", out)
    assert (found.exit_code, found.stdout) == (0, f"The published generator, as a checkpoint: {out}\n")
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
