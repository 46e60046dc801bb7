"""The head of the cluster is lost while a job runs: its driver says so before Ray ends it."""

import os
import re
import subprocess
import sys
import time

import psutil
import pytest

from dancegen import tables

pytestmark = pytest.mark.ray

TABLE_JOB = """
import sys, time
from ray import cloudpickle
from dancegen import schema
from dancegen.pipelines.table_job import TableJob, run_table_job
from dancegen.settings.parallel import Parallel

class Stage:
    def __call__(self, table):
        time.sleep(0.5)
        return schema.table(schema.CUTS, [{"uri": row["uri"], "version": "1"} for row in table.to_pylist()])

job = TableJob("videos", sys.argv[1], schema.CUTS, Stage, (), {})
run_table_job(job, [{"uri": f"/{n}", "version": "1"} for n in range(1000)], Parallel(actors=1))
"""


def kill_head(driver):
    """The control store of a Ray that a driver started for itself."""
    for process in psutil.Process(driver.pid).children():
        if "gcs_server" in process.name():
            process.kill()
            return
    raise AssertionError("no control store")


def wait_until(condition, seconds=240):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_table_job_says_what_is_done_and_how_to_go_on(tmp_path, ray_environment):
    table = str(tmp_path / "cuts")
    environment = {
        **ray_environment,
        "RAY_gcs_rpc_server_reconnect_timeout_s": "25",
        "RAY_TMPDIR": f"{ray_environment['RAY_TMPDIR']}/l",
    }
    driver = subprocess.Popen(
        [sys.executable, "-c", TABLE_JOB, table], env=environment, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: driver.poll() is not None or len(tables.parts(table)) >= 3)
    kill_head(driver)
    _, told = driver.communicate(timeout=120)
    assert driver.returncode == 2, told
    (line,) = [line for line in told.split("\n") if "is lost" in line]
    assert re.search(
        r"the head of the Ray cluster \([\d.]+:\d+\): is lost: it has not answered for \d+ s; "
        rf"\d+ of 1,000 videos are done and kept in {re.escape(table)}\. To go on from there: give the same command",
        line,
    )
    assert os.path.exists(table)
