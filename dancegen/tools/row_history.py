"""`dancegen logs`: what happened to a row of a table, from the table and from JSON lines (dancegen/logs.py)."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from dancegen import schema, storage, tables
from dancegen.errors import ConfigError, TableError

RAY_LOGS = "ray/session_2*/logs"  # below the folder for temporary files; the rest of the name is the session's time
SHOWN = ("attempts", "error", "note", "wall_s", "video_uri", "output_uri")  # columns, where a table has them
JOB = "job"
COMMON = ("time", "level", "message", JOB, "step", "node", "process", "row", "attempt")  # shown apart from the others

Event = dict[str, Any]


def history(row: str, table: str | None = None, folders: Sequence[str] = ()) -> Iterator[str]:
    """Lines about a row: its record in the table, and its events in the order of their times.

    `row` is the URI of a row, or its end from a slash on. Without `folders`, the logs of Ray on this machine are read.
    Raises ConfigError when nothing is known of the row, TableError for a folder without a table.
    """
    records = _records(table, row) if table else []
    searched = list(folders) or _logs_of_ray()
    events = sorted((one for folder in searched for one in _events(folder, row)), key=lambda one: one["time"])
    if not records and not events:
        places = ", ".join([*filter(None, [table]), *searched]) or "no logs of Ray on this machine"
        remedy = (
            "Name the table (--table), or folders with JSON lines (--logs); their jobs need DANCEGEN_LOG_FORMAT=json."
        )
        raise ConfigError(row, f"was not found in: {places}.", remedy)
    for uri in dict.fromkeys([*(record["uri"] for record in records), *(one["row"] for one in events)]):
        yield uri
        yield from (f"  {table}: {_record(record)}" for record in records if record["uri"] == uri)
        yield from (f"  {_line(one)}" for one in events if one["row"] == uri)


def _records(table: str, row: str) -> list[dict[str, Any]]:
    """The rows of a table with this URI, or else those whose URI ends with it."""
    kind = tables.kind(table)
    columns = next((one for one in schema.SCHEMAS if schema.name_of(one) == kind), None)
    if columns is None or tables.KEY not in columns.names:
        raise TableError(table, f"is a table of {kind}, whose rows have no uri.", "Name the table of a step's inputs.")
    wanted = [tables.KEY, *(name for name in SHOWN if name in columns.names)]
    field = pc.field(tables.KEY)
    ends = pc.ends_with(field, f"/{row}")  # pyright: ignore[reportAttributeAccessIssue]
    found = tables.read(table, columns, wanted, where=field == row).to_pylist()
    return found or tables.read(table, columns, wanted, where=ends).to_pylist()


def _record(record: dict[str, Any]) -> str:
    """The record of a row on one line: how it ended, then the other columns."""
    how = f"set aside: {' '.join(record['error'].split())}" if record.get("error") else "done"
    rest = (name for name in SHOWN if name != "error" and record.get(name) is not None)
    return ", ".join([how, *(f"{name} {_text(record[name])}" for name in rest)])


def _logs_of_ray() -> list[str]:
    """The folders of logs of the sessions of Ray on this machine."""
    base = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
    return [str(folder) for folder in sorted(Path(base).glob(RAY_LOGS))]


def _events(folder: str, row: str) -> Iterator[Event]:
    """The events of a row in the files of a folder. Lines that are not events of dancegen are skipped."""
    written = json.dumps(row)[1:-1]
    for uri in storage.find(folder):
        with storage.reading(uri) as path, open(path, errors="replace") as lines:
            for line in lines:
                event = _event(line) if written in line else None
                if event and (event["row"] == row or event["row"].endswith(f"/{row}")):
                    yield event


def _event(line: str) -> Event | None:
    """The event of a row in a line, which a log collector may have given a prefix; None for another line."""
    try:
        event = json.loads(line[line.index("{") :])
    except ValueError:
        return None
    known = isinstance(event, dict) and all(isinstance(event.get(name), str) for name in ("row", "time", "message"))
    return event if known else None


def _line(event: Event) -> str:
    """An event on one line: when, where and what, then its other values."""
    where = f"{event['time']}  {event.get('node', '-')}  {event.get('step', '-')}  attempt {event.get('attempt', '-')}"
    rest = [f"{name} {_text(value)}" for name, value in event.items() if name not in COMMON and name != "traceback"]
    return f"{where}  {event['message']}: {', '.join([*rest, f'job {event.get(JOB)}'])}"


def _text(value: Any) -> str:
    return " ".join(f"{value:.3g}".split()) if isinstance(value, float) else " ".join(str(value).split())
