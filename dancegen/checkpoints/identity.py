"""Identity of a model, computed without torch."""

import hashlib
import json
import struct
from typing import Any

from dancegen.checkpoints.header import UNFIT


def identity(content: bytes) -> str:
    """Identity of a file's model: SHA-256, in hex, of its tensors and of its metadata except the card.

    Models that generate the same dances have the same identity, however they were saved. For a file that was not
    written by dancegen, it is the hash of the file's bytes.
    """
    try:
        header, data = parts(content)
        metadata = header.pop("__metadata__")
        said = {name: json.loads(value) for name, value in metadata.items() if name != "card"}
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
        for name, tensor in sorted(header.items()):
            start, end = tensor["data_offsets"]
            digest.update(json.dumps([name, tensor["dtype"], tensor["shape"]]).encode())
            digest.update(data[start:end])
    except (struct.error, *UNFIT):
        return hashlib.sha256(content).hexdigest()
    return digest.hexdigest()


def parts(content: bytes) -> tuple[dict[str, Any], memoryview]:
    """Header and data of a safetensors file."""
    (length,) = struct.unpack_from("<Q", content)
    return json.loads(content[8 : 8 + length]), memoryview(content)[8 + length :]
