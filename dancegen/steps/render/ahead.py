"""The dances of a library, made ahead on actors without a GPU while other actors make the pictures.

Both jobs go through the songs in the same order and keep dances in the table of motions, under keys that say what a
dance depends on. Dances are soon ahead of pictures, since they take less time. Where they are not, an actor that makes
pictures makes the dance as well: no actor ever waits for another one.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain

from dancegen import storage
from dancegen.engine.cluster.session import await_ray
from dancegen.engine.table_jobs.cost import Budget, CancelledError
from dancegen.engine.table_jobs.job import Row, TableJob
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.engine.table_jobs.summary import Summary
from dancegen.engine.table_jobs.table_job import run_table_job
from dancegen.errors import DanceGenError
from dancegen.logs import notify


@dataclass
class DancesAhead:
    """A table job in a thread, for as long as the job of the pictures runs. A context manager: it ends the job."""

    job: TableJob
    rows: Callable[[], Iterator[Row]]
    """The songs without a video. It is called in the thread."""
    parallel: Parallel
    budget: Budget
    _thread: threading.Thread | None = None
    _summary: Summary | None = None
    _ended: threading.Event = field(default_factory=threading.Event)

    def start(self, pictures: Summary) -> None:
        """Start beside the job with this state."""
        self._thread = threading.Thread(target=self._run, args=(pictures,), name="dances ahead", daemon=True)
        self._thread.start()

    def __enter__(self) -> "DancesAhead":
        return self

    def __exit__(self, *_: object) -> None:
        """End the job, since what it has not done is no longer needed, and delete its table."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            storage.delete(self.job.table)

    def cost(self) -> float:
        """What it has cost so far."""
        return 0.0 if self._summary is None else self._summary.cost()

    def _run(self, pictures: Summary) -> None:
        budget = replace(self.budget, beside=pictures.cost, cancelled=self._ended.is_set)
        try:
            rows = self.rows()
            if (first := next(rows, None)) is None:
                return
            await_ray(self._ended.is_set)
            if self._ended.is_set():
                return
            run_table_job(self.job, chain([first], rows), self.parallel, budget, self._begun)
        except CancelledError:
            pass
        except DanceGenError as error:
            notify(f"dances are no longer made ahead: {error}", logging.WARNING)

    def _begun(self, summary: Summary) -> None:
        self._summary = summary
