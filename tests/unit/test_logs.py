"""JSON lines of a job, and what `dancegen logs` finds in them."""

import contextlib
import importlib
import io
import json
import logging
import sys
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from ray import cloudpickle

from dancegen import logs, schema, tables
from dancegen.cli import main
from dancegen.engine.table_jobs.job import SHARD, TableJob
from dancegen.engine.table_jobs.row_actor import RowActor, actor_arguments
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.errors import ConfigError

GOOD, BROKEN = "/songs/good.wav", "/songs/bröken.wav"


class Stage:
    """Good rows, and rows with an error, by their names."""

    def __call__(self, table):
        (row,) = table.to_pylist()
        error = f"{row['uri']}: is broken. Mend it." if row["uri"] == BROKEN else None
        return schema.table(schema.CUTS, [{"uri": row["uri"], "version": row["version"], "clips": 7, "error": error}])


@pytest.fixture(autouse=True)
def text_afterwards(monkeypatch):
    monkeypatch.setenv("MLFLOW_CONFIGURE_LOGGING", "true")  # restored afterwards
    yield
    root = logging.getLogger()
    kept = [one for one in root.handlers if type(one).__name__ != "_Stderr"]
    root.handlers = kept
    logging.captureWarnings(False)
    sys.excepthook = sys.__excepthook__
    logs.join(logs.Job())


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_message_is_text_without_the_variable(monkeypatch, capsys):
    monkeypatch.delenv(logs.VARIABLE, raising=False)
    logs.begin("render")
    logs.notify("starting 2 workers", workers=2)
    logs.event("row started", row=GOOD)
    assert capsys.readouterr().err == "starting 2 workers\n"


def test_a_message_is_one_json_object_with_its_job_step_node_and_values(monkeypatch, capsys):
    monkeypatch.setenv(logs.VARIABLE, "json")
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    importlib.import_module("mlflow")  # it sets up a logger of its own
    logs.begin("train-dance")
    logs.notify("two\nlines", logging.WARNING, losses={"l1": float("nan")}, rank=None)
    logging.getLogger("mlflow").error("no server")  # once a run was tracked, its warnings are off
    ours, foreign = lines(capsys.readouterr().err)
    assert datetime.fromisoformat(ours.pop("time")).utcoffset().total_seconds() == 0
    assert ours.pop("node")
    assert ours.pop("process")
    about = {"job": "slurm-17", "step": "train-dance"}
    assert ours == {"level": "WARNING", "message": "two\nlines", **about, "losses": {"l1": "nan"}}
    assert (foreign["logger"], foreign["message"]) == ("mlflow", "no server")


def test_another_format_is_refused(monkeypatch):
    monkeypatch.setenv(logs.VARIABLE, "yaml")
    with pytest.raises(ConfigError, match=r"DANCEGEN_LOG_FORMAT: is 'yaml'\. Set text or json"):
        logs.begin("render")


def test_an_error_of_a_step_is_an_event_with_the_exit_code(monkeypatch, tmp_path):
    monkeypatch.setenv(logs.VARIABLE, "json")
    done = CliRunner().invoke(main, ["render", f"songs={tmp_path / 'none'}", f"output={tmp_path / 'out'}"])
    (event,) = lines(done.stderr)
    assert (event["level"], event["exit_code"], done.exit_code) == ("ERROR", 2, 2)


def test_a_bug_is_an_event_with_its_traceback(monkeypatch, capsys):
    monkeypatch.setenv(logs.VARIABLE, "json")
    logs.begin("render")
    try:
        raise KeyError("joints")
    except KeyError as error:
        sys.excepthook(KeyError, error, error.__traceback__)
    (event,) = lines(capsys.readouterr().err)
    assert event["level"] == "CRITICAL"
    assert event["traceback"].endswith("KeyError: 'joints'")


@pytest.fixture(scope="module")
def processed(tmp_path_factory) -> tuple[str, Path]:
    """A table of a good and a broken row, and a folder with the lines of the actor that made it."""
    tmp_path, written = tmp_path_factory.mktemp("processed"), io.StringIO()
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    table = str(tmp_path / "cuts")
    job = TableJob("songs", table, schema.CUTS, Stage, (), {})
    tables.begin(table, schema.CUTS, {})
    logs.join(logs.Job("raysubmit_1", "cut-clips", json=True))
    rows = [{"uri": uri, "version": "1", "attempts": 2, SHARD: 3} for uri in (GOOD, BROKEN)]
    with contextlib.redirect_stderr(written):
        actor = RowActor(*actor_arguments(job, Parallel()))
        actor.run(rows, at_most_s=60, again=False)
    actor._process.close()
    logs.join(logs.Job())
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "worker-1.err").write_text(f"a line of Ray\n{written.getvalue()}{{not json {GOOD}\n")
    return table, folder


def test_an_actor_logs_the_start_and_the_end_of_a_row(processed):
    _, folder = processed
    events = lines("".join((folder / "worker-1.err").read_text().splitlines(keepends=True)[1:-1]))
    assert [(one["row"], one["message"]) for one in events] == [
        (uri, message) for uri in (GOOD, BROKEN) for message in ("row started", "row ended")
    ]
    assert {(one["job"], one["step"], one["shard"], one["attempt"]) for one in events} == {
        ("raysubmit_1", "cut-clips", 3, 2)
    }
    assert [one.get("outcome") for one in events] == [None, "done", None, "failed"]
    assert events[3]["error"] == f"{BROKEN}: is broken. Mend it."
    assert events[3]["level"] == "WARNING"


def test_logs_prints_the_record_and_the_events_of_a_row_given_by_its_end(processed):
    table, folder = processed
    done = CliRunner().invoke(main, ["logs", "bröken.wav", "--table", table, "--logs", str(folder)])
    row, record, started, ended = done.stdout.splitlines()
    assert row == BROKEN
    assert record == f"  {table}: set aside: {BROKEN}: is broken. Mend it., attempts 2"
    assert "cut-clips  attempt 2  row started: " in started
    assert "outcome failed" in ended
    assert "is broken" in ended
    assert ended.endswith("job raysubmit_1")


def test_logs_of_ray_on_this_machine_are_read_unless_others_are_named(processed, monkeypatch, tmp_path):
    _, folder = processed
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    (tmp_path / "ray" / "session_2026-11-28").mkdir(parents=True)
    (tmp_path / "ray" / "session_2026-11-28" / "logs").symlink_to(folder)
    done = CliRunner().invoke(main, ["logs", GOOD])
    assert next(line.strip() for line in done.stdout.splitlines()) == GOOD
    assert done.stdout.count("attempt 2") == 2


def test_a_row_of_which_nothing_is_known_is_an_error(processed):
    table, folder = processed
    done = CliRunner().invoke(main, ["logs", "other.wav", "--table", table, "--logs", str(folder)])
    assert done.exit_code == 2
    assert f"other.wav: was not found in: {table}, {folder}." in done.stderr
