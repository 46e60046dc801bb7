"""Runs rows in a child process, so that a crash, a hang or excessive memory costs one row and never the job.

The parent half is `RowProcess`; the child half is `main`, run as `python -m dancegen.engine.table_jobs.row_process`.
They communicate through a socket: the child receives the pickled stage once, then one-row tables, and returns tables.
"""

import os
import pickle
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import psutil
import pyarrow as pa

from dancegen.engine.table_jobs.row_folder import RowFolder
from dancegen.errors import ClusterError, DanceGenError, StorageUnreachableError
from dancegen.stopping import Terminated, handle_sigterm

MODULE = "dancegen.engine.table_jobs.row_process"  # this module, as the child runs it
POLL_S = 0.2
PARENT_POLL_S = 0.5
ATTEMPTS = 2  # the cause may be another process: one death is not conclusive
START_PAUSES_S = (1.0, 4.0, 10.0)  # before each further attempt to start a process that died while it started
TRACE_CHARACTERS = 8000  # the end of a traceback that is sent to the driver
CLEAR_UP_S = 3.0  # for a child to delete the file that it was writing
MACHINE_SHARE = 0.8  # of this machine's memory; above it the kernel may kill any process


@dataclass(frozen=True)
class Death:
    """Cause of a child's death."""

    how: str  # a signal, or an exception with its place
    trace: str = ""  # the traceback of an exception


class BadRowError(DanceGenError):
    """A row that ended its process, or exceeded a limit."""


class RowBugError(BadRowError):
    """A row that raised an unexpected exception. Its file may be good."""

    def __init__(self, subject: str, death: Death) -> None:
        super().__init__(subject, f"hit a bug in dancegen: {death.how}.", "Report it with the traceback in the log.")
        self.trace = death.trace


class StageError(RuntimeError):
    """A stage that cannot be constructed because of a bug."""


@dataclass(frozen=True)
class RowLimits:
    """Limits of a row's time and memory."""

    seconds: float
    memory_gb: float
    gpus: float = 0.0
    """Share of a GPU that is reserved: below 1, torch may allocate this share of its memory."""


class RowProcess:
    """A stage in a child process. `run` returns the stage's table, or raises BadRowError with the reason."""

    def __init__(self, stage: bytes, limits: RowLimits) -> None:
        """`stage` is a pickled (class, constructor arguments)."""
        self._stage = stage
        self._limits = limits
        self._memory_bytes = min(limits.memory_gb * 1e9, MACHINE_SHARE * psutil.virtual_memory().total)
        self._child: subprocess.Popen[bytes] | None = None

    def run(self, row: pa.Table, subject: str) -> pa.Table:
        """The stage's table for a one-row table. `subject` names the row in messages.

        Raises BadRowError, and StorageUnreachableError when the stage does: a retry may succeed.
        """
        for attempt in range(1, ATTEMPTS + 1):
            if self._child is None:
                self._start(subject)
            self._log.seek(0)
            self._log.truncate()
            try:
                self._pipe.send(row)
                return self._answer(subject)
            except (EOFError, ConnectionError):
                death = self._exit_reason()
                if attempt == ATTEMPTS:
                    raise _verdict(subject, death) from None
        raise AssertionError("ATTEMPTS is at least 1")

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.terminate()
            try:
                self._child.wait(CLEAR_UP_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
            self._pipe.close()
            self._log.close()
            self._folder.remove()
            self._child = None

    def _start(self, subject: str) -> None:
        """Start the child, with retries after increasing pauses when it dies.

        When it died in the same way each time although memory was free, no row can be processed: raises StageError
        after an exception, ClusterError after a signal. Else raises BadRowError: the next row may find more memory.
        """
        deaths: list[Death] = []
        memory = psutil.virtual_memory()
        for pause_s in (0.0, *START_PAUSES_S):
            time.sleep(pause_s * random.uniform(0.5, 1.5))  # jitter: other processes may have run out of memory too
            memory = psutil.virtual_memory()
            death = self._launch()
            if death is None:
                return
            deaths.append(death)
        free = f"the last of {len(deaths)} attempts with {memory.available / 1e9:.1f} GB of memory free"
        problem = f"ended with {deaths[-1].how} while its process started, {free}."
        alike = len({death.how for death in deaths}) == 1
        if alike and memory.available > (1 - MACHINE_SHARE) * memory.total:
            if deaths[-1].trace:
                raise StageError(f"the stage cannot be constructed: {deaths[-1].how}\n{deaths[-1].trace}")
            raise ClusterError("the stage", problem, "Give the machine, or its container, more memory.")
        raise BadRowError(subject, problem, "Run fewer actors per machine, or give it more memory.")

    def _launch(self) -> Death | None:
        """Start the child once. Returns the cause of death when it died before its stage was constructed."""
        ours, theirs = socket.socketpair()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the child)
        self._folder = RowFolder()
        paths = [path or os.getcwd() for path in sys.path]
        with theirs:
            self._child = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    MODULE,
                    str(theirs.fileno()),
                    self._folder.path,
                    str(self._limits.gpus),
                ],
                pass_fds=[theirs.fileno(), self._folder.lock],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TMPDIR": self._folder.path},
            )
        self._pipe = Connection(ours.detach())
        try:
            self._pipe.send_bytes(self._stage)
            ready = self._pipe.recv()
        except (EOFError, ConnectionError):
            return self._exit_reason()
        if isinstance(ready, DanceGenError):
            self.close()
            raise ready
        return None

    def _answer(self, subject: str) -> pa.Table:
        deadline = time.monotonic() + self._limits.seconds
        while not self._pipe.poll(POLL_S):
            if time.monotonic() > deadline:
                self.close()
                remedy = "Raise max_seconds_per_row, or cut the file."
                raise BadRowError(subject, f"took longer than {self._limits.seconds:g} s.", remedy)
            if self._used_bytes() > self._memory_bytes:
                self.close()
                remedy = "Raise max_memory_gb_per_row, or make the file smaller."
                raise BadRowError(subject, f"needed more than {self._memory_bytes / 1e9:.1f} GB of memory.", remedy)
        answer = self._pipe.recv()
        if isinstance(answer, StorageUnreachableError):
            raise answer
        return answer

    def _used_bytes(self) -> int:
        assert self._child is not None
        try:
            process = psutil.Process(self._child.pid)
            return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))
        except psutil.NoSuchProcess:
            return 0

    def _exit_reason(self) -> Death:
        """Cause of the child's death. Also cleans up after it."""
        assert self._child is not None
        try:
            code = self._child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._child.kill()
            code = self._child.wait()
        self._log.seek(0)
        log = self._log.read().decode(errors="replace")
        self.close()
        if code < 0:
            return Death(f"{signal.Signals(-code).name} (a crash, or out of memory)")
        sys.stderr.write(log)  # into the log of Ray's worker
        return Death(_last_error(log) or f"exit code {code}", log[-TRACE_CHARACTERS:] or "no traceback")


def _verdict(subject: str, death: Death) -> BadRowError:
    """The error for a row that ended its process."""
    if death.trace:
        return RowBugError(subject, death)
    return BadRowError(subject, f"ended its process with {death.how}.", "Re-encode or leave out the file.")


def _last_error(log: str) -> str:
    """The last error of a traceback as `ValueError: text (file.py, line 3)`; empty when there is none."""
    lines = [line for line in log.strip().split("\n") if line.strip()]
    places = re.findall(r'File ".*?([^/"]+)", line (\d+)', log)
    if not lines or not places:
        return ""
    return f"{lines[-1].strip().rstrip('.')} ({places[-1][0]}, line {places[-1][1]})"


def main(descriptor: int, folder: str, gpus: float) -> None:
    """The child: construct the stage, process rows until the parent is gone. `folder` holds its temporary files."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the driver, which ends this process
    handle_sigterm()
    threading.Thread(target=_end_with_parent, args=(os.getppid(), folder), daemon=True).start()
    try:
        _limit_gpu_memory(gpus)
        _answer_rows(Connection(descriptor))
    except Terminated:  # unfinished files are deleted by now
        shutil.rmtree(folder, ignore_errors=True)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _limit_gpu_memory(share: float) -> None:
    """Limit torch to a share of the GPU's memory: Ray reserves shares, but lets each process allocate all of it."""
    if 0 < share < 1:
        import torch

        if torch.cuda.is_available():
            torch.cuda.set_per_process_memory_fraction(share)


def _answer_rows(pipe: Connection) -> None:
    stage = _make(pipe)
    while stage is not None:
        try:
            row = pipe.recv()
        except EOFError:
            return
        try:
            answer = stage(row)
        except StorageUnreachableError as error:
            answer = error
        pipe.send(answer)


def _make(pipe: Connection) -> Any:
    """The stage; None when its settings are wrong, after the error was sent to the parent."""
    try:
        kind, arguments = pickle.loads(pipe.recv_bytes())
        stage = kind(*arguments)
    except DanceGenError as error:
        pipe.send(error)
        return None
    pipe.send("ready")
    return stage


def _end_with_parent(parent: int, folder: str) -> None:
    """A killed parent cannot end this process: detect it, and let the main thread delete the unfinished files."""
    while os.getppid() == parent:
        time.sleep(PARENT_POLL_S)
    os.kill(os.getpid(), signal.SIGTERM)
    threading.main_thread().join(CLEAR_UP_S)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
