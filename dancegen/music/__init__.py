"""Music: beats, bars and phrases, fingerprints of songs."""
