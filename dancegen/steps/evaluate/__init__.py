"""Scores of generated dances against real ones."""
