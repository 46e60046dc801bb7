"""Music analysis: onsets, tempo, beats, bars, phrases, and fingerprints of songs."""
