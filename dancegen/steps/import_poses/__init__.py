"""Pose files of other projects as poses."""
