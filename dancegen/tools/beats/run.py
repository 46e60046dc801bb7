"""A song -> table and picture of its beats.

Axes used in shapes:
    N beats
"""

import csv
import io
from typing import Any

import cv2
import numpy as np

from dancegen import storage
from dancegen.media import audio
from dancegen.media.marks import BEATS_HEADER, XMP
from dancegen.music.beats import UNSURE, Heard, hear
from dancegen.music.counting import rests
from dancegen.music.sections import Section, find_sections
from dancegen.music.spectrum import bands_db
from dancegen.tools.beats.picture import draw
from dancegen.tools.beats.settings import BeatsConfig

ON_BEAT = 1e-3  # a number of a counted beat that is this close to a whole one is on a beat


def run(config: BeatsConfig) -> list[str]:
    """Write the files. Returns lines that summarise the song.

    Raises BadMediaError when the song cannot be used, StorageError when a URI cannot be read or written.
    """
    with storage.reading(config.song) as path:
        samples = audio.load(path, config.song)
    bands = bands_db(samples)
    heard = hear(samples, bands)
    sections = find_sections(bands, heard.downbeats_s)
    storage.write_bytes(config.table, _csv(heard, sections).encode())
    if config.picture is not None:
        coded = cv2.cvtColor(draw(bands, heard, sections), cv2.COLOR_RGB2BGR)
        mark = [np.frombuffer(XMP, dtype=np.uint8)]
        image = cv2.imencodeWithMetadata(storage.suffix(config.picture), coded, [cv2.IMAGE_METADATA_XMP], mark)[1]
        storage.write_bytes(config.picture, image.tobytes())
    return [f"{config.song}: {summary(heard)}", *_form(sections)]


def summary(heard: Heard) -> str:
    """Tempo, counted tempo, metre and clarity in one line."""
    if len(heard.beats_s) < 2:
        return "no beat was detected"
    unsure = f" (below {UNSURE:g}: no steady beat)" if heard.confidence < UNSURE else ""
    return (
        f"{heard.bpm:.1f} bpm, counted as {heard.counted_bpm:.1f}; {heard.meter}; {len(heard.beats_s):,} beats; "
        f"clarity {heard.confidence:.2f}{unsure}"
    )


def rows(heard: Heard, sections: list[Section]) -> list[dict[str, Any]]:
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


def _csv(heard: Heard, sections: list[Section]) -> str:
    text = io.StringIO()
    writer: csv.DictWriter[str] = csv.DictWriter(text, BEATS_HEADER, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows(heard, sections))
    return text.getvalue()


def _form(sections: list[Section]) -> list[str]:
    if not sections:
        return []
    parts = ", ".join(f"{section.label} {section.start_s:.1f} s" for section in sections)
    return [f"sections: {parts}"]
