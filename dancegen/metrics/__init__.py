"""Quality metrics of dances: arrays in, numbers out, in float64."""
