"""sound -> the columns of a table that tell how it sounds: loudness, tempo, and what the song is known by."""

from typing import Any

import numpy as np
from jaxtyping import Float32

from dancegen import schema
from dancegen.motion.beats import tempo
from dancegen.motion.fingerprint import fingerprint

QUIETEST_RMS = 1e-6  # -120 dBFS: digital silence has no loudness in dB


def sound_columns(samples: Float32[np.ndarray, " S"]) -> dict[str, Any]:
    """loudness_db, tempo_bpm, tempo_confidence and fingerprint of mono sound at 16 kHz."""
    rms = float(np.sqrt(np.mean(np.square(samples), dtype=np.float64)))
    bpm, confidence = tempo(samples)
    return {
        "loudness_db": 20 * np.log10(max(rms, QUIETEST_RMS)),
        "tempo_bpm": bpm if np.isfinite(bpm) else None,
        "tempo_confidence": confidence,
        "fingerprint": schema.to_bytes(fingerprint(samples), "float16"),
    }
