"""Runs a training and shows it: a progress line, MLflow, and the exit of a run that diverged."""

from collections.abc import Callable, Mapping
from typing import Any

from dancegen.engine.cluster.capacity import enough
from dancegen.engine.cluster.session import start_ray
from dancegen.engine.progress import EventCallback, EventQueue
from dancegen.engine.training.driver import fit
from dancegen.engine.training.reporter import reported
from dancegen.engine.training.settings import TrainingRun
from dancegen.logs import notify

TOO_SMALL = "Set fewer workers or a smaller cpus_per_worker, add machines, or set max_wait_s if the cluster autoscales."


def launch(
    config: TrainingRun,
    work: Callable[[dict[str, Any]], dict[str, Any]],
    data: Mapping[str, Any],
    items_an_epoch: int,
    tags: dict[str, str],
    numbers: dict[str, str],
    min_workers: int | None = None,
) -> dict[str, Any]:
    """Start Ray and run `work` in every worker. Returns the first worker's return value.

    `work` receives `data` and in addition the settings, under `config`, and the queue of its events, under `board`.
    `tags` are those of the run in MLflow; `numbers` are the metrics in the progress line, with their short names.
    Raises the error that a worker returns under `error`.
    """
    start_ray(config.cpus, config.gpus, dashboard=True)
    board = EventQueue()
    room = enough(config.cpus, config.gpus, config.max_wait_s, TOO_SMALL)
    with room, reported(config, items_an_epoch, tags, numbers) as take, board.read_by(take):
        notify(f"starting {f'{min_workers} to ' if min_workers else ''}{config.workers} workers")
        given = {"config": config.model_dump(), **data, "board": board}
        end = fit(config, work, given, [EventCallback(board)], min_workers)
    if error := end.get("error"):
        raise error
    return end
