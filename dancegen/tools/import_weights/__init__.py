"""`dancegen import-weights`: published weights as checkpoints."""
