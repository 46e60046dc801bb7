"""Files of strangers, made to harm: each reader refuses them in one line, runs no code and reads no other file."""

import io
import json
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from dancegen import schema, tables
from dancegen.checkpoints import checkpoint, header
from dancegen.checkpoints.identity import identity
from dancegen.errors import BadMediaError, CheckpointError, ConfigError, TableError
from dancegen.estimators.weights import onnx_bytes
from dancegen.exports import dance
from dancegen.media import marks
from dancegen.media.inputs import list_media
from dancegen.renderer import image_features
from dancegen.steps import checkpoints
from dancegen.steps.import_poses.formats import npz
from dancegen.steps.train_cross_modal.onnx_tagger import OnnxTagger
from dancegen.storage import content_hash
from dancegen.tools.import_weights.released import _unpickled

DEEP = "[" * 200_000
DANCE = {"kind": f'"{header.DANCE}"', "format": "1", "skeleton": '"coco18"'}
TENSOR = '"dtype":"F32","shape":[1]'


def safetensors_file(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def with_metadata(**values: str) -> bytes:
    return safetensors_file(json.dumps({"__metadata__": {**DANCE, **values}}))


SAFETENSORS = {
    "a header of 4 EB": struct.pack("<Q", 2**62),
    "a header nested deeply": safetensors_file(DEEP),
    "settings nested deeply": with_metadata(settings=DEEP),
    "metadata that is no text": safetensors_file('{"__metadata__":{"kind":3}}'),
    "a kind that is no text": with_metadata(kind="3"),
    "settings that are no settings": with_metadata(settings="[1]"),
    "settings without networks": with_metadata(settings='{"generator":3}'),
    "channels that are no list": with_metadata(settings="{}", rhythm_channels="5"),
    "a tensor before the file": safetensors_file(f'{{"a":{{{TENSOR},"data_offsets":[-4,0]}}}}'),
    "a tensor of 4 TB": safetensors_file('{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4]}}')
    + b"0000",
    "a tensor that ends at infinity": safetensors_file(f'{{"a":{{{TENSOR},"data_offsets":[0,1e400]}}}}'),
}


@pytest.mark.parametrize("content", SAFETENSORS.values(), ids=SAFETENSORS)
def test_a_checkpoint_is_refused(content: bytes, tmp_path: Path):
    path = tmp_path / "dance.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError):
        checkpoints._read(str(path), header.DANCE, here=True)
    with pytest.raises(CheckpointError):
        checkpoint.load(path)
    assert len(identity(content)) == 64
    marks.is_ours(path)


class Code:
    """Runs when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple:
        return Path.touch, (self.trace,)


def torch_file(path: Path, zipped: bool) -> Path:
    torch.save({"weights": Code(path.with_suffix(".trace"))}, path, _use_new_zipfile_serialization=zipped)
    return path


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_code_in_a_file_of_torch_is_not_run(zipped: bool, tmp_path: Path):
    path = torch_file(tmp_path / "weights.pt", zipped)
    with pytest.raises(CheckpointError, match="loading it would execute code"):
        _unpickled(path, "weights.pt")
    with pytest.raises(CheckpointError, match="is not a file of weights of PyTorch"):
        image_features._read(str(path), content_hash(str(path)))
    assert not path.with_suffix(".trace").exists()


def npy(shape: str = "(1,)", kind: str = "<f4") -> bytes:
    text = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) + 1) + text.encode() + b"\n" + b"0000"


def zipped(content: bytes, method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name in ("joints", "poses"):
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def objects() -> bytes:
    file = io.BytesIO()
    np.savez(file, joints=np.array([Code(Path("trace"))], dtype=object))
    return file.getvalue()


COMPRESSED = zipped(npy() + b"0" * 1000, zipfile.ZIP_DEFLATED)
NPZ = {
    "objects": objects(),
    "a pickle": pickle.dumps(Code(Path("trace"))),
    "an array of 36 TB": zipped(npy("(10000000000000,)")),
    "more elements than there are numbers": zipped(npy("(4611686018427387904, 4611686018427387904)")),
    "fewer than none": zipped(npy("(-1,)")),
    "a type that is an expression": zipped(npy(kind="__import__('os')")),
    "a header nested deeply": zipped(npy("(" * 9000)),
    "a shape of another type": zipped(npy("'x'")),
    "damaged compression": COMPRESSED.replace(COMPRESSED[60:70], b"\xff" * 10),
    "a single array": npy(),
    "nothing": b"",
}


@pytest.mark.parametrize("content", NPZ.values(), ids=NPZ)
def test_a_numpy_archive_is_refused(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "dance.npz"
    path.write_bytes(content)
    with pytest.raises(BadMediaError, match=r"is not a NumPy archive of a dance|has no array"):
        dance.load(path, "dance.npz")
    with pytest.raises(BadMediaError, match="is not a NumPy file of arrays"):
        npz._load(str(path))
    assert not Path("trace").exists()


def parquet_file(tmp_path: Path) -> bytes:
    tables.write_file(str(tmp_path / "whole.parquet"), schema.table(schema.RENDERS, [{"uri": "a.wav"}]))
    return (tmp_path / "whole.parquet").read_bytes()


def of_footer(whole: bytes, how: str) -> bytes:
    length = int.from_bytes(whole[-8:-4], "little")
    changed = {
        "a footer of 2 GB": whole[:-8] + struct.pack("<I", 2**31 - 1) + b"PAR1",
        "a footer longer than the file": whole[:-8] + struct.pack("<I", len(whole) + 1) + b"PAR1",
        "a footer of noise": whole[: -8 - length] + b"\xff" * length + whole[-8:],
        "half a file": whole[: len(whole) // 2],
        "nothing": b"",
    }
    return changed[how]


@pytest.mark.parametrize(
    "how",
    ["a footer of 2 GB", "a footer longer than the file", "a footer of noise", "half a file", "nothing"],
)
def test_a_parquet_file_is_refused(how: str, tmp_path: Path):
    content = of_footer(parquet_file(tmp_path), how)
    (tmp_path / "songs.parquet").write_bytes(content)
    with pytest.raises(ConfigError, match=r"songs\.parquet: is not a Parquet file"):
        list_media(str(tmp_path / "songs.parquet"), (".wav",))
    table = tmp_path / "table"
    tables.begin(str(table), schema.RENDERS, {})
    (table / tables.part_name("a.wav")).write_bytes(content)
    with pytest.raises(TableError, match="cannot be read"):
        tables.read(str(table), schema.RENDERS)
    (table / tables.STAMP).write_bytes(content)
    with pytest.raises(TableError, match="is damaged"):
        tables.kind(str(table))


def onnx_with_data_in(file: str) -> bytes:
    """A network whose weights are said to be in another file."""
    onnx = pytest.importorskip("onnx")
    weights = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=[4], data_location=1)
    weights.external_data.add(key="location", value=file)
    node = onnx.helper.make_node("Add", ["audio", "w"], ["sum"])
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["B", 4]) for name in ("audio", "sum")]
    graph = onnx.helper.make_graph([node], "g", ends[:1], ends[1:], [weights])
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    return made.SerializeToString()


@pytest.mark.parametrize("place", ["absolute", "outside", "beside"])
def test_a_network_that_would_read_other_files_is_refused(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("onnxruntime")
    (tmp_path / "secret").write_bytes(b"16 bytes of text")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here" if place == "outside" else tmp_path)
    file = {"absolute": str(tmp_path / "secret"), "outside": "../secret", "beside": "secret"}[place]
    with pytest.raises(CheckpointError, match="is not a network that onnxruntime can run"):
        OnnxTagger("tagger.onnx", onnx_with_data_in(file))


def test_a_zip_that_states_a_network_above_2_gb_is_refused(tmp_path: Path):
    path = tmp_path / "network.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("network.onnx", b"x")
    whole = path.read_bytes()
    directory = whole.rindex(b"PK\x01\x02")
    stated = struct.pack("<I", 3_000_000_000)
    path.write_bytes(whole[: directory + 24] + stated + whole[directory + 28 :])
    with pytest.raises(ConfigError, match="above 2 GB"):
        onnx_bytes(path)
