"""Jobs of a Ray cluster: their list, their logs, and how they are stopped."""

import asyncio
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import click

from dancegen import stopping
from dancegen.engine.cluster.client import connect, explained
from dancegen.engine.cluster.internals import JOB_LOG_FOLLOWS
from dancegen.errors import ClusterError

RETRY_S = 1.0
LOST = "If it is lost, run the same command again once there is a cluster: the job resumes from what is done."
STEP = "dancegen_step"  # in a job's metadata


def listed(address: str) -> Iterator[str]:
    """A line for each submitted job, the newest first: id, status, step, start and duration."""
    client = connect(address)
    with explained(address):
        jobs = [job for job in client.list_jobs() if job.submission_id]
    for job in sorted(jobs, key=lambda job: job.start_time or 0, reverse=True):
        step, times = (job.metadata or {}).get(STEP, "-"), _times(job.start_time, job.end_time)
        yield f"{job.submission_id:<26} {job.status.value:<9} {step:<20} {times}".rstrip()


def _times(start_ms: int | None, end_ms: int | None) -> str:
    if not start_ms:
        return ""
    seconds = (end_ms / 1000 if end_ms else time.time()) - start_ms / 1000
    return f"{time.strftime('%Y-%m-%d %H:%M', time.localtime(start_ms / 1000))}  {timedelta(seconds=round(seconds))}"


def stop(address: str, job: str) -> bool:
    """Stop a job. Returns whether it was running. Raises ClusterError for a job that the cluster does not have."""
    client = connect(address)
    _details(client, address, job)
    with explained(address):
        return client.stop_job(job)


def follow(address: str, job: str) -> int:
    """Write a job's log until the job has ended. Returns its exit code, as of `follow_with`."""
    client = connect(address)
    _details(client, address, job)
    return follow_with(client, address, job)


def follow_with(client: Any, address: str, job: str) -> int:
    """Write a job's log until the job has ended. Returns the job's exit code, or 1 when it was ended from outside.

    Ctrl-C asks on a terminal whether the job shall be stopped too; otherwise, and on SIGTERM, it continues.
    """
    try:
        following = f"dancegen jobs follow {address} {job}"
        with explained(address, f"If the head is running, so is the job: {following}. {LOST}"):
            status = asyncio.run(_tail(client, job))
            details = client.get_job_info(job)
    except KeyboardInterrupt as interrupt:
        _on_interrupt(client, address, job, interrupt)
        return stopping.exit_code(interrupt) or stopping.INTERRUPTED
    if status == "SUCCEEDED":
        return 0
    reason = (details.message or "").split("\n")[0].removesuffix(JOB_LOG_FOLLOWS)
    say(f"{address}: job {job} ended with status {status}. {reason}")
    code = details.driver_exit_code
    return code if code is not None and 0 < code < 256 else 1


def _on_interrupt(client: Any, address: str, job: str, interrupt: KeyboardInterrupt) -> None:
    """Stop the job if the user wants it, and say what it does now."""
    wanted = False
    if sys.stdin.isatty() and not isinstance(interrupt, stopping.Terminated):
        try:
            wanted = click.confirm(f"\nStop job {job} too? Without it, the job continues.", default=False, err=True)
        except click.Abort:  # Ctrl-C again
            wanted = False
    if wanted:
        with explained(address):
            client.stop_job(job)
        say(f"Job {job} is being stopped. What is done is kept; the same command resumes.")
    else:
        commands = f"dancegen jobs follow {address} {job}, dancegen jobs stop {address} {job}"
        say(f"Stopped following the log. The job continues: {commands}")


def _details(client: Any, address: str, job: str) -> Any:
    with explained(address):
        known = {one.submission_id: one for one in client.list_jobs()}
    if job not in known:
        raise ClusterError(job, f"is not a job of {address}.", f"List its jobs: dancegen jobs list {address}")
    return known[job]


async def _tail(client: Any, job: str) -> str:
    """Write the job's log as it arrives, until the job has ended. Returns the status: "SUCCEEDED" or another."""
    from aiohttp import ClientError

    written = 0  # characters: after a broken connection the log starts again
    while True:
        seen = 0
        try:
            async for text in client.tail_job_logs(job):
                seen += len(text)
                if seen > written:
                    sys.stdout.write(text[written - seen :])
                    sys.stdout.flush()
                    written = seen
        except (RuntimeError, ClientError):
            pass  # the status is checked next
        status = client.get_job_status(job)
        if status.is_terminal():
            return status.value
        await asyncio.sleep(RETRY_S)


def say(text: str) -> None:
    """Print a message for the user, besides the job's log."""
    sys.stderr.write(text.rstrip() + "\n")
