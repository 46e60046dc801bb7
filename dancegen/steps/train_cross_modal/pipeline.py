"""clips -> the cross-modal metric, in one process that Ray places, and restarts when its node is lost"""

import io
import os
import pickle
from collections.abc import Callable
from typing import Any

import ray
import torch
from tqdm import tqdm

from dancegen import storage, tracking
from dancegen.config import to_yaml
from dancegen.engine.cluster.capacity import enough
from dancegen.engine.cluster.head_watch import watching_head
from dancegen.engine.cluster.session import start_ray
from dancegen.engine.messages import progress_file
from dancegen.engine.progress import Event, EventQueue
from dancegen.engine.training.run_folder import claim
from dancegen.errors import CheckpointError, TableError
from dancegen.logs import notify
from dancegen.steps.train_cross_modal.clips import MusicClips
from dancegen.steps.train_cross_modal.fit import Fit
from dancegen.steps.train_cross_modal.metric import load_tagger
from dancegen.steps.train_cross_modal.settings import TrainCrossModalConfig

METRIC = "cross_modal.safetensors"  # in the output, with the states of its trainings beside it
FREE = frozenset(
    {"clips", "output", "cpus", "use_gpu", "max_failures", "max_wait_s", "tracking_uri", "experiment"}
)  # settings of where and how it runs, which do not affect its result
REMEDY = "Set a smaller number, add a machine, or set max_wait_s if the cluster autoscales."
BAR = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"


def run(config: TrainCrossModalConfig) -> str:
    """Train the metric, or resume training. Returns its URI. Raises DanceGenError for errors that the user can fix."""
    clips = MusicClips(config.clips, "train", config.normalization)
    begun = claim(config.output, config, clips.data_hash, FREE)
    place = storage.join(config.output, METRIC)
    if begun and storage.exists(place):
        notify(f"the metric exists: {place}")
        return place
    notify(
        f"{len(clips):,} training clips of {len(clips.songs):,} songs; "
        f"{'resuming in' if begun else 'results in'} {config.output}"
    )
    start_ray(config.cpus, int(config.use_gpu), dashboard=False)
    board = EventQueue()
    shown = Shown(config, {"step": "train_cross_modal", "data_hash": clips.data_hash, "clips": str(len(clips))})
    task = ray.remote(_fit).options(
        num_cpus=config.cpus, num_gpus=int(config.use_gpu), max_retries=config.max_failures, retry_exceptions=False
    )
    room = enough(config.cpus, int(config.use_gpu), config.max_wait_s, f"cpus={config.cpus:g}: {REMEDY}")
    with room, watching_head(shown.so_far), shown, board.read_by(shown.take):
        card = ray.get(task.remote(config.model_dump(), board))
    _say_card(card)
    notify(f"the metric: {place}")
    return place


def _fit(settings: dict[str, Any], board: EventQueue) -> dict[str, Any]:
    """Train and save the metric, in the Ray task. Returns the metric's card."""
    config = TrainCrossModalConfig.model_validate(settings)
    clips = MusicClips(config.clips, "train", config.normalization)
    tagger = None
    if config.tagger_weights:
        with storage.reading(config.tagger_weights) as path:
            tagger = load_tagger(path)
    fit = Fit(config, "cuda" if config.use_gpu else "cpu", States(config.output), _progress_callback(board))
    found = fit.run(clips, _validation(config), tagger)
    found.card |= {"data_hash": clips.data_hash, "code_version": tracking.code_version()}
    with storage.writing(storage.join(config.output, METRIC)) as path:
        found.save(path)
    return found.card


def _validation(config: TrainCrossModalConfig) -> MusicClips | None:
    """The validation clips, whose songs are not in the training clips; None when there are none."""
    try:
        return MusicClips(config.clips, "validation", config.normalization)
    except TableError:
        return None


def _progress_callback(board: EventQueue) -> Callable[[str, int, int, dict[str, float]], None]:
    def report(what: str, done: int, total: int, numbers: dict[str, float]) -> None:
        board.put(what=what, done=done, total=total, numbers=numbers)

    return report


class States:
    """Training states, one file each in a folder."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def load(self, name: str) -> dict[str, Any] | None:
        """The last state of this name. Raises CheckpointError when its file is damaged."""
        place = self._place(name)
        if not storage.exists(place):
            return None
        try:
            return torch.load(io.BytesIO(storage.read_bytes(place)), map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise CheckpointError(place, f"is damaged ({error}).", "Delete it.") from error

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Replace the last state atomically."""
        content = io.BytesIO()
        torch.save(state, content)
        storage.write_bytes(self._place(name), content.getvalue())

    def _place(self, name: str) -> str:
        return storage.join(self.folder, f"{name.replace(' ', '_')}.pt")


class Shown:
    """Shows the events of the process in one progress line per part of the work, and logs them to MLflow."""

    def __init__(self, config: TrainCrossModalConfig, tags: dict[str, str]) -> None:
        self._tracker = tracking.Run(
            uri=config.tracking_uri or tracking.default_uri(config.output),
            experiment=config.experiment,
            key=config.output,
            name=os.path.basename(config.output.rstrip("/")),
            parameters=config.model_dump(mode="json"),
            tags=tags,
            warn=notify,
        )
        self._tracker.artifact("settings.yaml", to_yaml(config).encode())
        self._bar: tqdm | None = None
        self._output = config.output

    def __enter__(self) -> "Shown":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
        stopped = kind is not None and issubclass(kind, KeyboardInterrupt)
        self._tracker.close("KILLED" if stopped else "FAILED" if kind else "FINISHED")

    def so_far(self) -> str:
        """What is done, for the message when the work ends early."""
        part = (
            f"{self._bar.desc}: {self._bar.n} of {self._bar.total}" if self._bar is not None else "nothing is done yet"
        )
        return f"{part}, states in {self._output}"

    def take(self, event: Event) -> None:
        """Handle one event of the process."""
        what, done, numbers = event["what"], event["done"], event["numbers"]
        if self._bar is None or self._bar.desc != what:
            if self._bar is not None:
                self._bar.close()
            self._bar = tqdm(total=event["total"], desc=what, bar_format=BAR, mininterval=0.5, file=progress_file())
        self._bar.update(done - self._bar.n)
        self._bar.set_postfix({name: f"{value:.3g}" for name, value in numbers.items()}, refresh=False)
        if numbers:
            self._tracker.log({f"{what.replace(' ', '_')}/{name}": value for name, value in numbers.items()}, done)


def _say_card(card: dict[str, Any]) -> None:
    """Print the results in the metric's card."""
    best = card["silhouettes"][str(card["classes"])]
    notify(f"{card['songs']:,} songs in {card['classes']} classes of music (silhouette {best:.2f})")
    if heard := card["right_answers"]:
        text = ", ".join(f"{name} {share:.0%}" for name, share in heard.items())
        notify(f"accuracy of the music tagger on held-out songs: {text}")
