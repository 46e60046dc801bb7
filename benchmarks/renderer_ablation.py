"""Ablation of the second stage: our defaults, the published recipe, and the defaults without each of their parts.

    python benchmarks/renderer_ablation.py FRAMES WORK [--minutes 5] [--height 128 --width 96] [--narrow 2]
        [--rows NAME ...] [--results FOLDER] [--gpu]

FRAMES is a table of cut-frames. Every row is trained on it for the same time: CPU time of the process, or time of the
GPU (--gpu). WORK gets the reduced frames, a person per row, and the output of evaluate-renderer. A row that is there
already is not trained again, so rows can be trained in several calls. Without --height and --width the frames
keep their size. On two cores: --height 128 --width 96 --narrow 2; at full size: --gpu --minutes 2.

The rows are then scored by evaluate-renderer on the test split, with intervals over its segments and differences from
the first row. --results gets renderer_ablation.md and renderer_ablation.jpg, a line of pictures per row.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from reduced_frames import reduce_frames

from dancegen import tables
from dancegen.checkpoints import header
from dancegen.checkpoints import person as people
from dancegen.renderer.image_features import load_features
from dancegen.renderer.networks.person_generator import PersonGenerator
from dancegen.renderer.settings import DEFAULT, PAPER, RendererConfig
from dancegen.steps.evaluate_renderer import pipeline
from dancegen.steps.evaluate_renderer.scores import REAL, Score
from dancegen.steps.evaluate_renderer.segments import places, read_plate, read_segment
from dancegen.steps.evaluate_renderer.settings import EvaluateRendererConfig
from dancegen.steps.evaluate_renderer.stage import generate
from dancegen.steps.train_renderer.footage import measure_footage, person_of
from dancegen.steps.train_renderer.frames import FrameBatch, Frames, summarize
from dancegen.steps.train_renderer.settings import TrainRendererConfig
from dancegen.steps.train_renderer.training import RendererTraining, rollout
from dancegen.training.clips import Shard, shard_indices
from dancegen.training.prefetch import ahead

BATCH = {"paper": 1, "paper_small": 1}  # as published; the others have that of configs/train_renderer.yaml
NO_MATTE = {"matte": 0.0, "matte_final": 0.0, "matte_entropy": 0.0}
ROWS: dict[str, tuple[RendererConfig, dict[str, Any]]] = {
    "default": (DEFAULT, {}),
    "paper": (PAPER, {}),
    "paper_small": (PAPER, {"generator": DEFAULT.generator, "discriminator": {"width": DEFAULT.discriminator.width}}),
    "no_previous_frame": (DEFAULT, {"previous_frame": False, "losses": {"warp": 0.0}}),
    "no_matte": (DEFAULT, {"matte": False, "losses": NO_MATTE}),
    "one_frame_discriminator": (DEFAULT, {"discriminator": {"two_frame": False}}),
    "stick_figure": (DEFAULT, {"condition": {"kind": "stick_figure"}}),
    "no_perceptual": (DEFAULT, {"losses": {"perceptual": 0.0}}),
    "no_warp": (DEFAULT, {"losses": {"warp": 0.0}}),
}
ABOUT = {
    "default": "ours",
    "paper": "the published recipe with its networks, batch 1",
    "paper_small": "the published recipe with the generator and the width of ours, batch 1",
    "no_previous_frame": "ours without the previous picture as an input, and so without the warp loss",
    "no_matte": "ours without matte and plate: the generator also draws the background",
    "one_frame_discriminator": "ours with a discriminator of single pictures",
    "stick_figure": "ours with a drawn figure instead of a map per limb",
    "no_perceptual": "ours without the perceptual loss",
    "no_warp": "ours without the warp loss",
}
METRICS = (
    *("psnr_box", "ssim_box", "perceptual_box", "gmsd_box", "flicker_ring", "flicker_background", "warp_error"),
    *("pck_0.1", "pck_0.2", "detected", "frechet_clips", "sharpness_ratio"),
)
LEARNT_BATCH, PICTURES, PICTURE_PX = 4, 6, 128  # of the contact sheet


def main() -> None:
    """Train what is missing, score, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames")
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, default=5.0, help="training time of a row")
    parser.add_argument("--height", type=int, help="height of the pictures in pixels")
    parser.add_argument("--width", type=int, help="width of the pictures in pixels")
    parser.add_argument("--narrow", type=int, default=1, help="factor by which the networks have fewer channels")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--segment-frames", type=int, default=24)
    parser.add_argument("--max-segments", type=int, default=200)
    parser.add_argument("--drift-s", type=float, default=60.0, help="length of the video whose drift is measured")
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--results", type=Path, help="folder of the results; without it rows are trained only")
    given = parser.parse_args()
    frames = given.frames
    if given.height and given.width:
        frames = str(given.work / "frames")
        if not tables.is_table(frames):
            reduce_frames(given.frames, given.height, given.width, frames)
    for row in given.rows:
        path = given.work / row / "person.safetensors"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            train_row(row, frames, path, given)
    if given.results:
        write_results(frames, given)


def settings_of(row: str, frames: str, narrow: int) -> TrainRendererConfig:
    """The settings of a row: its preset at the size of the frames, with its changes, and narrower networks."""
    preset, changes = ROWS[row]
    data, values = summarize(frames), preset.model_dump()
    for name, value in changes.items():
        if isinstance(value, dict):
            values[name] |= value
        else:
            values[name] = value if isinstance(value, bool) else value.model_dump()
    for network in ("generator", "discriminator"):
        values[network]["width"] //= narrow
    values |= {"height_px": data.height_px, "width_px": data.width_px}
    return TrainRendererConfig(
        frames=frames,
        consent="A benchmark: see the licence of the footage.",
        model=RendererConfig.model_validate(values),
        batch_size=BATCH.get(row, LEARNT_BATCH),
        perceptual={"kind": "none"} if values["losses"]["perceptual"] == 0 else {},  # pyright: ignore[reportArgumentType]
    )


def train_row(row: str, frames: str, path: Path, given: argparse.Namespace) -> None:
    """Train a row for its time and save its person: the last weights, averaged if the row averages."""
    config, limit = settings_of(row, frames, given.narrow), 60 * given.minutes
    device = torch.device("cuda" if given.gpu else "cpu")
    features = load_features(config.perceptual).to(device) if config.compares_features else None
    training = RendererTraining(config.model, given.seed, 1, wrap=lambda network: network.to(device), features=features)
    learnt = Frames(frames, "train")
    spent, clock = 0.0, gpu_clock if given.gpu else time.process_time
    started = clock()
    for batch in batches(learnt, config, given.seed, lambda: training.progress):
        training.step(batch.to(device))
        spent = clock() - started
        training.total = max(1, round(training.updates * limit / spent))  # the schedules follow the time
        if spent >= limit:
            break
    card = {
        "settings": config.model_dump(mode="json"),
        "data_hash": summarize(frames).data_hash,
        "updates": training.updates,
        "epoch": round(training.updates * config.batch_size / len(learnt), 1),
        "seconds": round(spent),
    }
    generator = PersonGenerator(config.model)
    generator.load_state_dict({name: value.cpu() for name, value in training.saved_weights().items()})
    people.save(path, person_of(config, measure_footage(frames), generator, card))
    print(f"{row}: {training.updates:,} updates of {config.batch_size}, {card['epoch']} epochs", flush=True)


def gpu_clock() -> float:
    """Seconds, when the GPU has done all that it was given."""
    torch.cuda.synchronize()
    return time.perf_counter()


def batches(
    learnt: Frames, config: TrainRendererConfig, seed: int, progress: Callable[[], float]
) -> Iterator[FrameBatch]:
    """Shuffled windows without end, which grow with the progress as in train-renderer."""

    def endless() -> Iterator[FrameBatch]:
        for epoch in count():
            order = shard_indices([len(learnt)], Shard(0, 1, config.batch_size, seed, epoch))[:, 1]
            for first in range(0, len(order), config.batch_size):
                length = 1 + (rollout(progress()) if config.model.previous_frame else 1)
                yield learnt.batch(learnt.starts[order[first : first + config.batch_size]], length)

    yield from ahead(endless())


def write_results(frames: str, given: argparse.Namespace) -> None:
    """Score the rows, and write table and contact sheet."""
    paths = [str(given.work / row / "person.safetensors") for row in given.rows]
    config = EvaluateRendererConfig.model_validate(
        {
            "frames": frames,
            "people": paths,
            "output": str(given.work / "scores"),
            "segment_frames": given.segment_frames,
            "max_segments": given.max_segments,
            "drift_s": given.drift_s,
            "pictures": 2,
            "actors": 1,
            "gpus_per_actor": float(given.gpu),
            "max_error_fraction": 0,
        }
    )
    scores = pipeline.run(config)
    given.results.mkdir(parents=True, exist_ok=True)
    abouts = {row: header.read(path, header.PERSON) for row, path in zip(given.rows, paths, strict=True)}
    (given.results / "renderer_ablation.md").write_text(markdown(scores, abouts, given))
    sheet = contact_sheet(config, dict(zip(given.rows, paths, strict=True)))
    cv2.imwrite(str(given.results / "renderer_ablation.jpg"), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])


def markdown(scores: list[Score], abouts: dict[str, dict[str, Any]], given: argparse.Namespace) -> str:
    """Tables of the rows, of their scores, and of the differences from the first row."""
    first = next(iter(abouts))
    size = f"{abouts[first]['width_px']}x{abouts[first]['height_px']}"
    unit = "of GPU time" if given.gpu else "of CPU time"
    found = {(score.whose, score.metric): score for score in scores}
    known = [metric for metric in METRICS if (first, metric) in found]
    segments = max(score.segments for score in scores)
    rows = [
        f"| {row} | {ABOUT[row]} | {about['card']['updates']:,} | {about['card']['epoch']} |"
        for row, about in abouts.items()
    ]
    values = [
        f"| {whose} | " + " | ".join(cell(found.get((whose, metric)), "interval") for metric in known) + " |"
        for whose in (REAL, *abouts)
    ]
    differences = [
        f"| {row} | " + " | ".join(cell(found.get((row, metric)), "difference") for metric in known) + " |"
        for row in list(abouts)[1:]
    ]
    heads = f"|  | {' | '.join(known)} |\n|---{'|---' * len(known)}|"
    return "\n".join(
        [
            f"{size} pixels, channels divided by {given.narrow}, {given.minutes:g} minutes {unit} per row, seed "
            f"{given.seed}; {segments} held-out segments of at most {given.segment_frames} frames.\n",
            "|  | recipe | updates | epochs |\n|---|---|---|---|",
            *rows,
            "\nScores with 95 % intervals over the segments. `real`: the same of the real frames.\n",
            heads,
            *values,
            f"\nDifferences from {first}, over the same segments; bold where the interval excludes 0.\n",
            heads,
            *differences,
            "",
        ]
    )


def cell(score: Score | None, name: str) -> str:
    """A value and its interval as text."""
    found = getattr(score, name) if score else None
    if found is None:
        return ""
    text = f"{found.value:.3g} ({found.low:.2g} to {found.high:.2g})"
    return f"**{text}**" if name == "difference" and (found.low > 0 or found.high < 0) else text


def contact_sheet(config: EvaluateRendererConfig, paths: dict[str, str]) -> np.ndarray:
    """RGB picture (H, W, 3): a line of real frames, and one of each row's; the last frames of PICTURES segments."""
    segments = places(config.frames, config.split, config.segment_frames, PICTURES)
    read = [read_segment(config.frames, place) for place in segments]
    plates = [read_plate(config.frames, place.video_uri) for place in segments]
    lines = [named(REAL, [segment.real[-1] for segment in read])]
    for row, path in paths.items():
        person = people.load_person(path)
        made = [generate(replace(person, plate=plate), each)[-1] for plate, each in zip(plates, read, strict=True)]
        lines.append(named(row, made))
    return np.vstack(lines)


def named(name: str, frames: list[np.ndarray]) -> np.ndarray:
    """Frames side by side, with the name of their row above them."""
    scale = PICTURE_PX / frames[0].shape[0]
    line = cv2.resize(np.hstack(frames), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    title = np.full((16, line.shape[1], 3), 255, np.uint8)
    cv2.putText(title, name, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([title, line])


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
