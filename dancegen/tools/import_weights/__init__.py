"""`dancegen import-weights`: conversion of the published weights to checkpoints."""
