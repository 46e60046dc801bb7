"""Summary of a table step: rows done, their cost, and why rows were set aside."""

import math
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from dancegen.engine.table_jobs.settings import Parallel
from dancegen.errors import TooManyBadRowsError

TOLD = 3  # kinds of reasons that are shown; the table has all of them
LONGEST = 240  # characters of a reason


@dataclass(frozen=True)
class SetAside:
    """A row without a result."""

    uri: str
    error: str
    judged: bool = False  # its content was checked and found unusable: nothing failed

    @property
    def reason(self) -> str:
        """The error on one line, without the name of the file or row at its start."""
        subject, colon, rest = self.error.partition(": ")
        text = rest if colon and (subject == self.uri or "/" in subject) else self.error
        return " ".join(text.split())


@dataclass
class Summary:
    """Result of a table step, or its state so far."""

    label: str  # what a row is, in the plural
    table: str
    rows: int
    done_before: int
    parallel: Parallel
    quarantined: list[SetAside] = field(default_factory=list)
    unit: str = ""
    tolerant: bool = False  # a later step reports the bad rows
    units: float = 0.0
    busy_s: float = 0.0
    set_aside: list[SetAside] = field(default_factory=list)
    done_now: int = 0
    bugs: int = 0
    seconds: float = 0.0

    @property
    def bad(self) -> int:
        """Rows without a result: those that failed now, and those in quarantine."""
        return len(self.set_aside) + len(self.quarantined)

    @property
    def left(self) -> int:
        """Rows that are still to do."""
        return self.rows - self.bad - self.done_before - self.done_now

    def __str__(self) -> str:
        before = f" ({self.done_before:,} done before)" if self.done_before else ""
        lines = [
            f"{self.rows - self.bad:,} of {self.rows:,} {self.label} done{before} in {self.seconds:.0f} s: {self.table}"
        ]
        if self.busy_s:
            lines.append(f"  {self._throughput()}{self._cost()}")
        if self.bad:
            count = len(self.quarantined)
            kept = f" ({count:,} in quarantine: they failed in earlier runs)" if count else ""
            lines.append(_counted(self.bad, self.rows, self.label, self.table, kept))
            lines += [] if self.tolerant else _most_frequent([*self.set_aside, *self.quarantined])
        return "\n".join(lines)

    def check(self) -> None:
        """Raise TooManyBadRowsError when more rows than `max_error_fraction` ended with an error."""
        done = self.rows - self.bad
        failed = [row for row in (*self.set_aside, *self.quarantined) if not (row.judged and done)]
        allowed = self.parallel.max_error_fraction
        if self.tolerant or len(failed) <= allowed * self.rows:
            return
        enough = math.ceil(100 * len(failed) / self.rows) / 100
        raise TooManyBadRowsError(
            self.table,
            f"{len(failed):,} of {self.rows:,} {self.label} ended with an error; the first: {failed[0].error}",
            f"{done:,} are done and stay usable. "
            f"If this is expected, set max_error_fraction={enough:g} (now {allowed:g}).",
        )

    def so_far(self) -> str:
        """What is done, for the message when the job ends early."""
        return f"{self.rows - self.bad - self.left:,} of {self.rows:,} {self.label} are done and kept in {self.table}"

    def numbers(self) -> dict[str, Any]:
        """The state so far, for JSON lines."""
        done = {"done": self.done_now, "done_before": self.done_before, "set_aside": self.bad, "left": self.left}
        amount = {"units": self.units, "unit": self.unit} if self.unit else {}
        return {"table": self.table, **done, **amount, "seconds": round(self.seconds, 3)}

    def postfix(self) -> str:
        """Text of the progress bar besides rows: the rate in the job's unit, and how many rows were set aside."""
        rate = f"{self.units / max(self.seconds, 1e-9):,.0f} {self.unit}/s" if self.unit else ""
        bad = f"{self.bad:,} set aside" if self.bad else ""
        return ", ".join(filter(None, (rate, bad)))

    def _throughput(self) -> str:
        if not self.unit:
            return ""
        return f"{self.units:,.0f} {self.unit}, {self.units / max(self.seconds, 1e-9):,.0f} per second; "

    def _cost(self) -> str:
        """CPU and GPU hours reserved while rows were processed, and their cost where prices are known."""
        hours, parallel = self.busy_s / 3600, self.parallel
        cpus, gpus = hours * parallel.cpus_per_actor, hours * parallel.gpus_per_actor
        money = cpus * parallel.price_per_cpu_hour + gpus * parallel.price_per_gpu_hour
        gpu_text = f", {gpus:.3g} GPU hours" if gpus else ""
        return f"{cpus:.3g} CPU hours{gpu_text}" + (f", cost {money:,.2f}" if money else "")


def describe(rows: list[SetAside], count: int, label: str, table: str) -> str:
    """How many of `count` rows were set aside, and why."""
    return "\n".join([_counted(len(rows), count, label, table), *_most_frequent(rows)])


def _counted(bad: int, count: int, label: str, table: str, kept: str = "") -> str:
    return f"{bad:,} of {count:,} {label} set aside{kept}; reasons in {table}, column error"


def _most_frequent(rows: list[SetAside]) -> list[str]:
    """A line for each of the most frequent kinds of reasons, with its count and an example; one for the rest."""
    kinds: dict[str, list[SetAside]] = defaultdict(list)
    for row in rows:
        kinds[_kind(row.reason)].append(row)
    ordered = sorted(kinds.values(), key=len, reverse=True)
    lines = [f"  {len(alike):,} x {_shortened(alike[0].reason)} Example: {alike[0].uri}" for alike in ordered[:TOLD]]
    rest = ordered[TOLD:]
    return [*lines, f"  {sum(map(len, rest)):,} x {len(rest):,} other reasons"] if rest else lines


def _kind(reason: str) -> str:
    """The reason with `*` for what differs from row to row: numbers, quoted text, and file names."""
    return re.sub(r"\S*/\S+|'[^']*'|\d+([.,:]\d+)*", "*", reason)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 4].rstrip() + " ..."
