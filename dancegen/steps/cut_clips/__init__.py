"""Poses and sound cut into clips; the split."""
