"""The head of the cluster is lost while a job runs: its driver says so before Ray ends it."""

import json
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
from dancegen.engine.table_jobs.table_job import TableJob, run_table_job
from dancegen.engine.table_jobs.settings import Parallel

class Stage:
    def __call__(self, table):
        time.sleep(0.5)
        return schema.table(schema.CUTS, [{"uri": row["uri"], "version": "1"} for row in table.to_pylist()])

job = TableJob("videos", sys.argv[1], schema.CUTS, Stage, (), {})
run_table_job(job, [{"uri": f"/{n}", "version": "1"} for n in range(1000)], Parallel(actors=1))
"""


@pytest.fixture
def driver_of(ray_environment, tmp_path):
    """A function that starts a process with a Ray of its own, which gives up on its head after ten seconds."""
    started = []

    def start(*command):
        own = {"RAY_gcs_rpc_server_reconnect_timeout_s": "25", "RAY_TMPDIR": f"{ray_environment['RAY_TMPDIR']}/l"}
        with (tmp_path / "told").open("w") as told:
            environment = {**ray_environment, **own}
            started.append(subprocess.Popen([sys.executable, *command], env=environment, stderr=told))
        return started[-1]

    yield start
    for driver in started:
        driver.terminate()
        driver.wait()


def kill_head(driver):
    """The control store of a Ray that a driver started for itself."""
    for process in psutil.Process(driver.pid).children():
        if "gcs_server" in process.name():
            process.kill()
            return
    raise AssertionError("no control store")


def told_of_loss(driver, tmp_path, begun):
    """The line that a driver ends with whose head is killed as soon as `begun`."""
    told = tmp_path / "told"
    while not begun():  # the test's own time limit ends this
        assert driver.poll() is None, told.read_text()
        time.sleep(0.2)
    kill_head(driver)
    assert driver.wait() == 2, told.read_text()
    (line,) = [line for line in told.read_text().split("\n") if "is lost" in line]
    assert re.match(r"the head of the Ray cluster \([\d.]+:\d+\): is lost: it has not answered for \d+ s; ", line)
    return line


def test_a_table_job_says_what_is_done_and_how_to_go_on(tmp_path, driver_of):
    table = str(tmp_path / "cuts")
    line = told_of_loss(driver_of("-c", TABLE_JOB, table), tmp_path, lambda: len(tables.parts(table)) >= 3)
    told = rf"\d+ of 1,000 videos are done and kept in {re.escape(table)}\. To resume: run the same command"
    assert re.search(told, line)


@pytest.mark.slow
def test_a_training_says_which_epochs_are_done_and_the_command_that_goes_on(
    tmp_path, driver_of, make_clips, tiny_model
):
    settings = {"clips": make_clips(str(tmp_path / "clips")), "output": str(tmp_path / "run"), "model": tiny_model}
    more = {"epochs": 10_000, "batch_size": 4, "workers": 1, "pictures_every": 0, "monitor": "last"}
    (tmp_path / "my train.yaml").write_text(json.dumps({**settings, **more}))
    command = ["-m", "dancegen", "train-dance", str(tmp_path / "my train.yaml"), "model.losses.perceptual=0"]
    line = told_of_loss(
        driver_of(*command), tmp_path, lambda: re.search(r"epoch (\d{2,}|[3-9]) of", (tmp_path / "told").read_text())
    )
    told = (
        rf"\d+ of 10000 epochs are done, checkpoints in {tmp_path}/run/train\. To resume: "
        rf"(python -m )?dancegen train-dance '{tmp_path}/my train.yaml' model.losses.perceptual=0$"
    )
    assert re.search(told, line)
