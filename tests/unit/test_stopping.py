"""SIGTERM ends a program, also one that has lost the exception of the first signal."""

import signal
import subprocess
import sys
import time

import pytest

from dancegen.stopping import TERMINATED

PROGRAM = """
import sys, time
from dancegen import stopping

stopping.CLEANUP_S = float(sys.argv[1])

class Destructor:
    def __del__(self):
        print("ready", flush=True)
        time.sleep(5)  # Python drops an exception here

stopping.handle_sigterm()
try:
    it = Destructor()
    del it
    print("went on", flush=True)
    time.sleep(float(sys.argv[2]))
except KeyboardInterrupt as error:
    sys.exit(stopping.exit_code(error))
print("ended", flush=True)
"""


def started(cleanup_s: float, sleeps_s: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(cleanup_s), str(sleeps_s)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def line(program: subprocess.Popen[str]) -> str:
    assert program.stdout is not None
    return program.stdout.readline().strip()


@pytest.mark.parametrize(("cleanup_s", "sleeps_s", "ends"), [(0.1, 60.0, TERMINATED), (60.0, 1.0, 0)])
def test_a_second_sigterm_ends_the_program_after_the_time_for_its_cleanup(cleanup_s, sleeps_s, ends):
    with started(cleanup_s, sleeps_s) as program:
        assert line(program) == "ready"
        program.send_signal(signal.SIGTERM)
        assert line(program) == "went on"
        time.sleep(0.3)
        program.send_signal(signal.SIGTERM)
        assert program.wait(20) == ends
