"""Progress of a training, from its workers to the user who started it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ray
import ray.exceptions
import ray.train
from ray.util.queue import Empty, Queue
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from tqdm import tqdm

from dancegen.engine.cluster.internals import put_without_waiting
from dancegen.engine.messages import interval_s, progress_file

POLL_S = 0.5
Event = dict[str, Any]


class EventQueue:
    """Passes events from any process to the driver. `put` never waits and never fails."""

    def __init__(self) -> None:
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self.queue = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})  # lost only with the driver

    def put(self, **event: Any) -> None:
        """Send an event; it is lost when the driver is gone."""
        put_without_waiting(self.queue, event)

    @contextmanager
    def read_by(self, take: Callable[[Event], None]) -> Iterator[None]:
        """While the block runs, a thread passes each event to `take`; the remaining ones are taken at the end.

        An exception of `take` is shown at once, ends the reading, and is raised again at the end of the block.
        """
        ended, failures = threading.Event(), []
        reader = threading.Thread(target=self._read_or_tell, args=(take, ended, failures), daemon=True)
        reader.start()
        try:
            yield
        finally:
            ended.set()
            reader.join()
            self.queue.shutdown(force=True)
        if failures:
            raise failures[0]

    def _read_or_tell(
        self, take: Callable[[Event], None], ended: threading.Event, failures: list[BaseException]
    ) -> None:
        try:
            self._read(take, ended)
        except BaseException as error:
            failures.append(error)
            raise  # Python shows the traceback of a thread

    def _read(self, take: Callable[[Event], None], ended: threading.Event) -> None:
        while True:
            last_look = ended.is_set()
            try:
                take(self.queue.get(timeout=POLL_S))
            except Empty:
                if last_look:
                    return
            except ray.exceptions.RayError:  # the queue's node is lost; the training may continue
                return


class EventCallback(ray.train.UserCallback):
    """Sends an event for each stored epoch report, and for each loss of workers. Runs in Ray Train's controller."""

    def __init__(self, board: EventQueue) -> None:
        self.board = board

    def after_report(self, run_context: Any, metrics: list[dict[str, Any]], checkpoint: Any) -> None:
        """All workers report the same metrics: those of the first are used."""
        self.board.put(kind="epoch", metrics=metrics[0])

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        """Workers died or raised."""
        reasons = {rank: str(error).strip().split("\n")[-1][:200] for rank, error in worker_exceptions.items()}
        self.board.put(kind="lost", reasons=reasons)


class EpochEndFilter(ray.train.UserCallback):
    """Passes only the reports at the end of an epoch to another callback, such as Ray Tune's."""

    def __init__(self, listener: ray.train.UserCallback) -> None:
        self.listener = listener

    def after_report(self, run_context: Any, metrics: list[dict[str, Any]], checkpoint: Any) -> None:
        """A checkpoint in the middle of an epoch has no metrics to compare."""
        if "epoch" in metrics[0]:
            self.listener.after_report(run_context, metrics, checkpoint)

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        """Workers died or raised."""
        self.listener.after_exception(run_context, worker_exceptions)


class TrainingBar:
    """Progress line with epoch, losses, items of data per second and the time left."""

    def __init__(self, epochs: int, items_an_epoch: int, unit: str) -> None:
        self.epochs, self.items, self.unit = epochs, items_an_epoch, unit
        self.bar: tqdm | None = None

    def at(self, epoch: int, items: int) -> None:
        """Show that `items` of `epoch` are done; the first epoch is 1."""
        done = (epoch - 1) * self.items + items
        if self.bar is None:  # only now, so that the rate excludes the startup
            total = self.epochs * self.items
            unit, shown = f" {self.unit}", {"file": progress_file(), "mininterval": interval_s()}
            self.bar = tqdm(total=total, initial=done, unit=unit, smoothing=0.05, **shown)
        self.bar.set_description(f"epoch {min(epoch, self.epochs)} of {self.epochs}", refresh=False)
        self.bar.update(done - self.bar.n)

    def numbers(self, values: dict[str, float]) -> None:
        """Show the newest losses."""
        if self.bar is not None:
            self.bar.set_postfix({name: f"{value:.3g}" for name, value in values.items()}, refresh=False)

    def close(self) -> None:
        """Close the line and leave it visible."""
        if self.bar is not None:
            self.bar.close()
