"""One model is one file: the same bytes each time it is saved, and known again however it was saved."""

import json
import struct
from pathlib import Path

import pytest
import safetensors.torch
import torch

from dancegen.checkpoints import checkpoint
from dancegen.checkpoints.identity import identity
from dancegen.gan.dance_model import DanceModel, build_generator
from dancegen.gan.settings import DanceModelConfig


@pytest.fixture(scope="module")
def model(tiny_model: dict[str, object]) -> DanceModel:
    torch.manual_seed(0)
    config = DanceModelConfig.model_validate(tiny_model)
    return DanceModel(build_generator(config), config)


def saved(folder: Path, model: DanceModel, card: dict[str, object], half: bool = True) -> bytes:
    checkpoint.save(folder / "model", model, card, half)
    return (folder / "model").read_bytes()


def test_the_same_model_gives_the_same_bytes_each_time(model: DanceModel, tmp_path: Path):
    assert len({saved(tmp_path, model, {"songs": 3, "läufe": [1]}) for _ in range(8)}) == 1


def test_its_tensors_begin_where_processors_like_it_and_are_those_of_the_model(model: DanceModel, tmp_path: Path):
    (length,) = struct.unpack_from("<Q", saved(tmp_path, model, {}, half=False))
    assert length % 8 == 0
    for name, value in safetensors.torch.load_file(tmp_path / "model").items():
        assert torch.equal(value, model.generator.state_dict()[name]), name
    assert checkpoint.load(tmp_path / "model").config == model.config


def test_a_model_is_known_by_its_tensors_and_settings_and_not_by_its_card(model: DanceModel, tmp_path: Path):
    one = saved(tmp_path, model, {"made": "today"})
    other = saved(tmp_path, model, {"made": "tomorrow", "by": "somebody"})
    assert one != other
    known = identity(one)
    assert identity(other) == known

    tensors, stamp = safetensors.torch.load(one), json.loads(one[8 : 8 + struct.unpack_from("<Q", one)[0]])
    in_another_order = safetensors.torch.save(tensors, stamp["__metadata__"])
    assert identity(in_another_order) == known

    mirrored = DanceModel(model.generator, model.config.model_copy(update={"mirror_odd_seeds": True}))
    assert identity(saved(tmp_path, mirrored, {})) != known
    name = next(iter(tensors))
    tensors[name] = tensors[name] + 1
    assert identity(safetensors.torch.save(tensors, stamp["__metadata__"])) != known


@pytest.mark.parametrize(
    "content", [b"", b"short", b"\x08\0\0\0\0\0\0\0[1, 2]  ", b"\x02\0\0\0\0\0\0\0{}", b"onnx" * 99]
)
def test_a_file_that_is_no_model_of_ours_is_known_by_its_bytes(content: bytes):
    assert identity(content) != identity(content + b"!")
    assert len(identity(content)) == 64
