"""Random SIGKILLs while a library is rendered: row processes, actors, nodes, the driver and the head.

    python benchmarks/random_kills.py [--kills 200] [--songs 60] [--every 6] [--seed 0] [--results FILE]

Starts cluster/local.sh and renders the songs undisturbed. Then it renders them again and again, each time to another
folder, while processes are killed at random times, `--every` seconds apart on average (exponentially distributed).
After a driver or a head was lost, the same command is submitted again, as a user would do it; after the loss of a head
or of most nodes, the cluster is started anew before. Exits with 1 unless every round has the files of the undisturbed
run, byte for byte, and `dancegen audit` finds nothing.
"""

import argparse
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import dance_quality as gate
import psutil
import soundfile
from local_cluster import FAST, ROOT, local, start

CLUSTER, NODES = f"kills-{os.getpid()}", 3
STATE = Path(f"/tmp/dancegen-{os.getuid()}") / CLUSTER
SONG_S = 6.0
RUNS = 200  # of a round at most
STARTS = 3  # attempts
SHARES = {"row process": 6.0, "actor": 6.0, "driver": 2.0, "node": 1.0, "head": 0.5}
"""How often each kind is killed, relative to the others."""
SETTINGS = [
    *("look=avatar", "fps=25", "width_px=256", "height_px=144", "actors=2", "exports=[npz]"),
    *("max_error_fraction=1", "retry_quarantined=true"),
]


def main() -> int:
    """Run all rounds and print the result. Returns the exit code."""
    options = argparse.ArgumentParser(description="Random kills while a library is rendered.")
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--songs", type=int, default=60)
    options.add_argument("--every", type=float, default=6.0)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--results", type=Path)
    given = options.parse_args()
    os.environ.update(FAST)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_songs(folder / "songs", given.songs)
        cluster = Cluster()
        try:
            cluster.start()
            undisturbed = Round(folder, "undisturbed", cluster)
            undisturbed.finish()
            wanted, killer = undisturbed.files(), Killer(cluster, given.seed)
            rounds: list[str] = []
            while killer.count < given.kills:
                disturbed = Round(folder, f"round-{len(rounds) + 1}", cluster)
                disturbed.finish(lambda: killer.tick(given.every, given.kills))
                found, clean = disturbed.files(), disturbed.audit()
                equal = sum(wanted[file] == found.get(file) for file in wanted)
                good = equal == len(wanted) == len(found) and clean
                rounds.append("as undisturbed" if good else f"{equal} of {len(wanted)} equal, audit clean: {clean}")
                print(f"{disturbed.name}: {disturbed.runs} runs, {killer.count} kills so far; {rounds[-1]}", flush=True)
        finally:
            cluster.stop()
    text = report(given, rounds, killer)
    print(text)
    if given.results is not None:
        given.results.write_text(text)
    return 0 if set(rounds) == {"as undisturbed"} else 1


class Cluster:
    """The nodes of cluster/local.sh, and their processes."""

    def __init__(self) -> None:
        self.dashboard = ""
        self.nodes: list[int] = []

    def start(self) -> None:
        """Start it, after the end of what is left of it. A busy machine may take several attempts."""
        for _ in range(STARTS - 1):
            self.stop()
            with suppress(subprocess.CalledProcessError):
                self._started()
                return
        self.stop()
        self._started()

    def _started(self) -> None:
        self.dashboard = start(CLUSTER, NODES)
        self.nodes = list(range(1, NODES + 1))

    def stop(self) -> None:
        """End all its processes."""
        local(CLUSTER, "stop")

    def mend(self) -> None:
        """Start it anew if it has no head, or too few nodes for two actors."""
        if len(self.nodes) < 2 or not self.processes(lambda words: "gcs_server" in words[0]):
            self.start()

    def processes(self, wanted: Callable[[list[str]], bool]) -> list[psutil.Process]:
        """Its processes with such a command line."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                words = process.cmdline()
                if words and wanted(words) and process.environ().get("DANCEGEN_CLUSTER") == str(STATE):
                    found.append(process)
        return found


class Killer:
    """Kills processes of a cluster at random times."""

    def __init__(self, cluster: Cluster, seed: int) -> None:
        self._cluster, self._random = cluster, random.Random(seed)
        self._next = time.monotonic()
        self.kinds = Counter[str]()

    @property
    def count(self) -> int:
        """Kills so far."""
        return sum(self.kinds.values())

    def tick(self, every_s: float, most: int) -> None:
        """Kill something if it is time, unless there were enough kills."""
        if time.monotonic() < self._next or self.count >= most:
            return
        self._next = time.monotonic() + self._random.expovariate(1 / every_s)
        kind = self._random.choices(list(SHARES), list(SHARES.values()))[0]
        if self._kill(kind):
            self.kinds[kind] += 1

    def _kill(self, kind: str) -> bool:
        """Whether there was one to kill."""
        if kind == "node":
            if len(self._cluster.nodes) < 2:
                return False
            node = self._random.choice(self._cluster.nodes)
            self._cluster.nodes.remove(node)
            local(CLUSTER, "kill", "--node", str(node))
            return True
        found = self._cluster.processes(KINDS[kind])
        with suppress(psutil.NoSuchProcess):
            if found:
                self._random.choice(found).kill()
                return True
        return False


KINDS: dict[str, Callable[[list[str]], bool]] = {
    "row process": lambda words: "dancegen.engine.table_jobs.row_process" in words,
    "actor": lambda words: words[0].startswith("ray::RowActor"),
    "driver": lambda words: "dancegen" in words and "render" in words and "--submit" not in words,
    "head": lambda words: "gcs_server" in words[0],
}
"""Which command lines belong to each kind."""


class Round:
    """The songs, rendered to a folder of their own."""

    def __init__(self, folder: Path, name: str, cluster: Cluster) -> None:
        self.name, self.runs, self._cluster = name, 0, cluster
        self._folder, self._output = folder, folder / name
        self._log = folder / f"{name}.log"

    def finish(self, tick: Callable[[], None] = lambda: None) -> None:
        """Submit the command until it succeeds with all songs. Exits with the log if it never does."""
        while not self._done():
            if self.runs == RUNS:
                raise SystemExit(f"{self.name} does not end:\n{self._log.read_text()[-5000:]}")
            self._cluster.mend()
            self.runs += 1
            command = [sys.executable, "-m", "dancegen", "render", "configs/render.yaml", *SETTINGS]
            command += [f"songs={self._folder / 'songs'}", f"output={self._output}"]
            with self._log.open("a") as log:
                run = subprocess.Popen(
                    [*command, "--submit", self._cluster.dashboard], cwd=ROOT, stdout=log, stderr=log
                )
                while run.poll() is None:
                    tick()
                    time.sleep(0.1)

    def _done(self) -> bool:
        """Whether each song has its video and its export."""
        return len(self.files()) == 2 * len(list((self._folder / "songs").iterdir())) and self.audit()

    def files(self) -> dict[str, str]:
        """SHA-256 of each video and each export, by name."""
        folders = (self._output, self._output.with_name(f"{self._output.name}_exports"))
        files = [file for folder in folders if folder.exists() for file in folder.iterdir()]
        return {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in files
            if file.suffix in (".mp4", ".npz")
        }

    def audit(self) -> bool:
        """Whether `dancegen audit` finds nothing."""
        table = f"{self._output}_renders"
        said = subprocess.run(
            [sys.executable, "-m", "dancegen", "audit", table], cwd=ROOT, capture_output=True, text=True, check=False
        )
        with self._log.open("a") as log:
            log.write(said.stdout + said.stderr)
        return said.returncode == 0


def write_songs(folder: Path, number: int) -> None:
    """Synthetic songs as WAV files."""
    folder.mkdir()
    for song in gate.synthetic(number, SONG_S):
        soundfile.write(folder / f"{song.name}.wav", song.samples, gate.SAMPLE_RATE)


def report(given: argparse.Namespace, rounds: list[str], killer: Killer) -> str:
    """The Markdown file of results."""
    command = f"benchmarks/random_kills.py --kills {given.kills} --songs {given.songs} --every {given.every:g}"
    kinds = "\n".join(f"| {kind} | {killer.kinds[kind]} |" for kind in SHARES)
    lines = "\n".join(f"* Round {number}: {line}" for number, line in enumerate(rounds, 1))
    return f"""# Random kills while a library is rendered

{gate.hardware()}, {datetime.now(UTC):%Y-%m-%d}; `{command}`:
{given.songs} songs of {SONG_S:g} s in each round, {NODES} nodes of one machine, two actors.

| killed by SIGKILL | times |
|---|---|
{kinds}
| all | {killer.count} |

{lines}
"""


if __name__ == "__main__":
    sys.exit(main())
