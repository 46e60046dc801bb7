"""The head of the cluster is lost while a job runs: its driver says so before Ray ends it."""

import re
import subprocess
import sys
import time

import psutil
import pytest

from dancegen import tables

pytestmark = pytest.mark.ray


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


def test_a_job_says_what_is_done_and_the_command_that_goes_on(tmp_path, driver_of):
    """All jobs watch the head in the same way; what a training says is in tests/unit/test_tracking.py."""
    output, told = str(tmp_path / "my corpus"), tmp_path / "told"
    small = ("seconds=4", "look=skeleton", "fps=10", "width_px=96", "height_px=96", "actors=1")
    driver = driver_of("-m", "dancegen", "make-corpus", f"output={output}", *small)
    while len(tables.parts(f"{output}/videos_table")) < 3:  # the test's own time limit ends this
        assert driver.poll() is None, told.read_text()
        time.sleep(0.2)
    kill_head(driver)
    assert driver.wait() == 2, told.read_text()
    (line,) = [line for line in told.read_text().split("\n") if "is lost" in line]
    assert re.match(
        r"the head of the Ray cluster \([\d.]+:\d+\): is lost: it has not answered for \d+ s; "
        rf"\d+ of 96 videos are done and kept in {re.escape(output)}/videos_table\. To resume: "
        rf"(python -m )?dancegen make-corpus 'output={re.escape(output)}' {re.escape(' '.join(small))}$",
        line,
    )
