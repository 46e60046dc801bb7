"""Real videos become people who dance to a song: each step of the second stage, its time, and the scores.

    python benchmarks/real_people.py WORK SONG VIDEO [VIDEO ...] [--updates 2000] [--size 256] [--init-from mia] [--gpu]

Each VIDEO shows one person in front of a still camera; a few seconds suffice for a trial. For each: poses, frames, a
training of about --updates updates, scores on held-out frames, and a dance to SONG. WORK gets a folder per video and
`sheet.png` with frames of all dances; the times and scores are printed as a table. A run that was interrupted goes on
with the same command. On two CPU cores an update takes one to two seconds; three videos on one GPU are meant to take
less than ten minutes with --gpu --updates 1500.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from dancegen.steps.cut_frames import pipeline as cut_frames
from dancegen.steps.cut_frames.settings import CutFramesConfig
from dancegen.steps.evaluate_renderer import pipeline as evaluate_renderer
from dancegen.steps.evaluate_renderer.scores import REAL, Score
from dancegen.steps.evaluate_renderer.settings import EvaluateRendererConfig
from dancegen.steps.extract_poses import pipeline as extract_poses
from dancegen.steps.extract_poses.settings import ExtractPosesConfig
from dancegen.steps.render import one_song
from dancegen.steps.render.settings import DanceConfig
from dancegen.steps.train_renderer import pipeline as train_renderer
from dancegen.steps.train_renderer.frames import summarize
from dancegen.steps.train_renderer.settings import TrainRendererConfig
from dancegen.tools.contact_sheet.run import write_contact_sheet

BATCH = 2
SHORT = {"min_usable_s": 3.0, "max_exposure_drift": 12.0}  # verdict of a trial: clips of seconds, phones that adapt
METRICS = ("psnr_box", "ssim_box", "perceptual_box", "flicker_ring", "flicker_background", "warp_error", "pck_0.2")
STEPS = ("poses", "frames", "training", "scores", "dance")


class Trial(NamedTuple):
    """What became of one video."""

    name: str
    training_frames: int
    seconds: dict[str, float]
    """Wall-clock seconds of each of the STEPS."""
    scores: dict[tuple[str, str], Score]
    """By metric and whose frames."""
    out_of_range: float
    dance: str


def main() -> None:
    """Run all trials, print the table and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("song")
    parser.add_argument("videos", nargs="+", metavar="VIDEO")
    parser.add_argument("--updates", type=int, default=2000)
    parser.add_argument("--size", type=int, default=256, help="height of the frames in pixels; the width follows")
    parser.add_argument("--init-from", default="mia", help="person to fine-tune; 'none' trains from scratch")
    parser.add_argument("--gpu", action="store_true")
    given = parser.parse_args()
    trials = [trial(video, given) for video in given.videos]
    print(markdown(trials))
    write_contact_sheet([each.dance for each in trials], str(given.work / "sheet.png"))


def trial(video: str, given: argparse.Namespace) -> Trial:
    """All steps for one video."""
    folder = (given.work / Path(video).stem).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    listed = folder / "video.txt"
    listed.write_text(f"{Path(video).absolute()}\n")
    seconds: dict[str, float] = {}

    def timed(step: str, run: Callable[[Any], Any], config: Any) -> Any:
        started = time.perf_counter()
        result = run(config)
        seconds[step] = time.perf_counter() - started
        return result

    names = {name: str(folder / name) for name in ("poses", "frames", "person", "scores")}
    timed("poses", extract_poses.run, ExtractPosesConfig(videos=str(listed), poses=names["poses"], fps=30))
    frames: dict[str, Any] = {"poses": names["poses"], "frames": names["frames"], "height_px": given.size}
    frames |= {"width_px": given.size, "person": folder.name, "verdict": SHORT, "gap_s": 0.3}
    timed("frames", cut_frames.run, CutFramesConfig.model_validate(frames))
    person = timed("training", train_renderer.run, training(names["frames"], names["person"], given)).model
    scored = {"frames": names["frames"], "people": person, "output": names["scores"], "segment_frames": 16}
    scored |= {"gpus_per_actor": float(given.gpu), "actors": 1}
    scores = timed("scores", evaluate_renderer.run, EvaluateRendererConfig.model_validate(scored))
    dance = DanceConfig(song=given.song, video=str(folder / "dance.mp4"), look=person, overwrite=True)
    rendered = timed("dance", one_song.run, dance)
    found = {(score.metric, score.whose): score for score in scores}
    windows = summarize(names["frames"]).train
    return Trial(folder.name, windows, seconds, found, rendered.out_of_range_share or 0.0, dance.video)


def training(frames: str, output: str, given: argparse.Namespace) -> TrainRendererConfig:
    """A training of about the given number of updates."""
    updates_per_epoch = max(1, summarize(frames).train // BATCH)
    return TrainRendererConfig.model_validate(
        {
            "frames": frames,
            "output": output,
            "consent": "A trial with footage of a test set; neither weights nor videos are published.",
            "model": {"height_px": given.size, "width_px": given.size},
            "init_from": None if given.init_from == "none" else given.init_from,
            "epochs": max(1, round(given.updates / updates_per_epoch)),
            "batch_size": BATCH,
            "use_gpu": given.gpu,
            "cpus_per_worker": 1,
        }
    )


def markdown(trials: list[Trial]) -> str:
    """Table of times, and table of scores beside those of the real frames."""
    times = [
        f"| {each.name} | {each.training_frames} | "
        + " | ".join(f"{each.seconds[step]:.0f}" for step in STEPS)
        + f" | {each.out_of_range:.0%} |"
        for each in trials
    ]
    scores = [
        f"| {each.name}, {whose} | " + " | ".join(value(each.scores.get((metric, whose))) for metric in METRICS) + " |"
        for each in trials
        for whose in dict.fromkeys(whose for _, whose in sorted(each.scores, key=lambda key: key[1] == REAL))
    ]
    return "\n".join(
        [
            f"| video | training windows | {', s | '.join(STEPS)}, s | poses out of range |",
            f"|{'---|' * (len(STEPS) + 3)}",
            *times,
            "",
            f"|  | {' | '.join(METRICS)} |",
            f"|{'---|' * (len(METRICS) + 1)}",
            *scores,
        ]
    )


def value(score: Score | None) -> str:
    """A score and its interval as text."""
    return f"{score.interval.value:.3g} ({score.interval.low:.2g} to {score.interval.high:.2g})" if score else ""


if __name__ == "__main__":
    main()
