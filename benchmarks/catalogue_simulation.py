"""A catalogue on spot machines, on paper: the engine's scheduling under a virtual clock.

    python benchmarks/catalogue_simulation.py 10000 1000000 10000000

The engine's own code decides which song runs next, how many actors there are, what becomes of the songs of a lost actor
(schedule.py), what actors were held for (cost.py) and what they cost (prices.py). Simulated are the clock, the machines
and the songs: a machine takes BOOT_S to start and an actor START_S; its cloud takes it away after an exponential time,
with a notice of NOTICE_S, and gives another one; a song takes SONG_S of an actor (below), and ends its actor with
the probability CRASH. Storage, the driver's own time and Ray's are not simulated. The driver's memory is computed from
the rows of open shards and the size of a planned row.

SONG_S: songs have 210 s (median) of 30 frames a second, with a log-normal spread of 0.35 [assumed]; a CPU core draws
and encodes 68 frames of `avatar` per second (benchmarks/results/2cpu-2026-11-22.md), with a spread of 0.15 [assumed].
"""

import argparse
import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from dancegen.engine.prices import actor_price
from dancegen.engine.table_jobs.cost import Spending
from dancegen.engine.table_jobs.schedule import Batch, Schedule
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.tables.names import ROWS_A_SHARD, shard_count

BOOT_S, START_S, NOTICE_S, POLL_S = 180.0, 15.0, 120.0, 2.0
MEDIAN_S, SONG_SPREAD, FRAMES_PER_S, FPS, SPEED_SPREAD = 210.0, 0.35, 68.0, 30.0, 0.15
CRASH = 1e-5
MACHINE, ACTORS_A_MACHINE = "c8g.8xlarge", 32
LIVES_H = (0.0, 24.0, 4.0)  # mean time until a machine is taken away; 0: never
BYTES_A_ROW, BYTES_OPEN = 16, 1100  # of the driver: of a planned row (plan.py), and of one in an open shard (pickled)
DRAWN = 100_000  # durations at once


@dataclass
class Actor:
    """An actor on a machine."""

    machine: int
    batch: Batch | None = None
    since_s: float = 0.0


@dataclass
class Machines:
    """Machines that are up, and for how long machines were paid."""

    free: dict[int, int] = field(default_factory=dict)
    """Machine -> actors for which it has room."""
    draining: set[int] = field(default_factory=set)
    since_s: dict[int, float] = field(default_factory=dict)
    """Machine -> when it was ordered."""
    paid_s: float = 0.0
    lost: int = 0


class Simulation:
    """One catalogue. Events are (time, number, what, of which machine or actor)."""

    def __init__(self, songs: int, machines: int, life_h: float, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.life_s = life_h * 3600 if life_h else None
        self.left = self.songs = songs
        actors = machines * ACTORS_A_MACHINE
        self.schedule = Schedule(self._rows(), actors, min(actors, ACTORS_A_MACHINE))
        self.spending, self.machines = Spending(), Machines()
        self.now_s, self.events, self.number = 0.0, [], 0
        self.waiting = 0  # actors that wait for room
        self.starting: set[int] = set()
        self.actors: dict[int, Actor] = {}
        self.idle: list[int] = []
        self.open: dict[int, int] = {}
        self.most_open = 0
        for _ in range(machines):
            self._order()
        self._at(0.0, "look", None)

    def run(self) -> None:
        """Until all songs are done, or given up."""
        while self.left:
            self.now_s, _, what, which = heapq.heappop(self.events)
            getattr(self, what)(which)
            self._turn()
        for since_s in self.machines.since_s.values():
            self.machines.paid_s += self.now_s - since_s

    def _rows(self) -> Iterator[dict]:
        for first in range(0, self.songs, DRAWN):
            count = min(DRAWN, self.songs - first)
            frames = FPS * MEDIAN_S * np.exp(SONG_SPREAD * self.random.standard_normal(count))
            seconds = frames / (FRAMES_PER_S * np.exp(SPEED_SPREAD * self.random.standard_normal(count)))
            for number, each in enumerate(seconds.tolist(), start=first):
                shard = number // ROWS_A_SHARD
                self.open[shard] = self.open.get(shard, min(ROWS_A_SHARD, self.songs - shard * ROWS_A_SHARD))
                self.most_open = max(self.most_open, len(self.open))
                yield {"uri": str(number), "song_s": each}

    def _turn(self) -> None:
        """What pool.py does in each of its turns."""
        self.schedule.take()
        while self.idle and (batch := self.schedule.batch()) is not None:
            self._begin(self.idle.pop(), batch)
        busy = len(self.actors) - len(self.idle)
        starting = len(self.starting) + self.waiting
        self.waiting += self.schedule.to_start(starting, len(self.idle), busy, self.now_s)
        for _ in range(self.schedule.to_end(len(self.idle), busy)):
            self._end(self.idle.pop())
        while self.waiting and (machine := self._room()) is not None:
            self.waiting -= 1
            self.machines.free[machine] -= 1
            self.number += 1
            self.starting.add(self.number)
            self._at(START_S, "started", (self.number, machine))

    def _room(self) -> int | None:
        """A machine that has room for an actor."""
        return next((machine for machine, room in self.machines.free.items() if room), None)

    def _begin(self, name: int, batch: Batch) -> None:
        actor = self.actors[name]
        actor.batch, actor.since_s = batch, self.now_s
        seconds = sum(row["song_s"] for row in batch.rows)
        if self.random.random() < CRASH * len(batch.rows):
            self._at(seconds * self.random.random(), "crashed", name)
        else:
            self._at(seconds, "ended", name)

    def look(self, _: None) -> None:
        """The pool looks around, as often as pool.py at least."""
        if self.left:
            self._at(POLL_S, "look", None)

    def _at(self, after_s: float, what: str, which: object) -> None:
        self.number += 1  # also where times are equal, events have an order
        heapq.heappush(self.events, (self.now_s + after_s, self.number, what, which))

    def _order(self) -> None:
        self.number += 1
        self.machines.since_s[self.number] = self.now_s
        self._at(BOOT_S, "up", self.number)

    def up(self, machine: int) -> None:
        """A machine has joined the cluster."""
        self.machines.free[machine] = ACTORS_A_MACHINE
        if self.life_s is not None:
            self._at(self.random.exponential(self.life_s), "notice", machine)

    def notice(self, machine: int) -> None:
        """A machine is about to be taken away: its idle actors end, the others get no new rows."""
        self.machines.draining.add(machine)
        self.machines.free.pop(machine)
        for name in [name for name in self.idle if self.actors[name].machine == machine]:
            self.idle.remove(name)
            self._end(name)
        self._at(NOTICE_S, "taken", machine)
        self._order()  # the autoscaler replaces it

    def taken(self, machine: int) -> None:
        """A machine is gone, with the rows in progress."""
        self.machines.paid_s += self.now_s - self.machines.since_s.pop(machine)
        self.machines.lost += 1
        for name in [name for name, actor in self.actors.items() if actor.machine == machine]:
            self._lose(name, with_node=True)

    def started(self, which: tuple[int, int]) -> None:
        """An actor is ready, unless its machine is about to be taken away."""
        name, machine = which
        self.starting.discard(name)
        if machine not in self.machines.free:
            return
        self.actors[name] = Actor(machine)
        self.spending.actor_started(name, self.now_s)
        self.idle.append(name)

    def ended(self, name: int) -> None:
        """An actor has done its batch."""
        actor = self.actors.get(name)
        if actor is None:  # it was lost with its machine
            return
        assert actor.batch is not None
        seconds = [row["song_s"] for row in actor.batch.rows]
        self.schedule.ended(actor.batch, seconds)
        for row, each in zip(actor.batch.rows, seconds, strict=True):
            self.spending.row_ended(each, failed=False)
            self._done(row)
        actor.batch = None
        if actor.machine in self.machines.draining:
            self._end(name)
        else:
            self.idle.append(name)

    def crashed(self, name: int) -> None:
        """A song has ended the process of its actor."""
        if name in self.actors:
            self._lose(name, with_node=False)

    def _lose(self, name: int, with_node: bool) -> None:
        actor = self.actors[name]
        self._end(name)
        if actor.batch is not None:
            held_s = self.now_s - actor.since_s
            self.spending.lost_s += held_s
            for row in self.schedule.lost(actor.batch, held_s, with_node):
                self._done(row)

    def _end(self, name: int) -> None:
        actor = self.actors.pop(name)
        self.spending.actor_ended(name, self.now_s)
        if actor.machine in self.machines.free:
            self.machines.free[actor.machine] += 1

    def _done(self, row: dict) -> None:
        self.left -= 1
        shard = int(row["uri"]) // ROWS_A_SHARD
        self.open[shard] -= 1
        if not self.open[shard]:
            del self.open[shard]


def main() -> None:
    """Print a row of a Markdown table for each size and mean life of a machine."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sizes", nargs="+", type=int, help="songs")
    parser.add_argument("--machines", type=int, default=50)
    parser.add_argument(
        "--lives", nargs="+", type=float, default=LIVES_H, help="mean lives of a machine in h; 0: for ever"
    )
    given = parser.parse_args()
    price = actor_price(Parallel(actors=ACTORS_A_MACHINE, machine=MACHINE))
    columns = (
        "songs, a machine lives (h), hours, machines lost, lost attempts, start and idle, USD, USD a thousand songs"
    )
    print(f"| {columns.replace(', ', ' | ')} | driver, MB | objects listed |")
    print("|--:" * 10 + "|")
    for size in given.sizes:
        for life_h in given.lives:
            one = Simulation(size, given.machines, life_h)
            one.run()
            paid_s = one.machines.paid_s * ACTORS_A_MACHINE
            lost, idle = one.spending.lost_s / paid_s, 1 - (one.spending.rows_s + one.spending.lost_s) / paid_s
            driver_mb = (BYTES_A_ROW * size + BYTES_OPEN * ROWS_A_SHARD * one.most_open) / 1e6
            objects = shard_count(size) + ROWS_A_SHARD * one.most_open
            print(
                f"| {size:,} | {life_h or 'for ever'} | {one.now_s / 3600:,.1f} | {one.machines.lost:,} | {lost:.2%} "
                f"| {idle:.1%} | {price.of(paid_s):,.0f} | {1000 * price.of(paid_s) / size:.2f} | {driver_mb:,.0f} "
                f"| {objects:,} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
