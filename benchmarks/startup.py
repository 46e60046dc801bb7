"""Startup time of each step, and CPU time of its processes.

    python benchmarks/startup.py [OLDER_CHECKOUT]

Runs the commands of this checkout, alternately with those of an older one when its folder is given:

    train-dance  two workers, from the command to the first update on the progress line
    render       an actor, from the command to the first video of a short song
    search       one worker, from the end of a training of one update to the end of the next
    dance        a short song, from the command to its video, without Ray

Prints wall and CPU seconds (user and system) of all processes together, and CPU seconds by role of process. On a shared
machine CPU seconds are more reliable; on two idle cores the wall time is about half of them.
"""

import os
import re
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from noise_clips import write_clips

from dancegen.corpus.music.songs import RATE, synthesize
from dancegen.corpus.structure import compose
from dancegen.media.wav import write_wav

HERE = Path(__file__).parents[1]
SONG_S = 3.0
MARK = "DANCEGEN_STARTUP_BENCHMARK"  # environment variable that all processes of a run inherit
ROLES = {  # part of a process's command line -> role
    "row_process": "row's child",
    "ray::RowActor": "actor of rows",
    "ray::RayTrainWorker": "training worker",
    "ray::TrainController": "training's controller",
    "ray::ImplicitFunc": "trial",
    "ray::run": "trial",
    "ray::": "Ray's other workers",
    "default_worker.py": "Ray's other workers",
    "raylet": "Ray itself",
    "gcs_server": "Ray itself",
    "dashboard": "Ray itself",
    "ray": "Ray itself",
}


def main() -> None:
    """Measure this checkout and the older one."""
    checkouts = {"this checkout": HERE, **({"the older one": Path(sys.argv[1])} if len(sys.argv) > 1 else {})}
    for measure in (train_dance, render, search, dance):
        for name, checkout in checkouts.items():
            with tempfile.TemporaryDirectory() as folder:
                wall_s, cpu_s = measure(checkout, Path(folder))
            total = f"{wall_s:6.1f} s, {sum(cpu_s.values()):6.1f} CPU s"
            parts = ", ".join(f"{role} {seconds:.1f}" for role, seconds in cpu_s.most_common() if seconds >= 0.05)
            print(f"{measure.__name__:12s} {name:14s} {total}  ({parts})", flush=True)


Measure = tuple[float, Counter[str]]


def train_dance(checkout: Path, folder: Path) -> Measure:
    """Measure until the first update."""
    write_clips(f"{folder}/clips", 50, train=512, validation=16, test=16)
    words = ["train_dance", "configs/train_dance.yaml", f"clips={folder}/clips", f"output={folder}/run", "batch_size=4"]
    with running(checkout, folder, words) as run:
        run.wait_for(lambda: re.search(r"\| *[1-9]\d*/\d+ \[", run.said))
        return run.seconds(), run.cpu_s()


def render(checkout: Path, folder: Path) -> Measure:
    """Measure until the first video."""
    (folder / "songs").mkdir()
    write_song(folder / "songs" / "song.wav")
    words = ["render", "configs/render.yaml", f"songs={folder}/songs", f"output={folder}/videos", "look=skeleton"]
    with running(checkout, folder, words) as run:
        run.wait_for(lambda: (folder / "videos" / "song.mp4").exists())
        return run.seconds(), run.cpu_s()


def search(checkout: Path, folder: Path) -> Measure:
    """Mean of the third and the fourth training, end to end."""
    write_clips(f"{folder}/clips", 50, train=16, validation=4, test=4)
    words = ["search", "configs/search.yaml", f"train.clips={folder}/clips", f"output={folder}/run", "num_samples=4"]
    words += [
        "max_concurrent_trials=1",
        "train.epochs=1",
        "grace_epochs=1",
        "train.workers=1",
        "train.pictures_every=0",
    ]
    with running(checkout, folder, words) as run:
        told = lambda: len(list((folder / "run" / "trials").glob("*/epochs.json")))  # noqa: E731
        run.wait_for(lambda: told() >= 2)
        wall_s, cpu_s = run.seconds(), run.cpu_s()
        run.wait_for(lambda: told() >= 4)
        used = Counter({role: (after - cpu_s[role]) / 2 for role, after in run.cpu_s().items()})
        return (run.seconds() - wall_s) / 2, used


def dance(checkout: Path, folder: Path) -> Measure:
    """Measure until the video exists."""
    write_song(folder / "song.wav")
    with running(checkout, folder, ["dance", f"{folder}/song.wav", "-o", f"{folder}/video.mp4"]) as run:
        run.wait_for(lambda: (folder / "video.mp4").exists())
        return run.seconds(), run.cpu_s()


def write_song(path: Path) -> None:
    """Write a few seconds of synthetic music."""
    write_wav(path, synthesize(compose("kpop", 0, SONG_S)), RATE)


class Run:
    """A running command and all processes that it started."""

    def __init__(self, mark: str, process: subprocess.Popen[bytes], terminal: int) -> None:
        self.mark, self.process, self.terminal = mark, process, terminal
        self.started, self.said = time.monotonic(), ""
        self.used: dict[int, tuple[str, float]] = {}
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=each, daemon=True) for each in (self._listen, self._watch)]
        for thread in self.threads:
            thread.start()

    def wait_for(self, done: Callable[[], object]) -> None:
        """Wait until `done()` is true; raises RuntimeError when the command ends before."""
        while not done():
            if self.process.poll() is not None and not done():
                raise RuntimeError(f"the command ended with exit code {self.process.returncode}:\n{self.said}")
            time.sleep(0.05)

    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def cpu_s(self) -> Counter[str]:
        """CPU seconds so far, by role of process."""
        self._look()
        total: Counter[str] = Counter()
        for role, seconds in dict(self.used).values():
            total[role] += seconds
        return total

    def processes(self) -> Iterator[psutil.Process]:
        """Running processes of the command."""
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark:
                    yield process
            except psutil.Error:
                continue

    def _look(self) -> None:
        for process in self.processes():
            try:
                times, words = process.cpu_times(), " ".join(process.cmdline())
            except psutil.Error:
                continue
            role = next((role for part, role in ROLES.items() if part in words), "others")
            if process.pid == self.process.pid:
                role = "command"
            self.used[process.pid] = (role, times.user + times.system)

    def _watch(self) -> None:
        while not self.ended.wait(0.5):
            self._look()

    def _listen(self) -> None:
        while not self.ended.is_set():
            try:
                self.said += os.read(self.terminal, 4096).decode(errors="replace")
            except OSError:  # the command has ended
                return


@contextmanager
def running(checkout: Path, folder: Path, words: list[str]) -> Iterator[Run]:
    """Start a command of a checkout on a pseudo-terminal; end it and its processes afterwards."""
    mark = str(folder)
    terminal, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 120))  # without a width the progress bar is not drawn
    own = {"PYTHONPATH": str(checkout), MARK: mark, "OMP_NUM_THREADS": "1", "RAY_AUTH_MODE": "disabled"}
    with tempfile.TemporaryDirectory(prefix="dg-", dir="/tmp", ignore_cleanup_errors=True) as short:
        process = subprocess.Popen(
            [sys.executable, "-c", "from dancegen.cli import main; main()", *words],
            cwd=checkout,
            env={**os.environ, **own, "RAY_TMPDIR": short},
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        run = Run(mark, process, terminal)
        try:
            yield run
        finally:
            run.ended.set()
            while left := list(run.processes()):
                for one in left:
                    one.kill()
                psutil.wait_procs(left, timeout=5)
            process.wait()
            for thread in run.threads:
                thread.join()
            os.close(terminal)


if __name__ == "__main__":
    main()
