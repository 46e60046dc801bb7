"""an ONNX file -> a network that takes images of one size, on CPU or GPU.

Axes used in shapes:
    N images    H rows    W columns
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32

from dancegen import storage
from dancegen.errors import ConfigError
from dancegen.estimators.weights import fetch, onnx_bytes

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
KINDS = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class Network:
    """An ONNX network with the size and normalization of its input images."""

    def __init__(
        self,
        uri: str,
        sha256: str | None,
        device: Literal["auto", "cpu", "cuda"],
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        path = fetch(uri, sha256)
        self.uri = uri
        self.name = f"{storage.name(uri)} {storage.content_hash(str(path))[:8]}"
        self._session = _session(path, uri, device)
        self._mean, self._std = (np.array(each, dtype=np.float32)[:, None, None] for each in (mean, std))
        taken = self._session.get_inputs()[0]
        shape = taken.shape
        if len(shape) != 4 or shape[1] != 3 or not all(isinstance(side, int) for side in shape[2:]):
            problem = f"takes {taken.name} of shape {shape}; (N, 3, height, width) with fixed sides is required."
            raise ConfigError(uri, problem, "Export it with fixed sides.")
        self.height_px, self.width_px = shape[2:]
        self._input, self._kind = taken.name, KINDS.get(taken.type, np.float32)
        self._at_once = shape[0] if isinstance(shape[0], int) else None  # images; None: any number

    def __call__(self, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The network's outputs for uint8 images (H, W, 3) of its input size, stacked along the first axis."""
        batch = np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32)
        batch = ((batch - self._mean) / self._std).astype(self._kind)
        if self._at_once is None:
            return self._run(batch)
        rounds = [self._padded(batch[start : start + self._at_once]) for start in range(0, len(batch), self._at_once)]
        return [np.concatenate(outputs)[: len(batch)] for outputs in zip(*rounds, strict=True)]

    def _padded(self, batch: np.ndarray) -> list[np.ndarray]:
        missing = (self._at_once or len(batch)) - len(batch)
        return self._run(np.concatenate([batch, np.zeros((missing, *batch.shape[1:]), batch.dtype)]))

    def _run(self, batch: Float32[np.ndarray, "N 3 H W"]) -> list[np.ndarray]:
        return [np.asarray(output) for output in self._session.run(None, {self._input: batch})]


def _session(path: Path, uri: str, device: str) -> Any:
    import onnxruntime  # late: it is an extra and slow to import
    from onnxruntime.capi.onnxruntime_pybind11_state import (
        Fail,
        InvalidArgument,
        InvalidGraph,
        InvalidProtobuf,
        NoSuchFile,
        NotImplemented,
    )

    providers = _providers(device, onnxruntime.get_available_providers())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.log_severity_level = 3  # errors
    broken = (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NoSuchFile, NotImplemented)
    try:
        session = onnxruntime.InferenceSession(onnx_bytes(path), options, providers=providers)
    except broken as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise ConfigError(uri, f"is not a network that onnxruntime can run ({reason}).", "Use an ONNX file.") from error
    if device == "cuda" and CUDA not in session.get_providers():
        problem = "is not possible: onnxruntime could not start CUDA on this machine."
        raise ConfigError("estimator.device=cuda", problem, "Check the GPU and its driver, or set it to cpu.")
    return session


def _providers(device: str, available: Sequence[str]) -> list[str]:
    """Execution providers of onnxruntime, in order of preference. Raises ConfigError when CUDA is not available."""
    if device == "cuda" and CUDA not in available:
        problem = f"is not possible: this onnxruntime supports only {', '.join(available)}."
        raise ConfigError("estimator.device=cuda", problem, "pip install onnxruntime-gpu, or set it to cpu.")
    return [CUDA, CPU] if device != "cpu" and CUDA in available else [CPU]


def threads() -> int:
    """Number of threads for the networks: the cores allocated to this process."""
    value = os.environ.get("OMP_NUM_THREADS", "")
    return int(value) if value.isdecimal() and int(value) else len(os.sched_getaffinity(0))
