"""Rows through Ray Data: a dataset of rows, mapped by a pool of actors. The executor of jobs whose rows are videos.

Ray Data schedules, retries and scales by blocks, which cost 50 ms each. That is nothing beside a video. A job of many
short rows takes the pool of pool.py, which hands rows out as actors become free and never holds all of them.
"""

import pickle
from collections.abc import Iterator
from typing import Any, cast

import pyarrow as pa

from dancegen.engine.cluster import spot_notice
from dancegen.engine.cluster.session import quiet_ray_data, worker_environment
from dancegen.engine.table_jobs.job import Row, Status, TableJob
from dancegen.engine.table_jobs.row_actor import NO_PROGRESS_S, RowActor, actor_arguments, no_room
from dancegen.engine.table_jobs.row_process import ATTEMPTS
from dancegen.engine.table_jobs.settings import Parallel

LARGEST_BLOCK = 8  # rows: a lost actor costs at most that many, less those whose part exists
MAX_BLOCKS = 2000  # one row per block up to this number: progress and retries are then per row
STATUS = pa.schema([("status", pa.binary())])  # pickled: a Status, or an exception that ends the job


def dataset_statuses(job: TableJob, rows: Iterator[Row], parallel: Parallel, actors: int) -> Iterator[Status]:
    """Run the rows. Yields the status of each when it is done.

    Raises the exception of a stage that cannot be constructed, and ClusterError when there is no progress.
    """
    quiet_ray_data()
    import ray
    from ray.data.exceptions import ExecutionTimeoutError

    items = [{"row": pickle.dumps(row)} for row in rows]
    each = min(LARGEST_BLOCK, -(-len(items) // MAX_BLOCKS))
    statuses = ray.data.from_items(items, override_num_blocks=-(-len(items) // each)).map_batches(
        _DatasetActor,
        batch_format="pyarrow",
        batch_size=1,
        fn_constructor_args=actor_arguments(job, parallel),
        compute=ray.data.ActorPoolStrategy(min_size=min(parallel.min_actors, actors), max_size=actors),
        num_cpus=parallel.cpus_per_actor,
        num_gpus=parallel.gpus_per_actor,
        **worker_environment(),
    )
    statuses.context.enable_progress_bars = False
    statuses.context.print_on_execution_start = False
    slowest_block_s = parallel.max_seconds_per_row * ATTEMPTS * each
    statuses.context.execution_no_progress_timeout_s = int(slowest_block_s + NO_PROGRESS_S)
    try:
        for batch in statuses.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            for status in map(pickle.loads, cast(pa.Table, batch)["status"].to_pylist()):
                if isinstance(status, Exception):
                    raise status
                yield status
    except ExecutionTimeoutError as error:
        raise no_room() from error


class _DatasetActor(RowActor):
    """A row actor as a function of Ray Data: batches of pickled rows to batches of pickled statuses.

    Ray Data gives actors on draining nodes no new batches.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        spot_notice.watch()

    def __call__(self, batch: pa.Table) -> pa.Table:
        import ray

        again = bool(ray.get_runtime_context().was_current_actor_reconstructed)
        rows = [pickle.loads(row) for row in batch["row"].to_pylist()]
        statuses, fatal = self.run(rows, float("inf"), again)
        ended = [pickle.dumps(status) for status in statuses] + ([fatal] if fatal is not None else [])
        return pa.Table.from_pylist([{"status": status} for status in ended], schema=STATUS)
