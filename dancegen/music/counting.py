"""beats -> the beats that a dance counts, and its bars.

A dance counts between 68 and 152 beats per minute: faster music at half its tempo (drum and bass of 174 as 87), slower
music at double. Beats that divide into three are not doubled, and bars of three are not halved. A counted bar has
three or four counted beats: two bars of 6/8, or two bars of fast music, are one.

Axes used in shapes:
    N beats    T times
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

SLOWEST_BPM, FASTEST_BPM = 68.0, 152.0
REST_BEATS = 1.8  # a longer interval, in beats, is a rest


class Count(NamedTuple):
    """Numbers of counted beats and bars at each beat; whole numbers are on the beat, and on the downbeat."""

    times_s: Float64[np.ndarray, " N"]
    beats: Float64[np.ndarray, " N"]
    bars: Float64[np.ndarray, " N"]

    def at(self, seconds: Float[np.ndarray, " T"]) -> tuple[Float64[np.ndarray, " T"], Float64[np.ndarray, " T"]]:
        """Fractional numbers of beat and bar at each time; extrapolated before the first and after the last beat."""
        return tuple(_extended(seconds, self.times_s, numbers) for numbers in (self.beats, self.bars))  # pyright: ignore

    def beat_times(self) -> Float64[np.ndarray, " _"]:
        """Times of the counted beats from the first to the last beat, in seconds."""
        return _whole_numbers(self.beats, self.times_s)

    def bar_times(self) -> Float64[np.ndarray, " _"]:
        """Times of the first beat of each counted bar, in seconds."""
        return _whole_numbers(self.bars, self.times_s)


def rests(beats_s: Float[np.ndarray, " N"]) -> Bool[np.ndarray, " N"]:
    """Whether a rest, or the start of the song, is before each beat."""
    found = np.ones(len(beats_s), dtype=bool)
    intervals = np.diff(beats_s)
    if len(intervals) > 1:
        before = np.concatenate([intervals[1:2], intervals[:-1]])
        after = np.concatenate([intervals[1:], intervals[-2:-1]])
        found[1:] = intervals > REST_BEATS * np.maximum(before, after)
    return found


def counted_factor(bpm: float, meter: int, triple: bool) -> float:
    """Counted beats per beat: 0.5, 1 or 2."""
    if bpm > FASTEST_BPM and meter != 3:
        return 0.5
    return 2.0 if bpm < SLOWEST_BPM and not triple else 1.0


def count(
    beats_s: Float[np.ndarray, " N"],
    positions: Int64[np.ndarray, " N"],
    meters: Int64[np.ndarray, " N"],
    triple: Bool[np.ndarray, " N"],
) -> Count:
    """The count of a song, given for each beat its time, position in its bar, beats of that bar, and its division."""
    starts = np.flatnonzero(rests(beats_s))
    number, bar = np.zeros(len(beats_s)), np.zeros(len(beats_s))
    for start, end in pairwise([*starts, len(beats_s)]):
        part = slice(start, end)
        period = float(np.median(np.diff(beats_s[part]))) if end - start > 1 else 0.5
        meter = int(np.bincount(meters[part]).argmax())
        factor = counted_factor(60 / period, meter, bool(np.median(triple[part]) > 0.5))
        first, first_bar = 0.0, 0.0
        if start:  # a whole number of beats fills the rest
            first = np.ceil(number[start - 1]) + max(
                1.0, np.round((beats_s[start] - beats_s[start - 1]) / period * factor)
            )
            first_bar = np.ceil(bar[start - 1] + 1e-6)
        number[part], bar[part] = _run(positions[part], meters[part], factor, first, first_bar)
    return Count(beats_s.astype(np.float64), number, bar)


def _run(
    positions: Int64[np.ndarray, " N"], meters: Int64[np.ndarray, " N"], factor: float, first: float, first_bar: float
) -> tuple[Float64[np.ndarray, " N"], Float64[np.ndarray, " N"]]:
    """Numbers of beats and bars of beats without rests. A bar that is cut short ends on a whole number."""
    numbers, bars = np.zeros(len(positions)), np.zeros(len(positions))
    number, bar = first, first_bar
    pickup = int(meters[0] - positions[0]) % int(meters[0])
    if pickup:
        number, bar = (
            np.ceil(first + pickup * factor) - pickup * factor,
            first_bar + 1 - pickup * factor / _length(meters[0]),
        )
    for index, (position, meter) in enumerate(zip(positions, meters, strict=True)):
        if position == 0:
            share = min(1.0, meter * factor / _length(meter))  # of a counted bar
            number, bar = np.ceil(number - 1e-6), np.ceil(bar / share - 1e-6) * share
        numbers[index], bars[index] = number, bar
        number, bar = number + factor, bar + factor / _length(meter)
    return numbers, bars


def _length(meter: int) -> int:
    """Counted beats of a counted bar."""
    return 3 if meter == 3 else 4


def _extended(
    seconds: Float[np.ndarray, " T"], times_s: Float[np.ndarray, " N"], numbers: Float[np.ndarray, " N"]
) -> Float64[np.ndarray, " T"]:
    found = np.interp(seconds, times_s, numbers)
    for ends, outside in ((slice(0, 9), seconds < times_s[0]), (slice(-9, None), seconds > times_s[-1])):
        period = float(np.median(np.diff(times_s[ends])))
        step = float(np.median(np.diff(numbers[ends])))
        edge = 0 if ends.start == 0 else -1
        found[outside] = numbers[edge] + (seconds[outside] - times_s[edge]) / period * step
    return found


def _whole_numbers(numbers: Float[np.ndarray, " N"], times_s: Float[np.ndarray, " N"]) -> Float64[np.ndarray, " _"]:
    if not len(numbers):
        return np.zeros(0)
    wanted = np.arange(np.ceil(numbers[0] - 1e-6), np.floor(numbers[-1] + 1e-6) + 1)
    return np.interp(wanted, numbers, times_s)
