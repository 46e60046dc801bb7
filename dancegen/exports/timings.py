"""Beats and sections of a song -> tables (CSV) and subtitles (SRT), for editors.

Axes used in shapes:
    N beats
"""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from dancegen.media.marks import BEATS_HEADER, SECTIONS_HEADER, SRT_BEAT, SRT_SECTION
from dancegen.music.beats import Heard
from dancegen.music.counting import rests
from dancegen.music.sections import Section

ON_BEAT = 1e-3  # a number of a counted beat that is this close to a whole one is on a beat
LONGEST_BEAT_S = 2.0  # a subtitle of a beat ends then, before a rest

Cue = tuple[float, float, str]  # start and end in seconds, text


def beats_csv(heard: Heard, sections: list[Section]) -> str:
    """A row per beat; columns are BEATS_HEADER."""
    return _csv(BEATS_HEADER, beat_rows(heard, sections))


def beat_rows(heard: Heard, sections: list[Section]) -> list[dict[str, Any]]:
    """A row per beat; columns are BEATS_HEADER.

    `bar` counts from 1 (0: before the first downbeat), `beat` is the position in the bar from 1, `counted` is 1 on the
    beats that a dance counts (a song that is counted at double time also has one between two beats), and `bpm` is the
    tempo from the previous beat, or to the next one after a rest.
    """
    times, starts = heard.beats_s, np.array([section.start_s for section in sections])
    bars = np.cumsum(heard.positions == 0)
    intervals = np.diff(times, prepend=np.nan)
    resting = rests(times)
    intervals[resting] = np.append(intervals[1:], np.nan)[resting]
    counted = np.abs(heard.count.beats - np.round(heard.count.beats)) < ON_BEAT
    found = []
    for index, time in enumerate(times):
        section = int(np.searchsorted(starts, time + ON_BEAT, side="right")) - 1
        values = (
            f"{time:.3f}",
            int(bars[index]),
            int(heard.positions[index]) + 1,
            int(heard.meters[index]),
            f"{60 / intervals[index]:.2f}",
            int(counted[index]),
            sections[section].label if section >= 0 else "",
        )
        found.append(dict(zip(BEATS_HEADER, values, strict=True)))
    return found


def sections_csv(heard: Heard, sections: list[Section]) -> str:
    """A row per section: its number from 1, letter, start and end in seconds, and number of bars."""
    rows = []
    for number, section in enumerate(sections, start=1):
        inside = (heard.downbeats_s >= section.start_s - ON_BEAT) & (heard.downbeats_s < section.end_s - ON_BEAT)
        values = (number, section.label, f"{section.start_s:.3f}", f"{section.end_s:.3f}", int(inside.sum()))
        rows.append(dict(zip(SECTIONS_HEADER, values, strict=True)))
    return _csv(SECTIONS_HEADER, rows)


def beats_srt(heard: Heard, sections: list[Section]) -> str:
    """A subtitle per beat, to the next one: its bar and its position there."""
    del sections
    ends = np.append(heard.beats_s[1:], np.inf)
    bars = np.cumsum(heard.positions == 0)
    return _srt(
        (start, min(end, start + LONGEST_BEAT_S), f"{SRT_BEAT} {position + 1} of bar {bar}")
        for start, end, position, bar in zip(heard.beats_s, ends, heard.positions, bars, strict=True)
    )


def sections_srt(heard: Heard, sections: list[Section]) -> str:
    """A subtitle per section: its letter."""
    del heard
    return _srt((start_s, end_s, f"{SRT_SECTION} {label}") for start_s, end_s, label in sections)


def _csv(header: Sequence[str], rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer: csv.DictWriter[str] = csv.DictWriter(text, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _srt(cues: Iterable[Cue]) -> str:
    """SubRip: numbered cues, each with its times, text and an empty line."""
    return "".join(
        f"{number}\n{_clock(start_s)} --> {_clock(end_s)}\n{text}\n\n"
        for number, (start_s, end_s, text) in enumerate(cues, start=1)
    )


def _clock(seconds: float) -> str:
    thousandths = round(seconds * 1000)
    minutes, thousandths = divmod(thousandths, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{thousandths // 1000:02},{thousandths % 1000:03}"
