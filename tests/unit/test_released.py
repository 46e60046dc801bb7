"""The published weights as checkpoints: they give what the published layers give, evaluated here one by one."""

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from dancegen.checkpoints import checkpoint
from dancegen.checkpoints.checkpoint import load_model
from dancegen.gan.settings import PAPER
from dancegen.media.audio import load as load_sound
from dancegen.tools.import_weights.run import run
from dancegen.tools.import_weights.settings import ImportWeightsConfig

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
    drawn.weights["audio_encoder.encoder.cl.0.bias"] *= 4000  # as its sound is
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


def imported(folder: Path, weights: dict[str, Tensor]) -> Path:
    source, output = folder / "weights.pth", folder / "checkpoint.safetensors"
    torch.save(weights, source)
    run(ImportWeightsConfig(weights=str(source), output=str(output)))
    return output


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
