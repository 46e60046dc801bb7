"""Two workers with eight clips each learn what one with sixteen does, to the float error of 64 bits, and end alike."""

import copy
import os
import subprocess
import sys
from dataclasses import fields, replace

import pytest
import torch
from torch.nn.parallel import DistributedDataParallel

from dancegen.gan.settings import (
    AudioEncoderConfig,
    DanceModelConfig,
    GeneratorConfig,
    GlobalDiscriminatorConfig,
    LocalDiscriminatorConfig,
    NoiseEncoderConfig,
)
from dancegen.music.beats import RHYTHM_CHANNELS
from dancegen.perceptual.stgcn import STGCN
from dancegen.perceptual.stgcn_settings import STGCNConfig
from dancegen.steps.train_dance.training import Batch, DanceTraining

CLIPS, UPDATES, SEED = 16, 3, 5
AUDIO = AudioEncoderConfig(channels=(4, 4, 8, 8), code=8, hidden=8, layers=1, size=16)
# All losses of the default preset on small networks. Dropout would draw other masks for other workers.
CONFIG = DanceModelConfig(
    generator=GeneratorConfig(audio=AUDIO, width=32, blocks=2, dropout=0.0),
    noise_encoder=NoiseEncoderConfig(channels=4, joint_features=8, hidden=8),
    local_discriminator=LocalDiscriminatorConfig(channels=4, joint_features=8, hidden=8),
    global_discriminator=GlobalDiscriminatorConfig(audio=AUDIO, channels=4, joint_features=8, hidden=8),
)


def train(rank, workers, wrap, config=CONFIG):
    """The training, and its state before some updates on the same clips, of which every worker has its part."""
    torch.manual_seed(0)
    perceptual = STGCN(STGCNConfig(widths=(4, 4, 4)), 2).double().eval().requires_grad_(False)
    group = {"wrap": wrap, "rank": rank, "workers": workers}
    training = DanceTraining(config, SEED, **group, perceptual=perceptual, styles=("house", "krump"))
    start = copy.deepcopy(training.state())
    part = slice(rank * CLIPS // workers, (rank + 1) * CLIPS // workers)
    for update in range(UPDATES):
        whole = batch(update)
        training.step(replace(whole, **{field.name: getattr(whole, field.name)[part] for field in fields(whole)}))
    return training, start


def batch(seed):
    random = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(CLIPS, 20, *shape, generator=random, dtype=torch.float64)

    return Batch(
        audio=0.1 * normal(1600),
        rhythm=normal(len(RHYTHM_CHANNELS)).clamp(-1, 1),
        pose=0.3 * normal(18, 2).cumsum(dim=1) / 5,
        mask=(normal(18) > -1).double(),
        ids=torch.arange(CLIPS),
        style=torch.arange(CLIPS) % 3,
    )


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    """What each of two workers has after its updates."""
    folder = tmp_path_factory.mktemp("workers")
    environment = {**os.environ, "MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    meeting = f"file://{folder}/meeting"
    workers = [
        subprocess.Popen([sys.executable, __file__, str(rank), meeting, str(folder)], env=environment)
        for rank in range(2)
    ]
    assert [worker.wait(240) for worker in workers] == [0, 0]
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


def test_updates_of_two_workers_are_those_of_one_with_twice_the_batch(two_workers):
    training, start = train(0, 1, lambda network: network.double())
    alone = training.state()
    first, second = (worker["plain"] for worker in two_workers)
    for network in ("generator", "noise_encoder", "local_discriminator", "global_discriminator", "ema"):
        for name, value in alone["networks"][network].items():
            assert torch.equal(first["networks"][network][name], second["networks"][network][name])
            assert torch.allclose(value, first["networks"][network][name], rtol=1e-9, atol=1e-12), (network, name)
        assert any(
            not torch.equal(value, start["networks"][network][name])
            for name, value in alone["networks"][network].items()
        )


def test_batch_norm_has_the_same_statistics_on_all_workers_once_they_are_shared(two_workers):
    apart, shared = ([worker[when]["networks"] for worker in two_workers] for when in ("apart", "shared"))
    for network in ("generator", "global_discriminator", "ema"):
        kept = [name for name in shared[0][network] if name.endswith(("running_mean", "running_var"))]
        assert kept, f"{network} has no batch norm"
        for name in kept:
            mean = (apart[0][network][name] + apart[1][network][name]) / 2
            assert torch.allclose(shared[0][network][name], mean, rtol=1e-12), (network, name)
        assert any(not torch.equal(apart[0][network][name], apart[1][network][name]) for name in kept)
    for network, values in shared[0].items():
        assert all(torch.equal(value, shared[1][network][name]) for name, value in values.items()), network


def main(rank, meeting, folder):
    """One of two workers."""
    torch.distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)

    def spread(network):
        return DistributedDataParallel(network.double(), broadcast_buffers=False)

    states = {"plain": train(rank, 2, spread)[0].state()}
    training, _ = train(rank, 2, spread, CONFIG.model_copy(update={"norm": "batch"}))
    states["apart"] = copy.deepcopy(training.state())
    training.share_statistics()
    states["shared"] = training.state()
    torch.save(states, f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
