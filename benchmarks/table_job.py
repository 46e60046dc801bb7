"""Overhead of a table job on rows without work: planning, time per row, repetition of a finished job, memory.

    python benchmarks/table_job.py 1000 10000 100000

Each size runs in a process of its own, whose peak resident size is that of the driver. `--folder` keeps the tables.
`--ray-data` runs the rows through Ray Data (dataset_pool.py) instead of the pool of actors, as jobs over videos do.
`--cpu` prints the CPU time of each step instead, without Ray: on a busy machine, it is the comparable figure.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pyarrow as pa

from dancegen import schema, storage, tables
from dancegen.engine.table_jobs.plan import Plan
from dancegen.engine.table_jobs.row_actor import RowActor
from dancegen.engine.table_jobs.row_process import RowLimits
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.engine.table_jobs.table_job import TableJob, run_table_job
from dancegen.tables.names import shard_count
from dancegen.tables.shards import compact

ACTORS = 2


def main() -> None:
    """Print a row of a Markdown table for each size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sizes", nargs="+", type=int)
    parser.add_argument("--folder", help="folder of the tables; default: a temporary one")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)  # in the process of one run
    parser.add_argument("--ray-data", action="store_true", help="through Ray Data instead of the pool of actors")
    parser.add_argument("--cpu", action="store_true", help="CPU time of each step of one process, without Ray")
    given = parser.parse_args()
    if given.cpu:
        for size in given.sizes:
            with tempfile.TemporaryDirectory() as folder:
                cpu(folder, size)
        return
    if given.one:
        print(json.dumps(run(Path(given.folder) / str(given.sizes[0]), given.sizes[0], given.ray_data)))
        return
    print("| rows | first run, s | ms a row | driver, MB | repeated, s | driver, MB | files |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    for size in given.sizes:
        with tempfile.TemporaryDirectory() as temporary:
            folder = given.folder or temporary
            first, again = (in_process(size, folder, given.ray_data) for _ in range(2))
            files = sum(1 for _ in (Path(folder) / str(size)).iterdir())
            print(
                f"| {size:,} | {first['seconds']:.1f} | {1000 * first['seconds'] / size:.2f} | {first['peak_mb']:.0f} "
                f"| {again['seconds']:.1f} | {again['peak_mb']:.0f} | {files:,} |",
                flush=True,
            )


def in_process(size: int, folder: str, ray_data: bool) -> dict[str, float]:
    """Measurements of one run in a new process."""
    words = [sys.executable, __file__, str(size), "--folder", folder, "--one"]
    words += ["--ray-data"] if ray_data else []
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.strip().rpartition("\n")[2])


def run(table: Path, size: int, ray_data: bool) -> dict[str, float]:
    """Run the job once. Seconds include the start of Ray, where rows are left; the peak is in megabytes."""
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    started = time.perf_counter()
    job = TableJob("rows", str(table), schema.CUTS, Nothing, (), {}, ray_data=ray_data)
    run_table_job(job, rows(size), Parallel(actors=ACTORS, min_actors=ACTORS))
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000}


def cpu(folder: str, size: int) -> None:
    """Print the CPU milliseconds per row of each step, in this process and its child."""
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    table = f"{folder}/table"
    job = TableJob("rows", table, schema.CUTS, Nothing, (), {})
    tables.begin(table, schema.CUTS, {})
    actor = RowActor(job, cloudpickle.dumps((Nothing, ())), RowLimits(60.0, 4.0), 1)
    actor.run([{"uri": "first", "version": "1", "split": "train", "attempts": 1}], 60.0, False)  # starts the child
    child = psutil.Process().children()[0]
    found, started = {}, _cpu_s(child)

    def lap(step: str) -> None:
        nonlocal started
        found[step] = _cpu_s(child) - started
        started = _cpu_s(child)

    with Plan(rows(size)) as plan:
        lap("plan")
        shards = [(shard, given) for shard, given in plan.shards(shard_count(size))]
        lap("open shards")
        for _, given in shards:
            actor.run([{**row, "attempts": 1} for row in given], 1e9, False)
        lap("run rows, write parts")
        for shard, given in shards:
            parts = [storage.join(table, tables.part_name(row["uri"])) for row in given]
            compact(table, schema.CUTS, shard, None, parts)
        lap("compact")
        run_table_job(job, rows(size), Parallel())
        lap("repeat the finished job")
    print(", ".join(f"{step} {1000 * seconds / size:.3f}" for step, seconds in found.items()), "CPU ms a row")


def _cpu_s(child: psutil.Process) -> float:
    """CPU time of this process and of a child."""
    times = child.cpu_times()
    return time.process_time() + times.user + times.system


def rows(size: int) -> Iterator[dict[str, str]]:
    """Rows of the length of real ones."""
    for number in range(size):
        yield {"uri": f"s3://library/albums/{number:07d}.mp3", "version": f"{number}-1764300000.0", "split": "train"}


class Nothing:
    """A stage that does nothing."""

    def __call__(self, rows: pa.Table) -> pa.Table:
        """A row of the table for each row."""
        kept = [{name: row[name] for name in ("uri", "version", "split")} for row in rows.to_pylist()]
        return schema.table(schema.CUTS, kept)


if __name__ == "__main__":
    main()
