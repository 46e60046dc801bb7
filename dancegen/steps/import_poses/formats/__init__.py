"""Importers: external pose data -> recordings. A format is a module here and a line in the table."""

from collections.abc import Iterator
from importlib import import_module

from dancegen import storage
from dancegen.errors import ConfigError
from dancegen.steps.import_poses.formats.recording import BadRecording, Recording
from dancegen.steps.import_poses.settings import ImportPosesConfig

# format -> (function that reads a source, suffix of its files)
IMPORTERS = {
    "paper_json": ("dancegen.steps.import_poses.formats.paper_json:read", ".json"),
    "aistpp": ("dancegen.steps.import_poses.formats.aistpp:read", ".pkl"),
    "bvh": ("dancegen.steps.import_poses.formats.bvh:read", ".bvh"),
    "npz": ("dancegen.steps.import_poses.formats.npz:read", ".npz"),
    "openpose": ("dancegen.steps.import_poses.formats.openpose:read", "_keypoints.json"),
}
FOLDERS = ("openpose",)  # formats whose sources are folders, not files


def sources(config: ImportPosesConfig) -> list[str]:
    """The files or folders to import. Raises ConfigError when there are none."""
    ending = IMPORTERS[config.format][1]
    if storage.is_folder(config.source):
        files = [file for file in storage.find(config.source) if file.lower().endswith(ending)]
    else:
        files = [] if config.format in FOLDERS else [config.source]
    if not files:
        problem = f"contains no files *{ending}, which format={config.format} requires."
        raise ConfigError(f"source={config.source}", problem, "Set another folder, or another format.")
    return sorted({file.rsplit("/", 1)[0] for file in files}) if config.format in FOLDERS else files


def recordings(config: ImportPosesConfig, source: str) -> Iterator[Recording | BadRecording]:
    """The recordings of a source, one by one, at the frame rate in the settings.

    A part that cannot be used is yielded as a BadRecording. Raises BadMediaError when the whole source, or the rest of
    it, cannot be used.
    """
    module, _, function = IMPORTERS[config.format][0].partition(":")
    yield from getattr(import_module(module), function)(config, source)
