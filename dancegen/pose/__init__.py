"""Poses: tracks of people, the choice of the dancer, repair, normalization."""
