"""Overhead of Ray: poses by the Ray pipeline against the bare estimator, and its behaviour at scale.

    python benchmarks/extract_poses.py [speed|memory|manifest ...]

speed      frames per second of the pipeline's expensive pass (detecting people in each frame) with one worker, against
           the same estimator called in a plain loop on the same video with the same one thread; and with two workers.
           Also the whole command, with all passes and with starting Ray.
memory     peak memory of all processes of the job together, for a video of one minute and for one of sixty. Frames are
           small, because the estimator's time is not measured.
manifest   overhead of the runner for 100,000 rows without work, and for a second run that finds all of them done.

Requires the extra `mediapipe`. Runs on videos of the synthetic corpus that it generates itself.
"""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pyarrow as pa

from dancegen import schema
from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.pictures.camera import film
from dancegen.corpus.structure import compose
from dancegen.drawing.draw import LOOKS
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.estimators.base import VideoPart, load_estimator
from dancegen.media.video import VideoWriter, frames, probe
from dancegen.steps.extract_poses.settings import ExtractPosesConfig

FPS, PART_S = 10, 30.0
SPEED_S, SIZE = 240.0, (640, 480)
SMALL = (160, 120)
ROWS = 100_000


def main() -> None:
    """Run the named measurements, or all."""
    os.environ.update({"OMP_NUM_THREADS": "1", "RAY_AUTH_MODE": "disabled"})
    asked = sys.argv[1:] or ["speed", "memory", "manifest"]
    measures: dict[str, Callable[[Path], None]] = {"speed": speed, "memory": memory, "manifest": manifest}
    for name in asked:
        with tempfile.TemporaryDirectory() as folder:
            measures[name](Path(folder))


def speed(folder: Path) -> None:
    """Print frames per second of the pipeline and of a plain loop."""
    video = make_video(folder / "videos" / "a.mp4", SPEED_S, SIZE)
    bare = bare_fps(video)
    passes: dict[int, float] = {}
    whole: dict[int, float] = {}
    for workers in (1, 2):
        poses = folder / f"poses{workers}"
        started = time.perf_counter()
        extract(folder / "videos", poses, workers)
        whole[workers] = SPEED_S * FPS / (time.perf_counter() - started)
        passes[workers] = pass_fps(Path(f"{poses}_people"))
    again = bare_fps(video)
    plain = (bare + again) / 2
    print(f"bare loop {bare:.1f} and {again:.1f} frames/s")
    print(f"1 worker  {passes[1]:.1f} frames/s, {passes[1] / plain:.2f} of the bare loop; whole command {whole[1]:.1f}")
    print(f"2 workers {passes[2]:.1f} frames/s, {passes[2] / passes[1]:.2f} of one; whole command {whole[2]:.1f}")


def bare_fps(video: Path) -> float:
    """Frames per second of the estimator in a plain loop, over the same parts as in the pipeline."""
    config = ExtractPosesConfig(videos=str(video), poses="unused")
    estimate = load_estimator(config.estimator)
    info = probe(video, str(video))
    length = round(PART_S * FPS)
    started = time.perf_counter()
    for first in range(0, round(SPEED_S * FPS), length):
        part = VideoPart(str(video), info, FPS, first, first + length)
        estimate(part, frames(video, str(video), FPS, first, first + length))
    return SPEED_S * FPS / (time.perf_counter() - started)


def extract(videos: Path, poses: Path, workers: int) -> None:
    """Run the job as the command does."""
    from dancegen.steps.extract_poses import pipeline as extract_poses

    config = ExtractPosesConfig(
        videos=str(videos), poses=str(poses), part_s=PART_S, actors=workers, min_actors=workers, max_error_fraction=1.0
    )
    extract_poses.run(config)


def pass_fps(people: Path) -> float:
    """Frames per second between the writes of the first and the last part."""
    written = sorted(part.stat().st_mtime for part in people.glob("*.parquet"))
    return (len(written) - 1) * PART_S * FPS / (written[-1] - written[0])


def memory(folder: Path) -> None:
    """Print peak memory for a video of a minute and for one of an hour."""
    for minutes in (1, 60):
        make_video(folder / f"{minutes}" / "a.mp4", minutes * 60.0, SMALL)
        with Largest() as largest:
            extract(folder / f"{minutes}", folder / f"poses{minutes}", workers=2)
        print(
            f"{minutes:2d} min: driver {largest.bytes['driver'] / 1e9:.2f} GB, "
            f"largest worker {largest.bytes['worker'] / 1e9:.2f} GB, all of Ray {largest.bytes['all'] / 1e9:.2f} GB"
        )


class Largest:
    """Peak resident size, sampled 10 times per second, of the driver, of one row process, and of all together."""

    def __enter__(self) -> "Largest":
        self.bytes = {"driver": 0, "worker": 0, "all": 0}
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watcher.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._ended.wait(0.1):
            sizes = {}
            for process in (me, *me.children(recursive=True)):
                try:
                    sizes[process.pid] = (process.memory_info().rss, " ".join(process.cmdline()))
                except psutil.Error:
                    continue
            workers = [size for size, line in sizes.values() if "dancegen.engine.table_jobs.row_process" in line]
            now = {"driver": me.memory_info().rss, "worker": max(workers, default=0)}
            now["all"] = sum(size for size, _ in sizes.values())
            self.bytes = {name: max(self.bytes[name], size) for name, size in now.items()}


def manifest(folder: Path) -> None:
    """Print the overhead of the runner on rows without work."""
    from dancegen.engine.table_jobs.table_job import TableJob, run_table_job

    rows = [{"uri": f"/videos/{number:06d}.mp4", "version": "1", "split": "train"} for number in range(ROWS)]
    job = TableJob("rows", str(folder / "cuts"), schema.CUTS, Nothing, (), {})
    first, again = (run_table_job(job, rows, Parallel(actors=2, min_actors=2)).seconds for _ in range(2))
    print(f"{ROWS:,} rows: {first:.0f} s, {1000 * first / ROWS:.1f} ms per row; second run, all done {again:.0f} s")


class Nothing:
    """A stage that does nothing."""

    def __call__(self, rows: pa.Table) -> pa.Table:
        """A cut per video."""
        kept = [{name: row[name] for name in ("uri", "version", "split")} for row in rows.to_pylist()]
        return schema.table(schema.CUTS, kept)


def make_video(path: Path, seconds: float, size: tuple[int, int]) -> Path:
    """Write a video of a synthetic dancer: one minute of dance, repeated."""
    joints = film(choreograph(compose("kpop", 0, 60.0), Dancer.from_seed(0), 25.0, 0), *size, 0)
    path.parent.mkdir(parents=True)
    pictures = [LOOKS["avatar"](each, *size) for each in joints]
    with VideoWriter(path, *size, 25.0) as writer:
        for number in range(round(seconds * 25)):
            writer.write(pictures[number % len(pictures)])
    return path


if __name__ == "__main__":
    main()
