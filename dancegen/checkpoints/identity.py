"""What a model is known by, told without torch."""

import hashlib
import json
import struct
from typing import Any


def identity(content: bytes) -> str:
    """What a file's model is known by: SHA-256, in hex, of its tensors and of what it says of itself but its card.

    Two files are one model when they dance alike, however they were saved. Of a file that is none of ours, its bytes.
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
    except (struct.error, ValueError, LookupError, TypeError, AttributeError):
        return hashlib.sha256(content).hexdigest()
    return digest.hexdigest()


def parts(content: bytes) -> tuple[dict[str, Any], memoryview]:
    """Header and data of a safetensors file."""
    (length,) = struct.unpack_from("<Q", content)
    return json.loads(content[8 : 8 + length]), memoryview(content)[8 + length :]
