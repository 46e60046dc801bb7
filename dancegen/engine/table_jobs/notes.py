"""Reports the notes on good rows at the end of a step."""

from collections.abc import Container

from dancegen import tables
from dancegen.engine.table_jobs.table_job import TableJob
from dancegen.logs import notify


def print_notes(job: TableJob, uris: Container[str]) -> None:
    """Print how many of the rows have a note, and the first one. The job's table must have a column `note`."""
    if not tables.parts(job.table):
        return
    count, first = 0, None
    for rows in tables.batches(job.table, job.schema, ["uri", "note"]):
        for row in rows.filter(rows["note"].is_valid()).to_pylist():
            if row["note"] and row["uri"] in uris:
                count += 1
                first = min(filter(None, (first, (row["uri"], row["note"]))))
    if first is not None:
        text = f"{count:,} {job.label} have a note ({job.table}, column note); the first: {first[0]}: {first[1]}"
        notify(text)
