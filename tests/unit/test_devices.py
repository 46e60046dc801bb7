"""All networks learn and work on a GPU as on a CPU, and mix no tensors of both. The GPU is that of fake_gpu.py."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils import backend_registration

TESTS = Path(__file__).parents[1]
CLIPS, FRAMES, FPS = 4, 40, 10.0
STYLES = ("ballet", "house")
pytestmark = [
    pytest.mark.xdist_group("devices"),  # they share a process
    pytest.mark.skipif(
        not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"),
        reason="this torch has no devices of Python code: install torch 2.10 or later",
    ),
]

AUDIO = {"channels": (4, 4, 8, 8), "code": 8, "hidden": 8, "layers": 1, "size": 16}


def sound(seconds: float) -> np.ndarray:
    """A click on each half second, in noise."""
    samples = 0.01 * np.random.default_rng(0).standard_normal(round(seconds * 16_000)).astype(np.float32)
    samples.reshape(-1, 8_000)[:, :80] += 0.5
    return samples


def clips():
    """Clips of bodies that sway, to noise."""
    from dancegen.music.rhythm import RHYTHM_CHANNELS
    from dancegen.pose.kinematics import VECTORS, chains, longest, standing, to_joints
    from dancegen.training.batch import Batch

    random = torch.Generator().manual_seed(0)
    turns = 0.1 * torch.randn(CLIPS, FRAMES, VECTORS, 2, generator=random).cumsum(dim=1)
    turns[:, :, 0] /= 4  # the root
    return Batch(
        audio=0.1 * torch.randn(CLIPS, FRAMES, 1600, generator=random),
        rhythm=torch.randn(CLIPS, FRAMES, len(RHYTHM_CHANNELS), generator=random).clamp(-1, 1),
        pose=to_joints(standing() + turns, longest(), chains()),
        mask=torch.ones(CLIPS, FRAMES, 18),
        ids=torch.arange(CLIPS),
        style=torch.arange(CLIPS) % 2 + 1,
    )


def dance_of_the_shipped_model(device: torch.device) -> None:
    from dancegen.checkpoints.checkpoint import load_model
    from dancegen.gan.head import Section

    samples = sound(6)
    on_cpu, on_gpu = load_model(None), load_model(None, str(device))
    heard = on_cpu.hear(samples)
    told = {"heard": heard, "style": on_cpu.style_of(samples, heard), "energy": 1.3}
    dance = on_cpu.dance(samples, 1, **told)
    assert on_gpu.style_of(samples, heard) == told["style"]
    assert np.array_equal(on_gpu.dance(samples, 1, **told), dance)
    assert on_gpu.dance(samples, 1, start=dance[:20]).shape == dance.shape
    assert on_gpu.candidates(samples, [1, 2]).shape == (2, *dance.shape)
    section = Section(torch.from_numpy(dance), 40, 80)
    assert on_gpu.dance(samples, 2, heard=heard, section=section).shape == dance.shape


def training_of_the_gan(device: torch.device) -> None:
    from dancegen.gan.settings import DanceModelConfig
    from dancegen.perceptual.stgcn import STGCN
    from dancegen.perceptual.stgcn_settings import STGCNConfig
    from dancegen.steps.train_dance.training import DanceTraining

    discriminators = {
        "local_discriminator": {"channels": 8, "joint_features": 8, "hidden": 16},
        "global_discriminator": {"audio": AUDIO, "channels": 8, "joint_features": 16, "hidden": 16},
    }
    settings = {"generator": {"audio": AUDIO, "width": 64, "blocks": 2, "style_dim": 8}, **discriminators}
    config = DanceModelConfig.model_validate(settings)
    perceptual = STGCN(STGCNConfig(widths=(4, 4, 4)), 2).eval().requires_grad_(False).to(device)
    training = DanceTraining(
        config, 0, wrap=lambda network: network.to(device), perceptual=perceptual, styles=STYLES, precision="float32"
    )
    seen = clips().to(device)
    for training.epoch in (0, 1000):  # the stages
        training.step(seen)
    training.validate(seen, training.dances(seen))
    training.load(training.state())


def training_of_tokens(device: torch.device) -> None:
    from dancegen.gan.settings import DanceModelConfig
    from dancegen.steps.train_dance.token_training import TokenTraining

    transformer = {"width": 32, "blocks": 2, "attention_heads": 2, "mel_bands": 8, "energy": True}
    tokens = {"tokenizer": {"width": 32, "blocks": 2, "groups": 2}, "transformer": transformer, "tokenizer_epochs": 1}
    config = DanceModelConfig.model_validate(
        {"head": "tokens", "fps": FPS, "generator": {"style_dim": 8}, "tokens": tokens}
    )
    training = TokenTraining(config, 0, wrap=lambda network: network.to(device), styles=STYLES, precision="float32")
    seen = clips().to(device)
    for training.epoch in (0, 1):  # the stages
        training.step(seen)
        training.reconstruction(seen)
    training.validate(seen, training.dances(seen))
    training.load(training.state())
    training.share_statistics()


def training_of_the_perceptual_networks(device: torch.device) -> None:
    from dancegen.steps.pretrain_perceptual.clips import Dances
    from dancegen.steps.pretrain_perceptual.settings import PretrainPerceptualConfig
    from dancegen.steps.pretrain_perceptual.training import PerceptualTraining

    small = {"stgcn": {"widths": [4, 4, 8]}, "heldout": {"hidden": 8, "layers": 1, "size": 6}}
    for kind in ("stgcn", "heldout"):
        config = PretrainPerceptualConfig.model_validate({**small, "kind": kind, "tasks": {"pace": 1.2}})
        training = PerceptualTraining(config, 2, 4, wrap=lambda network: network.to(device))
        dances = Dances(clips().pose, clips().mask, torch.arange(CLIPS) % 2)
        training.step(dances)
        training.validate(dances, number=0)


def training_of_the_renderer(device: torch.device) -> None:
    from dancegen.renderer.image_features import load_features
    from dancegen.renderer.perceptual_settings import PerceptualConfig
    from dancegen.renderer.settings import RendererConfig
    from dancegen.steps.train_renderer.frames import FrameBatch
    from dancegen.steps.train_renderer.training import RendererTraining
    from dancegen.steps.train_renderer.validation import as_bytes, rolled_out, score

    random, windows, size = torch.Generator().manual_seed(0), 2, 32
    joints = torch.rand(windows, 3, 18, 3, generator=random)
    joints[..., 2] = 1.0
    seen = FrameBatch(
        pictures=2 * torch.rand(windows, 3, 3, size, size, generator=random) - 1,
        joints=joints,
        plate=torch.zeros(windows, 3, size, size),
        matte=torch.rand(windows, 1, size, size, generator=random),
        matte_known=torch.ones(windows),
        flow=torch.zeros(windows, 2, size // 4, size // 4),
        flow_valid=torch.ones(windows, size // 4, size // 4),
    ).to(device)
    config = RendererConfig.model_validate(
        {
            "height_px": size,
            "width_px": size,
            "generator": {"width": 8, "downsamplings": 2, "blocks": 1},
            "discriminator": {"width": 4, "scales": 1},
        }
    )
    features = load_features(PerceptualConfig()).to(device)
    training = RendererTraining(
        config, 0, 40, wrap=lambda network: network.to(device), features=features, precision="float32"
    )
    training.step(seen)
    *_, (_, made) = rolled_out(training.ema, seen, "float32")
    assert as_bytes(made).shape == (windows, size, size, 3)
    score(made, seen, features)
    training.load(training.state())


def pictures_of_a_shipped_person(device: torch.device) -> None:
    from dancegen.checkpoints.person import load_person
    from dancegen.renderer.driving.film import Film

    joints = np.full((3, 18, 3), 0.5, dtype=np.float32)
    joints[..., :2] += 0.3 * np.random.default_rng(0).uniform(-1, 1, (1, 18, 2))
    made, expected = (np.stack([*Film(load_person("mia", at)).frames(joints)]) for at in (str(device), "cpu"))
    assert np.abs(made.astype(int) - expected).mean() < 1  # a CPU may calculate in bfloat16


PARTS: dict[str, Callable[[torch.device], None]] = {
    part.__name__: part
    for part in (
        dance_of_the_shipped_model,
        training_of_the_gan,
        training_of_tokens,
        training_of_the_perceptual_networks,
        training_of_the_renderer,
        pictures_of_a_shipped_person,
    )
}


@pytest.fixture(scope="module")
def errors() -> dict[str, str]:
    """The error of each part that fails, found in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("part", PARTS)
def test_a_gpu_does_it_without_tensors_of_the_cpu(errors: dict[str, str], part: str) -> None:
    assert part not in errors, errors[part]


def test_the_fake_gpu_refuses_what_a_gpu_refuses(errors: dict[str, str]) -> None:
    assert "tensors on the GPU and on the CPU" in errors["mixed"]
    assert "a generator of the CPU" in errors["generator"]
    assert "no NumPy array" in errors["numpy"]


def main() -> None:
    """Try all parts, and what must be refused. Prints the errors as JSON."""
    import traceback

    from fake_gpu import fake_gpu

    refused: dict[str, Callable[[torch.device], object]] = {
        "mixed": lambda device: torch.ones(2, device=device) + torch.ones(2),
        "generator": lambda device: torch.rand(2, device=device, generator=torch.Generator()),
        "numpy": lambda device: torch.ones(2, device=device).numpy(),
    }
    errors = {}
    with fake_gpu() as device:
        for name, part in {**PARTS, **refused}.items():
            try:
                part(device)
            except Exception:  # noqa: BLE001 (the test that waits for it shows it)
                errors[name] = traceback.format_exc()
    print(json.dumps(errors))


if __name__ == "__main__":
    main()
