"""A song -> table and picture of its beats."""

import cv2
import numpy as np

from dancegen import storage
from dancegen.exports.timings import beats_csv
from dancegen.media import audio
from dancegen.media.marks import XMP
from dancegen.music.beats import UNSURE, Heard, hear
from dancegen.music.sections import Section, find_sections
from dancegen.music.spectrum import bands_db
from dancegen.tools.beats.picture import draw
from dancegen.tools.beats.settings import BeatsConfig


def run(config: BeatsConfig) -> list[str]:
    """Write the files. Returns lines that summarise the song.

    Raises BadMediaError when the song cannot be used, StorageError when a URI cannot be read or written.
    """
    with storage.reading(config.song) as path:
        samples = audio.load(path, config.song)
    bands = bands_db(samples)
    heard = hear(samples, bands)
    sections = find_sections(bands, heard.downbeats_s)
    storage.write_bytes(config.table, beats_csv(heard, sections).encode())
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


def _form(sections: list[Section]) -> list[str]:
    if not sections:
        return []
    parts = ", ".join(f"{section.label} {section.start_s:.1f} s" for section in sections)
    return [f"sections: {parts}"]
