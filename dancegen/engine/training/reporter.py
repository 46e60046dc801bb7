"""Reports a training while it runs: the workers' events go to the progress line, and to MLflow in another thread."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from dancegen import storage, tracking
from dancegen.config import to_yaml
from dancegen.engine.cluster.head_watch import watching_head
from dancegen.engine.messages import ProgressEvents
from dancegen.engine.metrics import TrainingMetrics
from dancegen.engine.progress import Event, TrainingBar
from dancegen.engine.training.settings import TrainingRun
from dancegen.errors import StorageError
from dancegen.logs import notify


class Reporter:
    """Takes the events of one training."""

    def __init__(self, config: TrainingRun, items_an_epoch: int, tags: dict[str, str], numbers: dict[str, str]) -> None:
        """`numbers` maps the names of the metrics in the progress line to their short names."""
        self.config, self.numbers = config, numbers
        self.tracker = tracking.Run(
            uri=config.tracking_uri or tracking.default_uri(config.output),
            experiment=config.experiment,
            key=config.run_folder,
            name=config.name,
            parameters=config.model_dump(mode="json"),
            tags=tags,
            warn=notify,
        )
        self.bar, self.items_an_epoch = TrainingBar(config.epochs, items_an_epoch, config.UNIT), items_an_epoch
        self.metrics, self.progress = TrainingMetrics(config.name, config.UNIT), ProgressEvents()
        self.epochs_done = 0
        self.begun = False
        self._thread = ThreadPoolExecutor(1)
        self._sent: list[Future[None]] = []
        if storage.is_remote(config.output) and not config.tracking_uri:
            notify(f"MLflow's database cannot be in a remote folder; using {self.tracker.uri}")

    def take(self, event: Event) -> None:
        """Show one event, and log it."""
        if event["kind"] != "steps" or event["items"]:  # earlier, MLflow would delay the workers' start by seconds
            self._begin()
        if event["kind"] == "steps":
            self._take_steps(event)
        elif event["kind"] == "epoch":
            self._take_epoch(dict(event["metrics"]))
        elif event["kind"] == "file":
            self._send(self._keep, event["name"], event["uri"])
        elif event["kind"] == "leaving":
            notify(f"preemption notice for worker {event['ranks']}; checkpoint saved after {event['updates']} updates")
        else:
            who = ", ".join(f"worker {rank} ({reason})" for rank, reason in event["reasons"].items())
            failures = self.config.max_failures
            limit = "" if failures < 0 else f", at most {failures} times"
            notify(f"lost {who}; resuming from the last checkpoint with new workers{limit}")

    def so_far(self) -> str:
        """What a lost cluster leaves behind."""
        done = f"{self.epochs_done} of {self.config.epochs} epochs are done"
        known = done if self.epochs_done else "no epoch completed since the start"
        return f"{known}, checkpoints in {self.config.run_folder}"

    def close(self, ended: str) -> None:
        """End the progress line and the MLflow run."""
        self.bar.close()
        self._begin()
        self._send(self.tracker.close, ended)
        self._thread.shutdown()

    def raise_errors(self) -> None:
        """Raise the first error of the logging thread."""
        for future in self._sent:
            future.result()

    def _begin(self) -> None:
        if not self.begun:
            self.begun = True
            self._send(self.tracker.artifact, "settings.yaml", to_yaml(self.config).encode())

    def _take_steps(self, event: Event) -> None:
        epoch, items, updates, losses = event["epoch"], event["items"], event["updates"], event["losses"]
        self.bar.at(epoch, items)
        self.metrics.steps(epoch, (epoch - 1) * self.items_an_epoch + items, updates, losses, event["divergence"])
        self.progress.tell(run=self.config.name, epoch=epoch, updates=updates, losses=losses)

    def _take_epoch(self, metrics: dict[str, Any]) -> None:
        epoch = metrics.pop("epoch")
        self.bar.at(epoch + 1, 0)
        self.epochs_done = max(self.epochs_done, epoch)
        self.bar.numbers(named(metrics, self.numbers))
        self.metrics.epoch(metrics)
        self._send(self.tracker.log, metrics, epoch)

    def _send(self, log: Callable[..., None], *what: Any) -> None:
        self._sent.append(self._thread.submit(log, *what))

    def _keep(self, name: str, uri: str) -> None:
        """Send a file of the run to MLflow. A read error does not fail the run, which keeps the file."""
        try:
            self.tracker.artifact(name, storage.read_bytes(uri))
        except StorageError as error:
            notify(f"not logged to MLflow: {error}")


@contextmanager
def reported(
    config: TrainingRun, items_an_epoch: int, tags: dict[str, str], numbers: dict[str, str]
) -> Iterator[Callable[[Event], None]]:
    """Yields the function that takes the workers' events, while the training runs."""
    reporter = Reporter(config, items_an_epoch, tags, numbers)
    ended = "FAILED"
    try:
        with watching_head(reporter.so_far):
            yield reporter.take
        ended = "FINISHED"
    except KeyboardInterrupt:
        ended = "KILLED"
        raise
    finally:
        reporter.close(ended)
    reporter.raise_errors()


def named(metrics: dict[str, float], numbers: dict[str, str]) -> dict[str, float]:
    """The metrics in `numbers`, under their short names."""
    return {short: metrics[name] for name, short in numbers.items() if name in metrics}
