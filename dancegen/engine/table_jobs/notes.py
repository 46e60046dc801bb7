"""Reports the notes on good rows at the end of a step."""

from typing import Any

from dancegen import tables
from dancegen.engine.table_jobs.table_job import TableJob
from dancegen.logs import notify


def print_notes(job: TableJob, rows: list[dict[str, Any]]) -> None:
    """Print how many of the rows have a note, and the first one. The job's table must have a column `note`."""
    if not tables.parts(job.table):
        return
    uris = {row["uri"] for row in rows}
    known = tables.read(job.table, job.schema, ["uri", "note"]).to_pylist()
    noted = sorted((row["uri"], row["note"]) for row in known if row["note"] and row["uri"] in uris)
    if noted:
        first = f"the first: {noted[0][0]}: {noted[0][1]}"
        text = f"{len(noted):,} of {len(uris):,} {job.label} have a note ({job.table}, column note); {first}"
        notify(text)
