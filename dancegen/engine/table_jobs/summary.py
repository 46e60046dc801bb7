"""Summary of a table step: rows done, their cost, and why rows were set aside."""

import math
import re
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from dancegen.engine.prices import ActorPrice
from dancegen.engine.table_jobs.cost import Spending
from dancegen.engine.table_jobs.job import Status
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.errors import TooManyBadRowsError

TOLD = 3  # kinds of reasons that are shown; the table has all of them
LONGEST = 240  # characters of a reason
FORECAST_FROM = 5  # rows per actor: among the first ones to end, short rows are too many


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
    opened: int = 0  # rows of the shards that were opened: of these it is known what is left
    spending: Spending = field(default_factory=Spending)
    price: ActorPrice = field(default_factory=lambda: ActorPrice(0.0))
    times: Counter[str] = field(default_factory=Counter)  # seconds of the rows' work, by stage
    counts: Counter[str] = field(default_factory=Counter)  # rows with a flag, by the words for them
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

    @property
    def expected(self) -> float:
        """Rows that are still to do, if the shards that were not opened are done in the share of the others."""
        unopened = self.rows - self.opened
        known = self.left - unopened
        return known + unopened * (1 - self.done_before / self.opened if self.opened else 1.0)

    def count(self, status: Status) -> None:
        """Count a row that ended."""
        self.units += status["units"]
        self.times.update(status["times"])
        self.counts.update(status["counts"])
        self.spending.row_ended(status["busy_s"], status["error"] is not None)
        if status["error"] is not None:
            self.set_aside.append(SetAside(status["uri"], status["error"], status["judged"]))
        else:
            self.done_now += 1
        self.bugs += status["trace"] is not None

    def __str__(self) -> str:
        before = f" ({self.done_before:,} done before)" if self.done_before else ""
        done = f"{self.done_before + self.done_now:,} of {self.rows:,} {self.label} done"
        lines = [f"{done}{before} in {self.seconds:.0f} s: {self.table}"]
        if self.spending.rows_s:
            lines += [f"  {self._throughput()}{self._cost()}", f"  {self._use()}"]
        lines += [f"  {count:,} {words}" for words, count in self.counts.items() if count]
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

    def cost(self) -> float:
        """What the job has cost so far."""
        return self.price.of(self.spending.held_s(time.monotonic()))

    def so_far(self) -> str:
        """What is done, for the message when the job ends early."""
        return f"{self.done_before + self.done_now:,} of {self.rows:,} {self.label} are done and kept in {self.table}"

    def numbers(self) -> dict[str, Any]:
        """The state so far, for JSON lines."""
        done = {"done": self.done_now, "done_before": self.done_before, "set_aside": self.bad, "left": self.left}
        amount = {"units": self.units, "unit": self.unit} if self.unit else {}
        return {"table": self.table, **done, **amount, "seconds": round(self.seconds, 3)}

    def postfix(self) -> str:
        """Text of the progress bar besides rows: the rate in the job's unit, rows set aside, cost of the rest."""
        rate = f"{self.units / max(self.seconds, 1e-9):,.0f} {self.unit}/s" if self.unit else ""
        bad = f"{self.bad:,} set aside" if self.bad else ""
        rest = self.rest(self.spending.running) if self.spending.rows >= FORECAST_FROM * self.spending.most else ""
        return ", ".join(filter(None, (rate, bad, rest and f"left: {rest}")))

    def rest(self, actors: int) -> str:
        """Time that so many actors need for the rows that are left, and their cost; empty when it is not known."""
        if not self.left or not actors or (seconds := self.spending.rest_s(self.expected)) is None:
            return ""
        hours = "{:.2g} to {:.2g} h".format(*(each / actors / 3600 for each in seconds))
        return f"{hours}, {self.price.text(*map(self.price.of, seconds))}" if self.price.per_hour else hours

    def _throughput(self) -> str:
        if not self.unit:
            return ""
        return f"{self.units:,.0f} {self.unit}, {self.units / max(self.seconds, 1e-9):,.0f} per second; "

    def _cost(self) -> str:
        """CPU and GPU hours that actors held, and their cost where prices are known."""
        held_s, parallel = self.spending.held_s(time.monotonic()), self.parallel
        cpus, gpus = held_s / 3600 * parallel.cpus_per_actor, held_s / 3600 * parallel.gpus_per_actor
        gpu_text = f", {gpus:.3g} GPU hours" if gpus else ""
        price, origin = self.price, f" ({self.price.origin})" if self.price.origin else ""
        money = f", cost {price.text(price.of(held_s))}{origin}" if price.per_hour else ""
        return f"{cpus:.3g} CPU hours{gpu_text}{money}"

    def _use(self) -> str:
        """Shares of the time that actors were held, and the hours of the rows' work by stage."""
        spending = self.spending
        held_s = spending.held_s(time.monotonic())
        failed_s = spending.failed_s + spending.lost_s
        rest_s = max(0.0, held_s - spending.rows_s - spending.lost_s)
        shares = (
            f"{(spending.rows_s - spending.failed_s) / held_s:.0%} good rows, {failed_s / held_s:.0%} failed attempts"
        )
        stages = [f"{name.removesuffix('_s')} {seconds / 3600:.3g} h" for name, seconds in self.times.items()]
        return "; ".join([f"of the time: {shares}, {rest_s / held_s:.0%} start and idle", ", ".join(stages)]).rstrip(
            "; "
        )


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
