"""samples -> a WAV file."""

import wave
from pathlib import Path

import numpy as np
from jaxtyping import Float32


def write_wav(path: Path, sound: Float32[np.ndarray, " S"], rate: int) -> None:
    """Write samples as a WAV file, mono, 16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(sound * 32767).astype("<i2").tobytes())
