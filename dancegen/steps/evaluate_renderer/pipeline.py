"""frames and people -> scores, on Ray: one row per segment and person, and one per segment of real frames"""

import hashlib
import json
from typing import Any

import numpy as np

from dancegen import schema, storage, tables, tracking
from dancegen.config import to_yaml
from dancegen.engine.table_jobs.stage_at import LazyStage
from dancegen.engine.table_jobs.table_job import TableJob, run_table_job
from dancegen.errors import ConfigError
from dancegen.estimators.base import load_estimator
from dancegen.logs import notify
from dancegen.metrics.video.appearance import CLIP_FRAMES
from dancegen.steps.evaluate_renderer.measures import FRECHET
from dancegen.steps.evaluate_renderer.page import Report, Shown, page
from dancegen.steps.evaluate_renderer.people import NETWORK_METRICS, Rated, rated
from dancegen.steps.evaluate_renderer.scores import MIN_CLIP_SEGMENTS, REAL, Row, Score, compare_clips, summarize
from dancegen.steps.evaluate_renderer.segments import Place, longest, places
from dancegen.steps.evaluate_renderer.settings import EvaluateRendererConfig
from dancegen.steps.evaluate_renderer.stage import STILLS, VIDEO
from dancegen.steps.train_renderer.frames import FOOTAGE
from dancegen.steps.train_renderer.frames import summarize as summarize_frames

EVALUATE_SEGMENTS = LazyStage("dancegen.steps.evaluate_renderer.stage:EvaluateSegments")
SEGMENTS, VIDEOS, SCORES, PAGE = "segments", "videos", "scores", "index.html"  # below the output
MEASURING = ("pose_consistency", "estimator", "perceptual")  # settings that affect the measures


def run(config: EvaluateRendererConfig) -> list[Score]:
    """Score the people, and write scores and page. Segments that were measured before are skipped."""
    config, notes = _with_estimator(config)
    people = rated(config, summarize_frames(config.frames))
    notes += [f"{one.label} {one.note}." for one in people if one.note]
    segments = places(config.frames, config.split, config.segment_frames, config.max_segments)
    shown = _shown(config, segments)
    rows = _rows(config, people, segments, shown)
    _remove_strays(config, rows)
    table = storage.join(config.output, SEGMENTS)
    device = "cuda" if config.gpus_per_actor else "cpu"
    job = TableJob("segments", table, schema.SEGMENT_SCORES, EVALUATE_SEGMENTS, (config, device), {})
    run_table_job(job, rows, config)
    measured = _measured(table, rows, people)
    scores = _scores(config, measured, [one.label for one in people])
    if config.perceptual.kind != "none" and not any(score.metric == FRECHET for score in scores):
        required = f"{MIN_CLIP_SEGMENTS} segments of {CLIP_FRAMES} frames"
        notes.append(f"{FRECHET} is not measured: too few clips. It requires {required}.")
    _write_table(config, people, scores)
    report = Report(config, people, scores, len(segments), sum(each.frames for each in segments), notes)
    _write_page(config, report, people, shown)
    return scores


def _with_estimator(config: EvaluateRendererConfig) -> tuple[EvaluateRendererConfig, list[str]]:
    """The settings without pose consistency when the package of the estimator is missing, and a note on that."""
    if not config.pose_consistency:
        return config, []
    try:
        load_estimator(config.estimator)
    except ConfigError as error:
        if not isinstance(error.__cause__, ModuleNotFoundError):
            raise
        note = f"Pose consistency is not measured: {error}"
        notify(note)
        return config.model_copy(update={"pose_consistency": False}), [note]
    return config, []


def _shown(config: EvaluateRendererConfig, segments: list[Place]) -> list[Place]:
    """The segments on the page, evenly spaced."""
    count = min(config.pictures, len(segments))
    return [segments[number * len(segments) // count] for number in range(count)]


def _rows(
    config: EvaluateRendererConfig, people: list[Rated], segments: list[Place], shown: list[Place]
) -> list[dict[str, Any]]:
    """The input of EvaluateSegments: the real frames, then those of each person; the drift of each comes last."""
    version, rows = _version(config), []
    there = set(storage.find(storage.join(config.output, VIDEOS)))
    played = [(place, 0.0) for place in segments]
    if config.drift_s:
        played.append((longest(config.frames, config.split), config.drift_s))
    for one in (None, *people):
        for place, drift_s in played:
            pictures = _pictures(config, one, place) if one and place in shown and not drift_s else None
            name = f"{place.name}, drift in {drift_s:g} s" if drift_s else place.name
            rows.append(
                {
                    "uri": f"{one.checkpoint_hash if one else REAL}/{name}",
                    "version": version,
                    "person": one and one.uri,
                    "checkpoint_hash": one and one.checkpoint_hash,
                    "segment": name,
                    "video_uri": place.video_uri,
                    "first": place.first,
                    "frames": place.frames,
                    "pictures": pictures,
                    "drift_s": drift_s,
                    "gone": pictures is not None and not {pictures + STILLS, pictures + VIDEO} <= there,
                }
            )
    return rows


def _version(config: EvaluateRendererConfig) -> str:
    """Changes with the frames and with settings that affect the measures; not with the people and their number."""
    files = [*tables.files(config.frames, config.split), *tables.files(config.frames + FOOTAGE)]
    if config.perceptual.kind != "none":
        files += tables.files(config.frames, "train")
    known = [sorted(file.version for file in files), config.model_dump(mode="json", include=set(MEASURING))]
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]


def _pictures(config: EvaluateRendererConfig, one: Rated, place: Place) -> str:
    """URI of the pictures of a segment, without suffix."""
    return storage.join(config.output, VIDEOS, f"{one.checkpoint_hash}-{place.name.replace('@', '-')}")


def _remove_strays(config: EvaluateRendererConfig, rows: list[dict[str, Any]]) -> None:
    """Delete the pictures of segments and people that are not shown in this run."""
    folder = storage.join(config.output, VIDEOS)
    wanted = {row["pictures"] + ending for row in rows if row["pictures"] for ending in (STILLS, VIDEO)}
    storage.delete_files(sorted(set(storage.find(folder, (STILLS, VIDEO))) - wanted))


def _scores(config: EvaluateRendererConfig, measured: list[dict[str, Any]], labels: list[str]) -> list[Score]:
    """The scores of all metrics."""
    clips: dict[str, list[np.ndarray]] = {}
    for row in measured:
        if row["clips"] is not None:
            features = np.frombuffer(row["clips"], "<f4").reshape(row["items"], -1)
            clips.setdefault(row["whose"], []).append(features)
    sums = [
        Row(row["segment"], row["whose"], row["metric"], row["total"], row["items"])
        for row in measured
        if row["metric"] != FRECHET
    ]
    found = summarize(sums, labels, config.seed, config.resamples)
    return found + compare_clips(clips, labels, config.seed, config.resamples)


def _measured(table: str, rows: list[dict[str, Any]], people: list[Rated]) -> list[dict[str, Any]]:
    """The measures of this run's rows, with the label of their person; the table also keeps those of other people and
    segments."""
    wanted = {(row["uri"], row["version"]) for row in rows}
    label = {one.checkpoint_hash: one.label for one in people} | {None: REAL}
    columns = ["uri", "version", "checkpoint_hash", "segment", "metric", "total", "items", "clips", "error"]
    known = [
        row | {"whose": label[row["checkpoint_hash"]]}
        for row in tables.read(table, schema.SEGMENT_SCORES, columns).to_pylist()
        if row["error"] is None and (row["uri"], row["version"]) in wanted
    ]
    if not known:
        raise ConfigError("frames", "gave no segments to score.", f"See {table}, column error.")
    return known


def _write_table(config: EvaluateRendererConfig, people: list[Rated], scores: list[Score]) -> None:
    of = {one.label: one for one in people}
    rows = []
    for score in scores:
        one, difference = of.get(score.whose), score.difference
        rows.append(
            {
                "metric": score.metric,
                "whose": score.whose,
                "person": one and one.uri,
                **score.interval._asdict(),
                "difference": difference and difference.value,
                "difference_low": difference and difference.low,
                "difference_high": difference and difference.high,
                "segments": score.segments,
                "split": config.split,
                "seed": config.seed,
                "seen_in_training": one is not None and one.biased and score.metric in NETWORK_METRICS,
            }
        )
    table = storage.join(config.output, SCORES)
    tables.begin(table, schema.RENDERER_SCORES, {}, overwrite=True)
    tables.write_part(table, schema.table(schema.RENDERER_SCORES, rows), SCORES)


def _write_page(config: EvaluateRendererConfig, report: Report, people: list[Rated], shown: list[Place]) -> None:
    """Write the page, and log it with the scores to MLflow."""
    there = set(storage.find(storage.join(config.output, VIDEOS)))
    pictures = [
        Shown(one.label, place.name, *(f"{VIDEOS}/{storage.name(pictures)}{ending}" for ending in (VIDEO, STILLS)))
        for place in shown
        for one in people
        if (pictures := _pictures(config, one, place)) + VIDEO in there
    ]
    text = page(report, pictures).encode()
    storage.write_bytes(storage.join(config.output, PAGE), text)
    run = tracking.Run(
        uri=config.tracking_uri or tracking.default_uri(config.output),
        experiment=config.experiment,
        key=f"evaluate_renderer {config.output}",
        name="evaluate_renderer",
        parameters=config.model_dump(mode="json"),
        tags={"step": "evaluate_renderer"},
        warn=notify,
    )
    run.artifact("settings.yaml", to_yaml(config).encode())
    run.log({f"{score.whose}/{score.metric}": score.interval.value for score in report.scores}, 0)
    run.artifact(PAGE, text)
    for one in pictures:
        for name in (one.video, one.stills):
            run.artifact(name, storage.read_bytes(storage.join(config.output, *name.split("/"))))
    run.close()
    notify(f"scores in {storage.join(config.output, SCORES)}; page: {storage.join(config.output, PAGE)}")
