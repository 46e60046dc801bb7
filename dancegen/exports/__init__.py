"""Dances and their songs in the formats of other programs: arrays, key points, pose videos, motion capture, timings."""
