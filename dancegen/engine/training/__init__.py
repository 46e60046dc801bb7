"""Trainings on Ray Train: drivers, workers, run folders."""
