"""External music tagger as an ONNX file: audio in, one vector per clip out.

Axes used in shapes:
    B clips    S samples (mono, 16 kHz)    E features
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from dancegen.errors import CheckpointError


class OnnxTagger:
    """A network with one input (B, S), audio in [-1, 1], whose first output has a vector for each clip."""

    def __init__(self, name: str, content: bytes) -> None:
        """`name` is used in messages. Raises CheckpointError for a network that onnxruntime cannot run."""
        self.name, self.content = name, content
        try:
            import onnxruntime  # late import: an optional dependency
        except ModuleNotFoundError as error:
            raise CheckpointError(name, "needs onnxruntime.", "pip install dancegen[onnx]") from error
        try:
            self._session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        except Exception as error:
            reason = str(error).strip().split("\n")[0].rstrip(".")
            raise CheckpointError(
                name, f"is not a network that onnxruntime can run ({reason}).", "Export it again."
            ) from error
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 2:
            shapes = ", ".join(str(one.shape) for one in inputs)
            problem = f"takes {shapes}, but one input (clips, samples) is required: mono audio at 16 kHz."
            raise CheckpointError(name, problem, "Export it with its mel spectrum included.")
        self._input = inputs[0].name

    def embed(self, audio: Float[Tensor, "B S"]) -> Float[Tensor, "B E"]:
        """One vector per clip; further axes of the network's first output are flattened."""
        found = self._session.run(None, {self._input: audio.float().cpu().numpy()})[0]
        return torch.from_numpy(np.asarray(found, dtype=np.float32).reshape(len(audio), -1))
