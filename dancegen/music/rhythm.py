"""The channels of a rhythm by name; `beats` makes them."""

RHYTHM_CHANNELS = ("onset", "beat_sin", "beat_cos", "bar_sin", "bar_cos", "phrase_sin", "phrase_cos")
