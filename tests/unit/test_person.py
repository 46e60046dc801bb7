"""A person in a file: what is saved is loaded, and what cannot be one is refused with one line."""

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dancegen.checkpoints import checkpoint, person
from dancegen.checkpoints.identity import identity
from dancegen.errors import CheckpointError
from dancegen.renderer.person import Person


def test_a_person_is_the_same_after_saving_and_loading(tiny_person: Person, tmp_path: Path):
    person.save(tmp_path / "it.safetensors", tiny_person, half=False)
    found = person.load(tmp_path / "it.safetensors")
    assert found.config == tiny_person.config
    assert np.array_equal(found.plate, tiny_person.plate)
    assert np.allclose(found.body.bones, tiny_person.body.bones, atol=1e-6, equal_nan=True)
    for name in ("torso", "floor_y", "aspect"):
        assert getattr(found.body, name) == getattr(tiny_person.body, name), name
    assert np.array_equal(found.poses.centres, tiny_person.poses.centres)
    for name in ("height_px", "width_px", "name", "consent", "licence", "card"):
        assert getattr(found, name) == getattr(tiny_person, name), name
    assert not found.generator.training
    for name, value in tiny_person.generator.state_dict().items():
        assert torch.equal(found.generator.state_dict()[name], value), name


def test_half_the_bytes_are_enough_and_the_header_stays_small(tiny_person: Person, tmp_path: Path):
    whole, half = tmp_path / "whole", tmp_path / "half"
    person.save(whole, tiny_person, half=False)
    person.save(half, tiny_person)
    assert half.stat().st_size < 0.8 * whole.stat().st_size
    (length,) = struct.unpack_from("<Q", half.read_bytes())
    assert length < 20_000
    assert person.load(half).generator.state_dict()[name_of(tiny_person)].dtype == torch.float32


def test_a_person_is_known_by_weights_plate_and_consent_and_not_by_the_card(tiny_person: Person, tmp_path: Path):
    def known(one: Person) -> str:
        person.save(tmp_path / "it", one)
        return identity((tmp_path / "it").read_bytes())

    assert known(replace(tiny_person, card={"psnr": 30.0})) == known(tiny_person)
    assert known(replace(tiny_person, plate=255 - tiny_person.plate)) != known(tiny_person)
    assert known(replace(tiny_person, consent="Nobody agreed.")) != known(tiny_person)


@pytest.mark.parametrize("empty", ["", "  \n"])
def test_a_person_without_consent_is_neither_made_nor_loaded(tiny_person: Person, tmp_path: Path, empty: str):
    with pytest.raises(ValueError, match="consent is empty: state who"):
        replace(tiny_person, consent=empty)
    path = tmp_path / "it"
    person.save(path, tiny_person)
    edit(path, consent=empty)
    with pytest.raises(CheckpointError, match=r"it: does not fit its own settings \(consent is empty"):
        person.load(path)


def test_a_file_that_is_no_person_is_refused_with_one_line(tiny_person: Person, tmp_path: Path):
    path = tmp_path / "it"
    with pytest.raises(CheckpointError, match="is not a file"):
        person.load(path)
    with pytest.raises(CheckpointError, match=r"holds no person of dancegen\. .*train-renderer"):
        person.load(checkpoint.shipped())
    path.write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match="damaged"):
        person.load(path)
    person.save(path, tiny_person)
    edit(path, height_px=48)
    with pytest.raises(CheckpointError, match=r"the plate has shape \(32, 32, 3\)"):
        person.load(path)
    person.save(path, tiny_person)
    edit(path, settings={**tiny_person.config.model_dump(mode="json"), "matte": False})
    with pytest.raises(CheckpointError, match="does not fit its own settings") as refused:
        person.load(path)
    assert "\n" not in str(refused.value)


def name_of(one: Person) -> str:
    return next(iter(one.generator.state_dict()))


def edit(path: Path, **fields: object) -> None:
    """Replace fields of the header."""
    content = path.read_bytes()
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"].update({name: json.dumps(value) for name, value in fields.items()})
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])
