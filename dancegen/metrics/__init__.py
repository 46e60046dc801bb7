"""How good dances are: arrays in, numbers out, in float64."""
