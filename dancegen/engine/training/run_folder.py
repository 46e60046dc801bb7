"""A run's folder records the configuration of its run: a different configuration needs another folder.

`run.json` in the folder holds the settings and the hash of the data. It is compared before anything starts.

Ray Train writes its list of a run's checkpoints in place: a process that is killed meanwhile leaves a truncated list,
and Ray refuses to resume the run. A copy of the last complete list is therefore kept beside it.
"""

import json
from typing import Any

import ray.train

from dancegen import former_names, storage
from dancegen.config import Config
from dancegen.engine.cluster.internals import CHECKPOINT_LIST
from dancegen.engine.training.settings import TrainingRun
from dancegen.errors import ConfigError
from dancegen.tracking import flatten

STAMP = "run.json"
LAST_WHOLE = "checkpoints.json"
DONE = "done.json"  # how the run ended


def claim(folder: str, config: Config, data_hash: str, free: frozenset[str], growing: str | None = None) -> bool:
    """Claim the folder for this run. Returns whether the run was started there before.

    Settings named in `free` may differ between two starts, and `growing` may increase.
    Raises ConfigError when the folder belongs to another run.
    """
    wanted = {"data_hash": data_hash, "settings": config.model_dump(mode="json")}
    place = storage.join(folder, STAMP)
    begun = storage.exists(place)
    if begun:
        found = json.loads(storage.read_text(place))
        found["settings"] = former_names.replace(type(config), found["settings"])
        _compare(folder, found, wanted, free | {growing} if growing else free)
        if growing:
            _check_grows(folder, growing, found["settings"][growing], wanted["settings"][growing])
    storage.write_text(place, json.dumps(wanted, indent=1))
    return begun


def finish(config: TrainingRun, end: dict[str, Any]) -> None:
    """Record that all epochs are done. `end` must be serializable as JSON."""
    storage.write_text(storage.join(config.run_folder, DONE), json.dumps({"epochs": config.epochs, "end": end}))


def finished(config: TrainingRun, result: str) -> dict[str, Any] | None:
    """The recorded `end` of the run when all its epochs are done and its result still exists, else None."""
    place = storage.join(config.run_folder, DONE)
    if not storage.exists(place) or not storage.exists(result):
        return None
    found = json.loads(storage.read_text(place))
    return found["end"] if found["epochs"] == config.epochs else None


def _compare(folder: str, found: dict[str, Any], wanted: dict[str, Any], free: frozenset[str]) -> None:
    remedy = "Set another name or output, or delete the folder to start from scratch."
    before, now = flatten(found["settings"]), flatten(wanted["settings"])
    different = [
        f"{key} was {before.get(key)!r} and is {now.get(key)!r}"
        for key in sorted({*before, *now})
        if before.get(key) != now.get(key) and not any(key == name or key.startswith(f"{name}.") for name in free)
    ]
    if different:
        raise ConfigError(folder, f"was started with a different configuration: {', '.join(different)}.", remedy)
    if found["data_hash"] != wanted["data_hash"]:
        raise ConfigError(folder, "was started with different clips.", remedy)


def _check_grows(folder: str, name: str, before: Any, now: Any) -> None:
    if now < before:
        raise ConfigError(
            f"{name}={now}", f"is less than {before}, with which the run in {folder} was started.", "Increase it."
        )


class KeepCheckpointList(ray.train.UserCallback):
    """Copies the list of checkpoints each time it has changed. Runs in Ray Train's controller."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def after_report(self, run_context: Any, metrics: list[dict[str, Any]], checkpoint: Any) -> None:
        """The list is written; checkpoints that it no longer names are deleted only after the next one."""
        if checkpoint is not None:
            storage.copy(storage.join(self.folder, CHECKPOINT_LIST), storage.join(self.folder, LAST_WHOLE))


def mend_checkpoint_list(folder: str) -> bool:
    """Replace a truncated list by the last complete one. Returns whether that was needed."""
    listed, whole = storage.join(folder, CHECKPOINT_LIST), storage.join(folder, LAST_WHOLE)
    if not storage.exists(listed):
        return False
    try:
        json.loads(storage.read_text(listed))
    except json.JSONDecodeError:
        if storage.exists(whole):
            storage.copy(whole, listed)
        else:  # truncated while the very first checkpoint was listed: there is nothing to resume from
            storage.delete(listed)
        return True
    return False
