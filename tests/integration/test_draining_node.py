"""A node is about to be taken away while a table job runs: it gets no new rows, and those that it has are finished."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.ray

TABLE_JOB = """
import json, os, sys, threading, time
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

from dancegen import schema
from dancegen.engine.cluster.internals import drain_this_node
from dancegen.engine.table_jobs import pool
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.engine.table_jobs.table_job import TableJob, run_table_job

folder = Path(sys.argv[1])


class Stage:
    def __init__(self, folder):
        self.folder = folder

    def __call__(self, table):
        (row,) = table.to_pylist()
        (self.folder / f"{time.time()} {os.getppid()} {row['uri'].strip('/')}").touch()
        time.sleep(1.0)
        return schema.table(schema.CUTS, [{"uri": row["uri"], "version": "1"}])


@ray.remote(num_cpus=0)
def drain():
    drain_this_node("the cloud takes the machine away", time.time() + 60)
    return time.time()


def drain_one():
    while len(list((folder / "calls").iterdir())) < 4:
        time.sleep(0.1)
    node = cluster.list_all_nodes()[1].node_id
    told.append(ray.get(drain.options(label_selector={"ray.io/node-id": node}).remote()))
    told.append(node)


cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
for _ in range(2):
    cluster.add_node(num_cpus=1)
ray.init(address=cluster.address, log_to_driver=False)
(folder / "calls").mkdir()
pool.DRAIN_POLL_S = 0.5
told = []
threading.Thread(target=drain_one, daemon=True).start()
job = TableJob("videos", str(folder / "table"), schema.CUTS, Stage, (folder / "calls",), {})
rows = [{"uri": f"/{number}", "version": "1"} for number in range(16)]
summary = run_table_job(job, rows, Parallel(actors=2, min_actors=2))
print(json.dumps({"done": summary.done_now, "drained_s": told[0], "lost_s": summary.spending.lost_s}))
ray.shutdown()
cluster.shutdown()
"""


def test_a_node_that_is_about_to_be_taken_away_gets_no_new_rows(ray_environment: dict[str, str], tmp_path: Path):
    (tmp_path / "job.py").write_text(TABLE_JOB)
    command = [sys.executable, str(tmp_path / "job.py"), str(tmp_path)]
    environment = {**ray_environment, "RAY_raylet_start_wait_time_s": "200"}  # on a busy machine
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout.strip().rpartition("\n")[2])
    calls = sorted(path.name.split(" ") for path in (tmp_path / "calls").iterdir())
    assert len({uri for *_, uri in calls}) == len(calls) == told["done"] == 16, "each row once"
    assert told["lost_s"] == 0
    late = {actor for begun_s, actor, _ in calls if float(begun_s) > told["drained_s"] + 3}
    assert len({actor for _, actor, _ in calls}) == 2
    assert len(late) == 1
