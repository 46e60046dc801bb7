"""Planning of `render`: CPU time and memory of the driver before the first song, for a library of empty files.

    python benchmarks/render_planning.py 10000 100000

Each size is planned without and with a finished table of renders, each in a process of its own, whose peak resident
size is that of the driver. No song is rendered, and Ray is not started.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dancegen import schema, tables
from dancegen.engine.table_jobs.plan import Plan
from dancegen.steps.render.pipeline import input_rows, library
from dancegen.steps.render.settings import RENDERS, RenderConfig
from dancegen.tables.names import Shard, shard_count

FOLDERS = 1000  # of the library


def main() -> None:
    """Print a row of a Markdown table for each size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sizes", nargs="+", type=int)
    parser.add_argument("--folder", help=argparse.SUPPRESS)  # in the process of one run
    given = parser.parse_args()
    if given.folder:
        print(json.dumps(plan(Path(given.folder))))
        return
    print("| songs | new: CPU s | driver, MB | all done: CPU s | driver, MB |")
    print("|--:|--:|--:|--:|--:|")
    for size in given.sizes:
        with tempfile.TemporaryDirectory() as folder:
            make_songs(Path(folder), size)
            new = in_process(folder)
            write_table(Path(folder))
            done = in_process(folder)
        figures = (f"{found['seconds']:.1f} | {found['peak_mb']:.0f}" for found in (new, done))
        print(f"| {size:,} | {' | '.join(figures)} |", flush=True)


def make_songs(folder: Path, size: int) -> None:
    """Empty files with the names of songs."""
    for number in range(size):
        song = folder / "songs" / f"artist {number % FOLDERS:04d}" / f"song {number:07d}.mp3"
        song.parent.mkdir(parents=True, exist_ok=True)
        song.touch()


def in_process(folder: str) -> dict[str, float]:
    """Measurements of one plan in a new process."""
    words = [sys.executable, __file__, "1", "--folder", folder]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.strip().rpartition("\n")[2])


def plan(folder: Path) -> dict[str, float]:
    """Plan once. The peak is in megabytes, with Python and its libraries."""
    config, started = settings(folder), time.process_time()
    with library(config) as songs, Plan(input_rows(config, songs)) as planned:
        assert len(planned)
    return {
        "seconds": time.process_time() - started,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }


def write_table(folder: Path) -> None:
    """The table of a finished run, in shards."""
    config = settings(folder)
    table = config.output + RENDERS
    tables.begin(table, schema.RENDERS, {})
    with library(config) as songs, Plan(input_rows(config, songs)) as planned:
        for shard, rows in planned.shards(shard_count(len(planned))):
            write_shard(table, shard, rows)


def write_shard(table: str, shard: Shard, rows: Iterable[dict[str, Any]]) -> None:
    """One file of finished rows."""
    done = [{**row, "content_hash": f"{number:064x}", "wall_s": 1.0} for number, row in enumerate(rows)]
    if done:
        tables.write_file(f"{table}/{shard.name}", schema.table(schema.RENDERS, done))


def settings(folder: Path) -> RenderConfig:
    """Settings of the job."""
    return RenderConfig(songs=str(folder / "songs"), output=str(folder / "dances"))


if __name__ == "__main__":
    main()
