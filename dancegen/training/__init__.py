"""Shared parts of the trainings, without Ray: batches, clips, meters, randomness, batch norm statistics."""
