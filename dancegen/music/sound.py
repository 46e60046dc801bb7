"""audio -> columns of a table that describe it: loudness, tempo and fingerprint."""

from typing import Any

import numpy as np
from jaxtyping import Float32

from dancegen import schema
from dancegen.media.audio import is_loud
from dancegen.music.beats import SURE, UNSURE, Heard, tempo
from dancegen.music.fingerprint import fingerprint

QUIETEST_RMS = 1e-6  # -120 dBFS: digital silence has no loudness in dB


def sound_columns(samples: Float32[np.ndarray, " S"], track: str | None = None) -> dict[str, Any]:
    """loudness_db, tempo_bpm, tempo_confidence, fingerprint and note (see sound_note) of mono audio at 16 kHz."""
    rms = float(np.sqrt(np.mean(np.square(samples), dtype=np.float64)))
    bpm, confidence = tempo(samples)
    return {
        "loudness_db": 20 * np.log10(max(rms, QUIETEST_RMS)),
        "tempo_bpm": bpm if np.isfinite(bpm) else None,
        "tempo_confidence": confidence,
        "fingerprint": schema.to_bytes(fingerprint(samples), "float16"),
        "note": sound_note(samples, confidence, track),
    }


def tempo_columns(heard: Heard) -> dict[str, Any]:
    """tempo_bpm, counted_bpm, meter and tempo_confidence of schema.RENDERS; null where there is no beat."""
    known = len(heard.beats_s) > 1
    return {
        "tempo_bpm": heard.bpm if known else None,
        "counted_bpm": heard.counted_bpm if known else None,
        "meter": heard.meter if known else None,
        "tempo_confidence": heard.confidence,
    }


def sound_note(samples: Float32[np.ndarray, " S"], confidence: float, track: str | None) -> str | None:
    """Remarks on the audio for the user: which track was used (media.audio.Track.note), silence, no steady beat."""
    notes = [track] if track else []
    if not is_loud(samples):
        notes.append("it is silent")
    elif confidence < UNSURE:
        notes.append(f"no steady beat was detected (confidence {confidence:.2f}; songs have {SURE:g} or more)")
    return "; ".join(notes) or None
