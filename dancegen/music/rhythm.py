"""Names of the rhythm channels; `beats` computes them."""

RHYTHM_CHANNELS = ("onset", "beat_sin", "beat_cos", "bar_sin", "bar_cos", "phrase_sin", "phrase_cos")
