"""Poses: tracking of people, selection of the dancer, repair, normalization, resampling."""
