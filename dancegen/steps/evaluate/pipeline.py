"""clips and a model -> scores, on Ray: one row per part of the table of clips"""

import tempfile
from pathlib import Path
from typing import Any

import pyarrow.dataset as pads

from dancegen import schema, storage, tables, tracking
from dancegen.checkpoints import checkpoint, header
from dancegen.checkpoints.identity import identity
from dancegen.config import to_yaml
from dancegen.engine.table_jobs.stage_at import LazyStage
from dancegen.engine.table_jobs.table_job import TableJob, run_table_job
from dancegen.errors import ConfigError, TableError
from dancegen.logs import notify
from dancegen.metrics.scores import Danced, Score, score
from dancegen.steps.evaluate.page import page
from dancegen.steps.evaluate.settings import EvaluateConfig
from dancegen.steps.evaluate.stage import PERCEPTUAL, read_dances, write_side_by_side

EVALUATE_CLIPS = LazyStage("dancegen.steps.evaluate.stage:EvaluateClips")
DANCES, PARTS, SCORES, PAGE = "dances", "parts", "scores", "index.html"  # below the output


def run(config: EvaluateConfig) -> list[Score]:
    """Evaluate the dances, and write scores and page. Parts that were evaluated before are skipped."""
    rows, share = _rows(config)
    dances = storage.join(config.output, DANCES)
    tables.begin(dances, schema.DANCES, {}, config.overwrite)
    _remove_strays(dances, rows)
    device = "cuda" if config.gpus_per_actor else "cpu"
    stage_args = (config, dances, share, device)
    table = storage.join(config.output, PARTS)
    job = TableJob("parts", table, schema.EVALUATED, EVALUATE_CLIPS, stage_args, {}, unit="dances")
    run_table_job(job, rows, config)
    notify("computing the scores")
    real, made = _danced(dances)
    scores = score(real, made, config.seed, config.resamples)
    _write(config, scores, len(set(real.songs)), [row["uri"] for row in rows if not row["made"]])
    return scores


def _rows(config: EvaluateConfig) -> tuple[list[dict[str, Any]], float]:
    """The input of EvaluateClips, one row per part of clips; and the share of the clips that is evaluated."""
    networks = (config.checkpoint or checkpoint.shipped(), config.perceptual or checkpoint.shipped_perceptual())
    names = [*(map(str, networks)), *(one for one in (config.heldout, config.cross_modal) if one)]
    choice = " ".join(identity(storage.read_bytes(name))[:16] for name in names)
    tables_of = {False: config.clips, **({True: config.dances} if config.dances else {})}
    if config.dances is None:
        _check_rate(config)
    parts = {made: _parts(config, uri, made) for made, uri in tables_of.items()}
    where = pads.field("split") == config.split
    share = min(1.0, config.max_clips / len(tables.read(config.clips, schema.CLIPS, ["clip_id"], where=where)))
    rows = []
    for made, found in parts.items():
        for part in found:
            version = f"{part.version} {choice} {config.seed} {config.dances_per_clip} {share:.6f} {made}"
            version += " published" if config.published else ""
            rows.append({"uri": part.uri, "version": version, "made": made})
    return rows, share


def _parts(config: EvaluateConfig, uri: str, made: bool) -> list[storage.File]:
    """Parts of a table: of the evaluated split, or all parts of external dances.

    Raises TableError when there are none, or the table has another schema.
    """
    tables.open_dataset(uri, schema.CLIPS)
    found = tables.files(uri, None if made else config.split)
    if not found:
        problem = f"holds no clips of split={config.split}."
        raise TableError(uri, problem, "Run cut-clips with more songs or larger held-out shares, or set another split.")
    return found


def _check_rate(config: EvaluateConfig) -> None:
    """Raise TableError unless all clips have as many poses per second as the model makes."""
    found = sorted(set(tables.read(config.clips, schema.CLIPS, ["fps"])["fps"].to_pylist()))
    wanted = header.read(config.checkpoint or str(checkpoint.shipped()), header.DANCE)["fps"]
    if found != [wanted]:
        problem = (
            f"has clips of {' and '.join(f'{fps:g}' for fps in found)} poses per second; the model makes {wanted:g}."
        )
        raise TableError(
            config.clips, problem, f"Extract poses with fps={wanted:g} and cut them, or evaluate another model."
        )


def _remove_strays(dances: str, rows: list[dict[str, Any]]) -> None:
    """Delete the parts of dances that are not evaluated in this run."""
    wanted = {storage.join(dances, tables.part_name(row["uri"])) for row in rows}
    storage.delete_files(sorted(set(tables.parts(dances)) - wanted))


def _danced(dances: str) -> tuple[Danced, Danced]:
    """The real dances and the generated ones."""
    real, made = (
        read_dances(tables.read(dances, schema.DANCES, where=pads.field("made") == made)) for made in (False, True)
    )
    if not len(real) or not len(made):
        raise ConfigError("clips", "gave no dances to compare.", "See the table of parts, column error.")
    return real, made


def _write(config: EvaluateConfig, scores: list[Score], songs: int, parts: list[str]) -> None:
    """Write the table and the page, and log them to MLflow."""
    rows = [{**vars(one), "seed": config.seed, "seen_in_training": PERCEPTUAL in one.metric} for one in scores]
    table = storage.join(config.output, SCORES)
    tables.begin(table, schema.SCORES, {}, overwrite=True)
    tables.write_part(table, schema.table(schema.SCORES, rows), SCORES)
    files = {PAGE: page(config, scores, songs, shown=bool(config.pictures and not config.dances)).encode()}
    if config.pictures and not config.dances:
        notify("rendering side-by-side images")
        with tempfile.TemporaryDirectory() as folder:
            write_side_by_side(config, parts, Path(folder))
            files |= {file.name: file.read_bytes() for file in Path(folder).iterdir()}
    for name, content in files.items():
        storage.write_bytes(storage.join(config.output, name), content)
    _tell(config, scores, files)
    notify(f"scores in {table}; page: {storage.join(config.output, PAGE)}")


def _tell(config: EvaluateConfig, scores: list[Score], files: dict[str, bytes]) -> None:
    run = tracking.Run(
        uri=config.tracking_uri or tracking.default_uri(config.output),
        experiment=config.experiment,
        key=f"evaluate {config.output}",
        name="evaluate",
        parameters=config.model_dump(mode="json"),
        tags={"step": "evaluate"},
        warn=notify,
    )
    run.artifact("settings.yaml", to_yaml(config).encode())
    run.log({f"{one.whose.replace(' ', '_')}/{one.metric}": one.value for one in scores}, 0)
    for name, content in files.items():
        run.artifact(name, content)
    run.close()
