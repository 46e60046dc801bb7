"""Anyone's music tagger, as an ONNX file: sound in, one vector a clip out.

Axes used in shapes:
    B clips    S samples (mono, 16 kHz)    E features
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from dancegen.errors import CheckpointError


class OnnxTagger:
    """A network with one input (B, S), sound in [-1, 1], whose first output has a vector for each clip."""

    def __init__(self, name: str, content: bytes) -> None:
        """`name` is what messages call it. Raises CheckpointError for what onnxruntime cannot run."""
        self.name, self.content = name, content
        try:
            import onnxruntime  # late: it is an extra
        except ModuleNotFoundError as error:
            raise CheckpointError(name, "needs onnxruntime.", "pip install dancegen[onnx]") from error
        try:
            self._session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        except Exception as error:
            reason = str(error).strip().split("\n")[0].rstrip(".")
            raise CheckpointError(
                name, f"is no network that onnxruntime can run ({reason}).", "Export it anew."
            ) from error
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 2:
            shapes = ", ".join(str(one.shape) for one in inputs)
            problem = f"takes {shapes}, and one input (clips, samples) is needed: mono sound at 16 kHz."
            raise CheckpointError(name, problem, "Export it with its mel spectrum inside.")
        self._input = inputs[0].name

    def embed(self, audio: Float[Tensor, "B S"]) -> Float[Tensor, "B E"]:
        """One vector a clip; further axes of the network's first output are one behind another in it."""
        found = self._session.run(None, {self._input: audio.float().cpu().numpy()})[0]
        return torch.from_numpy(np.asarray(found, dtype=np.float32).reshape(len(audio), -1))
